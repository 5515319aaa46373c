"""What the gated networks share: from the stages of a backbone to logits, and their options."""

import keras

from keras_astroattn.layers.aggregation import AGGREGATIONS
from keras_astroattn.layers.attention_gate import AttentionGate
from keras_astroattn.layers.attention_pooling import POOLINGS, AttentionPooling
from keras_astroattn.layers.base import require_choice
from keras_astroattn.layers.normalization import NORMALIZATIONS, SCOPES
from keras_astroattn.layers.source_correlation import SourceCorrelation
from keras_astroattn.layers.votes import POSITIVE, VOTES, VotesAggregation

POOLED = {"data_format": "channels_last", "dtype": "float32"}
"""Options of the layers that pool a whole feature map."""


class GatedNetwork(keras.Model):
    """A functional model from an image to logits that keeps the options it was built from.

    Each option is an attribute; `input_shape`, which Keras has itself, is `image_shape`.

    Args:
        image: input of the network.
        logits: its output.
        dtype: its dtype policy.
        options: all other arguments of the subclass but those of `keras.Model`.
        trainable: whether its weights are.
        **kwargs: `name` of `keras.Model`.
    """

    def __init__(self, image, logits, dtype, options: dict, trainable: bool = True, **kwargs):
        super().__init__(inputs=image, outputs=logits, **kwargs)
        # Not an argument of Keras's own, which leaves the layers of a frozen model trainable.
        self.trainable = trainable
        # Keras gives a functional model the global policy, and `compile` scales the loss by it.
        self.dtype_policy = dtype
        self._option_names = tuple(options)
        for name, value in options.items():
            setattr(self, _ATTRIBUTES.get(name, name), value)

    def get_config(self):
        """What `__init__` of the subclass took."""
        options = {name: getattr(self, _ATTRIBUTES.get(name, name)) for name in self._option_names}
        return {
            **options,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the network that `get_config` describes."""
        return cls(**config)


_ATTRIBUTES = {"input_shape": "image_shape"}


def require_head(
    normalization: str, aggregation: str, pooling: str, scope: str, source_correlation: float
) -> None:
    """Raise ValueError, naming the option, for one that no head has."""
    require_choice("normalization", normalization, NORMALIZATIONS)
    require_choice("aggregation", aggregation, (*AGGREGATIONS, VOTES))
    if aggregation == VOTES:
        require_choice(f"normalization with aggregation={VOTES!r}", normalization, POSITIVE)
    require_choice("pooling", pooling, POOLINGS)
    require_choice("scope", scope, SCOPES)
    if not 0 <= source_correlation < 1:
        raise ValueError(f"source_correlation must be in [0, 1); got {source_correlation}")


def gated_logits(
    finer: list,
    g,
    image,
    *,
    normalization: str,
    scope: str,
    psi_bias: float,
    source_correlation: float,
    intermediate_channels: int,
    dtype,
    pooling: str,
    aggregation: str,
    dropout: float,
    num_classes: int,
):
    """Gate the feature maps x by g, and give the logits.

    Args:
        finer: feature maps x of the gated stages, finest first; the gates are numbered from the
            coarsest.
        g: gating signal.
        image: input of the network.
        normalization: see `AGCNN`, as for the other options.
        scope: ..
        psi_bias: ..
        source_correlation: ..
        intermediate_channels: of the gates.
        dtype: dtype policy of the gates.
        pooling: ..
        aggregation: ..
        dropout: ..
        num_classes: ..
    """
    features, attended, maps = list(reversed(finer)), [], []
    for gate, x in enumerate(features, start=1):
        x_a, a = AttentionGate(
            normalization,
            scope,
            intermediate_channels=intermediate_channels,
            psi_bias=psi_bias,
            dtype=dtype,
            name=f"gate_{gate}",
        )((x, g))
        if source_correlation:
            a = SourceCorrelation(source_correlation, name=f"source_{gate}")((a, image))
        attended.append(x_a)
        maps.append(a)
    if aggregation == VOTES:
        pairs = [one for pair in zip(features, maps, strict=True) for one in pair]
        return VotesAggregation(num_classes, dropout, name="logits")([*pairs, g, image])[0]
    vectors = [
        AttentionPooling(pooling, name=f"pooling_{gate}")(pair)
        for gate, pair in enumerate(zip(attended, maps, strict=True), start=1)
    ]
    if aggregation == "concat_gating":
        vectors.append(keras.layers.GlobalAveragePooling2D(**POOLED, name="g_mean")(g))
        vectors.append(keras.layers.GlobalMaxPooling2D(**POOLED, name="g_max")(g))
    return classified(vectors, aggregation, dropout, num_classes)


def classified(vectors: list, aggregation: str, dropout: float, num_classes: int):
    """The layer `logits` on the vectors, each behind its dropout."""
    if dropout:
        vectors = [
            keras.layers.Dropout(dropout, dtype="float32", name=f"dropout_{number}")(vector)
            for number, vector in enumerate(vectors, start=1)
        ]
    return AGGREGATIONS[aggregation](num_classes, name="logits")(vectors)
