"""Training that holds the evidence of a network to what deleting parts of a source does."""

import functools

import keras
from keras import ops

from keras_astroattn.layers.base import register
from keras_astroattn.layers.source_deletion import SourceDeletion

from .wrappers import votes_head

# Keeps the ratio finite where a network says the same of all images.
_SMALLEST_SPREAD = 0.1


@register
class ConsistentNetwork(keras.layers.Layer):
    """A network that learns, while it is trained, to say of a part what its votes say of it.

    D is a random part of a source (`SourceDeletion`, guided by the network's own evidence for
    the class that it predicts). M is the difference of the two logits of the image; M_D that of
    the image with D painted black; M^_D that of the whole image's features, weighted by its
    attention, pooled over what is left of the source: what the votes of the whole image predict
    for the rest. Sums are over the first half of each batch:

        loss = weight sum (M^_D - M_D)^2 / (1/2 sum [(M - M^_D)^2 + (M - M_D)^2] + 0.1)

    Without the denominator, the loss would fall by giving all images the same logits. The loss
    is added while training only. The batch normalizations see whole and deleted images as one
    batch: with moving statistics for the deleted ones the two would not be comparable.

    Shapes: images (batch, height, width, channels) to logits (batch, 2), those of the network.

    Args:
        network: a network of two classes with `aggregation="votes"`.
        weight: of the loss.
        seed: of the random parts.
        **kwargs: of `keras.layers.Layer`; `dtype` is always float32.

    Raises:
        ValueError: the network has another aggregation or number of classes, or the weight is
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

    # Views of the network, which share its weights. A cached property is not an attribute that
    # Keras tracks, so that nothing is saved twice.
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
        # Whole images, the halves' features to be pooled over what is left, and deleted images.
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
    """Return the ratio in the loss of `ConsistentNetwork`, of M, M^_D and M_D, each (n,)."""
    spread = ops.sum(ops.square(whole - predicted) + ops.square(whole - found)) / 2
    return ops.sum(ops.square(predicted - found)) / (spread + _SMALLEST_SPREAD)
