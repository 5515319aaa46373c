"""Base class of the gated networks: options, gates and head."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from keras_astroattn.errors import InputError
from keras_astroattn.images.conventions import IMAGE_SIZE
from keras_astroattn.layers.aggregation import AGGREGATIONS
from keras_astroattn.layers.attention_gate import AttentionGate
from keras_astroattn.layers.attention_pooling import POOLINGS, AttentionPooling
from keras_astroattn.layers.base import require_choice
from keras_astroattn.layers.normalization import NORMALIZATIONS, SCOPES
from keras_astroattn.layers.sky_padding import PADDINGS
from keras_astroattn.layers.stretch import STRETCHES, Stretch
from keras_astroattn.layers.votes import POSITIVE, VOTES, VotesAggregation

from .image_classifier import ImageClassifier, require_classifier
from .presets import from_preset

POOLED = {"data_format": "channels_last", "dtype": "float32"}
"""Options of the layers that pool a whole feature map."""

PAPER_DEFAULTS = {
    "normalization": "range_norm",
    "aggregation": "ft",
    "pooling": "sum",
    "dropout": 0.5,
    "psi_bias": 10.0,
    "stretch": "linear",
}
"""Defaults of `AGCNN`: the network that Bowles et al. 2021 propose."""

EQUIVARIANT_DEFAULTS = {
    "normalization": "sigmoid",
    "aggregation": "concat_gating",
    "pooling": "weighted_mean",
    "dropout": 0.0,
    "psi_bias": 0.0,
    "stretch": "sqrt",
}
"""Defaults of `EquivariantAGCNN`: those that trained best (docs/accuracy.md)."""


class GatedNetwork(ImageClassifier):
    """A functional model from an image to logits: a backbone, attention gates and a head.

    A subclass provides the backbone as `features`, its `DEFAULTS` and its limits, and documents
    the options.
    """

    DEFAULTS: ClassVar[Mapping[str, Any]]
    """Default of each option that is None in `__init__`."""

    GATES: ClassVar[range]
    """Numbers of gates that the backbone can have."""

    SMALLEST: ClassVar[int]
    """Smallest height and width of the image, pixels."""

    INTERMEDIATE_CHANNELS: ClassVar[int]
    """Channels in which a gate compares x and g."""

    def __init__(
        self,
        gates: int = 3,
        normalization: str | None = None,
        aggregation: str | None = None,
        pooling: str | None = None,
        scope: str = "sample",
        dropout: float | None = None,
        num_classes: int = 2,
        input_shape: tuple[int, int, int] = (IMAGE_SIZE, IMAGE_SIZE, 1),
        psi_bias: float | None = None,
        stretch: str | None = None,
        padding: str = "zeros",
        source_alone: bool = False,
        dtype=None,
        trainable: bool = True,
        **kwargs,
    ):
        options = {
            "gates": gates,
            "normalization": normalization,
            "aggregation": aggregation,
            "pooling": pooling,
            "scope": scope,
            "dropout": dropout,
            "num_classes": num_classes,
            "input_shape": tuple(input_shape),
            "psi_bias": psi_bias,
            "stretch": stretch,
            "padding": padding,
            "source_alone": source_alone,
        }
        for name, default in self.DEFAULTS.items():
            if options[name] is None:
                options[name] = default
        self.check_options(options)
        dtype = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

        # Functional Model
        image = keras.Input(options["input_shape"], name="image")
        x = image
        if options["stretch"] != "linear":
            x = Stretch(options["stretch"], name="stretch")(x)
        finer, g = self.features(x, gates, padding, dtype)
        if gates:
            logits = gated_logits(
                finer,
                g,
                image,
                intermediate_channels=self.INTERMEDIATE_CHANNELS,
                dtype=dtype,
                **{name: options[name] for name in _HEAD},
            )
        else:
            logits = classified([g], "concat", options["dropout"], num_classes)
        super().__init__(inputs=image, outputs=logits, **kwargs)
        # As an argument of Keras's `__init__`, it would leave the layers trainable.
        self.trainable = trainable

        # Config
        self._set_options(options, dtype)

    @staticmethod
    def features(x, gates: int, padding: str, dtype) -> tuple[list, Any]:
        """Build the backbone.

        Args:
            x: the image, stretched, (batch, height, width, channels).
            gates: number of gates.
            padding: one of `PADDINGS`.
            dtype: dtype policy of the layers.

        Returns:
            The feature maps of the gated stages, finest first, and the gating signal g. Without
            gates: no feature map, and a vector (batch, channels) in place of g.
        """
        raise NotImplementedError

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> None:
        """Check the options, including those that a network without gates does not use.

        Args:
            options: values of the options by name.

        Raises:
            ValueError: An option has an invalid value.
        """
        require_choice("gates", options["gates"], cls.GATES)
        require_choice("normalization", options["normalization"], NORMALIZATIONS)
        require_choice("aggregation", options["aggregation"], (*AGGREGATIONS, VOTES))
        if options["aggregation"] == VOTES:
            require_choice(
                f"normalization with aggregation={VOTES!r}", options["normalization"], POSITIVE
            )
        require_choice("pooling", options["pooling"], POOLINGS)
        require_choice("scope", options["scope"], SCOPES)
        require_choice("stretch", options["stretch"], STRETCHES)
        require_choice("padding", options["padding"], PADDINGS)
        require_choice("source_alone", options["source_alone"], (False, True))
        require_classifier(
            options["input_shape"],
            smallest=cls.SMALLEST,
            num_classes=options["num_classes"],
            dropout=options["dropout"],
        )

    @classmethod
    def from_preset(cls, name: str, *, calibrated: bool = False) -> keras.Model:
        """Load a trained network of this class; see `keras_astroattn.models.from_preset`.

        Args:
            name: one of `keras_astroattn.models.list_presets()`.
            calibrated: whether the model has the named outputs `logits` and `probabilities`.

        Returns:
            The network.

        Raises:
            InputError: The preset does not exist, or is a network of another class.
        """
        network = from_preset(name)
        if not isinstance(network, cls):
            raise InputError(
                f"preset {name} is of class {type(network).__name__}, not {cls.__name__}: use "
                f"{type(network).__name__}.from_preset"
            )
        return from_preset(name, calibrated=True) if calibrated else network

    def quantize(self, *arguments, **options):
        """Raise NotImplementedError: Keras quantizes only dense layers.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"{type(self).__name__} cannot be quantized by Keras, which has no quantized "
            "convolutions: export it by `python -m export.run --precision int8`"
        )

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the network that `get_config` describes.

        Older files also have `source_correlation`, a training loss without weights, which has no
        part in the outputs. It is left out.
        """
        return cls(**{name: value for name, value in config.items() if name not in _FORMER})


_FORMER = ("source_correlation",)

# Options of `gated_logits`.
_HEAD = (
    *("normalization", "scope", "psi_bias", "pooling", "aggregation"),
    *("dropout", "num_classes"),
)


def gated_logits(
    finer: list,
    g,
    image,
    *,
    normalization: str,
    scope: str,
    psi_bias: float,
    intermediate_channels: int,
    dtype,
    pooling: str,
    aggregation: str,
    dropout: float,
    num_classes: int,
):
    """Build the gates and the head.

    Args:
        finer: feature maps x of the gated stages, finest first; the gates are numbered from the
            coarsest.
        g: gating signal.
        image: input of the network.
        normalization: normalization of the scores; see `AttentionNormalization`.
        scope: pixels over which the normalization takes its minimum and maximum; see
            `AttentionNormalization`.
        psi_bias: initial bias of the scores; see `AttentionGate`.
        intermediate_channels: channels in which a gate compares x and g.
        dtype: dtype policy of the gates.
        pooling: how attended features become a vector; see `AttentionPooling`.
        aggregation: how the vectors become logits; see `keras_astroattn.layers.aggregation`.
        dropout: dropout rate of the vectors.
        num_classes: number of logits.

    Returns:
        The logits (batch, num_classes).
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
    """Apply dropout, then the aggregation, the layer `logits`.

    Args:
        vectors: one vector (batch, channels) for each gate.
        aggregation: one of `AGGREGATIONS`.
        dropout: dropout rate; 0 adds no layer.
        num_classes: number of logits.

    Returns:
        The logits (batch, num_classes).
    """
    if dropout:
        vectors = [
            keras.layers.Dropout(dropout, dtype="float32", name=f"dropout_{number}")(vector)
            for number, vector in enumerate(vectors, start=1)
        ]
    return AGGREGATIONS[aggregation](num_classes, name="logits")(vectors)
