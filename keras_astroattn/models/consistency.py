"""Consistency training: the evidence of a part predicts the effect of its deletion."""

import functools

import keras
from keras import ops

from keras_astroattn.layers.base import register
from keras_astroattn.layers.source_deletion import SourceDeletion

from .wrappers import votes_head

# Keeps the ratio finite if a network gives the same logits for all images.
_SMALLEST_SPREAD = 0.1


@register
class ConsistentNetwork(keras.layers.Layer):
    """A network that learns in training to agree with its votes when a part is deleted.

    D is a random part of a source (`SourceDeletion`, guided by the network's own evidence for
    the class that it predicts). M is the difference of the two logits of the image. M_D is that
    of the image with D painted black. M^_D is the prediction of M_D from the votes: the features
    of the whole image, weighted by its attention, are pooled over the rest of the source. Sums
    are over the first half of each batch:

        loss = weight sum (M^_D - M_D)^2 / (1/2 sum [(M - M^_D)^2 + (M - M_D)^2] + 0.1)

    Without the denominator, the loss would fall if all images got the same logits. The loss is
    added in training only. The batch normalizations see whole and deleted images in one batch;
    with moving statistics for the deleted ones the two would not be comparable.

    Shapes: images (batch, height, width, channels) to the logits of the network, (batch, 2).

    Args:
        network: a network of two classes with `aggregation="votes"`.
        weight: weight of the loss, above 0.
        seed: seed of the random parts.
        **kwargs: options of `keras.layers.Layer`; `dtype` is always float32.

    Raises:
        ValueError: The network has another aggregation or number of classes, or the weight is
            not above 0.
    """

    def __init__(self, network: keras.Model, weight: float, seed: int | None = None, **kwargs):
        if votes_head(network) is None or network.output.shape[-1] != 2:
            raise ValueError(
                f'{network.name} must have aggregation="votes" and two classes to be trained '
                "for consistency"
            )
        if not weight > 0:
            raise ValueError(f"weight must be above 0; got {weight}")
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.network = network
        self.weight = weight
        self.seed = seed
        self.deletion = SourceDeletion(seed=seed, name="deletion")

    def build(self, input_shape):
        """Do nothing: the network is built already."""

    # Views of the network that share its weights. Keras does not track a cached property, so
    # nothing is saved twice.
    @functools.cached_property
    def _head(self):
        return votes_head(self.network)

    @functools.cached_property
    def _features(self):
        return keras.Model(self.network.input, self._head.input)

    @functools.cached_property
    def _answer(self):
        return keras.Model(self.network.input, self._head.output[:2])

    def call(self, images, training=False):
        """Return the logits, and add the loss while training."""
        if not training:
            return self.network(images, training=False)
        count = ops.shape(images)[0]
        half = count // 2
        some = images[:half]
        deleted = ops.stop_gradient(self.deletion((some, self._guide(some))))
        *features, _ = self._features(ops.concatenate([images, deleted]), training=True)
        # Whole images, the first half again for pooling over the rest, and deleted images.
        features = [ops.concatenate([x[:count], x[:half], x[count:]]) for x in features]
        seen = ops.concatenate([images, deleted, deleted])
        logits, *_ = self._head([*features, seen], training=True)
        margin = logits[:, 1] - logits[:, 0]
        whole, predicted, found = (margin[a : a + half] for a in (0, count, count + half))
        self.add_loss(self.weight * inconsistency(whole, predicted, found))
        return logits[:count]

    def _guide(self, images):
        """Return the evidence (batch, height, width) for the class that the network predicts."""
        logits, evidence = self._answer(images, training=False)
        sign = ops.where(logits[:, 1] > logits[:, 0], 1.0, -1.0)
        signed = (evidence[..., 1] - evidence[..., 0]) * sign[:, None, None]
        return ops.stop_gradient(signed)

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, 2)."""
        return (input_shape[0], 2)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "weight": self.weight,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """Build the layer that `get_config` describes."""
        network = keras.saving.deserialize_keras_object(config.pop("network"))
        return cls(network, **config)


def inconsistency(whole, predicted, found):
    """Return the ratio in the loss of `ConsistentNetwork` from M, M^_D and M_D, each (n,)."""
    spread = ops.sum(ops.square(whole - predicted) + ops.square(whole - found)) / 2
    return ops.sum(ops.square(predicted - found)) / (spread + _SMALLEST_SPREAD)
