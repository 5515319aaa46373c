"""From one vector per gate to logits: the paper's four aggregations and one more.

Bowles et al. 2020, section 3. Every layer takes a list of vectors (batch, channels_k),
one per gate, and gives logits (batch, num_classes), in float32 under every dtype policy.
"""

import keras
from keras import ops

from .base import Float32Layer, register


class _Aggregation(Float32Layer):
    """What the aggregations share: their one option, and float32."""

    def __init__(self, num_classes: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def _dense(self, name: str, input_size: int) -> keras.layers.Dense:
        dense = keras.layers.Dense(self.num_classes, name=name, dtype="float32")
        dense.build((None, input_size))
        return dense

    def _dense_per_gate(self, input_shape) -> list[keras.layers.Dense]:
        return [self._dense(f"gate_{k}", shape[-1]) for k, shape in enumerate(input_shape, start=1)]

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, num_classes)."""
        return (input_shape[0][0], self.num_classes)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "num_classes": self.num_classes}


@register
class ConcatAggregation(_Aggregation):
    """logits = W [v_1, ..., v_N] + b."""

    def build(self, input_shape):
        """Create one dense layer over all channels."""
        self.dense = self._dense("dense", sum(shape[-1] for shape in input_shape))

    def call(self, vectors):
        """Return the logits."""
        return self.dense(ops.concatenate(vectors, axis=-1))


@register
class MeanAggregation(_Aggregation):
    """logits = mean_k (W_k v_k + b_k)."""

    def build(self, input_shape):
        """Create one dense layer per gate."""
        self.dense_per_gate = self._dense_per_gate(input_shape)

    def call(self, vectors):
        """Return the logits."""
        logits = [dense(v) for dense, v in zip(self.dense_per_gate, vectors, strict=True)]
        return sum(logits) / len(logits)


@register
class DeepSupervisionAggregation(_Aggregation):
    """Logits are the mean of W [v_1, ..., v_N] + b and all W_k v_k + b_k."""

    def build(self, input_shape):
        """Create one dense layer per gate, and one over all channels."""
        self.dense_per_gate = self._dense_per_gate(input_shape)
        self.dense = self._dense("dense", sum(shape[-1] for shape in input_shape))

    def call(self, vectors):
        """Return the logits."""
        logits = [dense(v) for dense, v in zip(self.dense_per_gate, vectors, strict=True)]
        logits.append(self.dense(ops.concatenate(vectors, axis=-1)))
        return sum(logits) / len(logits)


@register
class FineTunedAggregation(_Aggregation):
    """logits = W [relu(W_1 v_1 + b_1), ..., relu(W_N v_N + b_N)] + b, the paper's "ft"."""

    def build(self, input_shape):
        """Create one dense layer per gate, and one over their outputs."""
        self.dense_per_gate = self._dense_per_gate(input_shape)
        self.dense = self._dense("dense", self.num_classes * len(input_shape))

    def call(self, vectors):
        """Return the logits."""
        votes = [ops.relu(dense(v)) for dense, v in zip(self.dense_per_gate, vectors, strict=True)]
        return self.dense(ops.concatenate(votes, axis=-1))


@register
class ConcatGatingAggregation(_Aggregation):
    """logits = W batchnorm([v_1, ..., v_N, avg(g), max(g)]) + b.

    Beyond the paper: the gating signal g, average- and max-pooled, joins the gates'
    vectors, and batch normalization brings all to one scale. The inputs are the gates'
    vectors followed by the two pooled ones.
    """

    def build(self, input_shape):
        """Create batch normalization and one dense layer over all channels."""
        channels = sum(shape[-1] for shape in input_shape)
        self.batch_normalization = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype="float32", name="batch_normalization"
        )
        self.batch_normalization.build((None, channels))
        self.dense = self._dense("dense", channels)

    def call(self, vectors, training=None):
        """Return the logits."""
        vector = ops.concatenate(vectors, axis=-1)
        return self.dense(self.batch_normalization(vector, training=training))


AGGREGATIONS = {
    "mean": MeanAggregation,
    "concat": ConcatAggregation,
    "deep_sup": DeepSupervisionAggregation,
    "ft": FineTunedAggregation,
    "concat_gating": ConcatGatingAggregation,
}
"""Layers that turn the gates' vectors into logits, by the name of the option."""
