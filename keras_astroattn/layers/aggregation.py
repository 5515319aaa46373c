"""Aggregations: from one vector per gate to logits, the paper's four and one more.

Bowles et al. 2021, section 3. Each layer takes a list of vectors v_k (batch, channels_k), one per
gate, and returns logits (batch, num_classes), in float32 under every dtype policy.
"""

import keras
from keras import ops

from .base import Float32Layer, register


class _Aggregation(Float32Layer):
    """Base class of the aggregations: float32, and the option `num_classes`.

    Args:
        num_classes: number of logits.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.
    """

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
    """Aggregate by one dense layer over all vectors: logits = W [v_1, ..., v_N] + b.

    Shapes: a list of vectors (batch, channels_k) to logits (batch, num_classes), float32.

    Args:
        num_classes: number of logits.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Source: Bowles et al. 2021 (arXiv 2012.01248), section 3, "concat".
    """

    def build(self, input_shape):
        """Create one dense layer over all channels."""
        self.dense = self._dense("dense", sum(shape[-1] for shape in input_shape))

    def call(self, vectors):
        """Return the logits."""
        return self.dense(ops.concatenate(vectors, axis=-1))


@register
class MeanAggregation(_Aggregation):
    """Aggregate by the mean of one dense layer per gate: logits = mean_k (W_k v_k + b_k).

    Shapes: a list of vectors (batch, channels_k) to logits (batch, num_classes), float32.

    Args:
        num_classes: number of logits.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Source: Bowles et al. 2021 (arXiv 2012.01248), section 3, "mean".
    """

    def build(self, input_shape):
        """Create one dense layer per gate."""
        self.dense_per_gate = self._dense_per_gate(input_shape)

    def call(self, vectors):
        """Return the logits."""
        logits = [dense(v) for dense, v in zip(self.dense_per_gate, vectors, strict=True)]
        return sum(logits) / len(logits)


@register
class DeepSupervisionAggregation(_Aggregation):
    """Aggregate by the mean of W [v_1, ..., v_N] + b and all W_k v_k + b_k.

    Shapes: a list of vectors (batch, channels_k) to logits (batch, num_classes), float32.

    Args:
        num_classes: number of logits.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Source: Bowles et al. 2021 (arXiv 2012.01248), section 3, "deep supervision".
    """

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
    """Aggregate by dense layers per gate and one over their outputs, the paper's "ft".

        logits = W [relu(W_1 v_1 + b_1), ..., relu(W_N v_N + b_N)] + b

    Shapes: a list of vectors (batch, channels_k) to logits (batch, num_classes), float32.

    Args:
        num_classes: number of logits.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Source: Bowles et al. 2021 (arXiv 2012.01248), section 3, "fine-tuned".
    """

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
    """Aggregate the vectors and the pooled gating signal by one dense layer.

        logits = W batchnorm([v_1, ..., v_N, avg(g), max(g)]) + b

    This aggregation is not in the paper. It adds the average and the maximum of the gating signal
    g to the vectors of the gates. Batch normalization brings all of them to one scale.

    Shapes: a list of vectors (batch, channels_k), those of the gates followed by avg(g) and
    max(g), to logits (batch, num_classes), float32.

    Args:
        num_classes: number of logits.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.
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
"""Layers that reduce the gates' vectors to logits, by the name of the option."""
