"""The attention-gated CNN that knows no up and down, left and right."""

import keras

from keras_astroattn.images.conventions import IMAGE_SIZE
from keras_astroattn.layers.base import register, require_choice
from keras_astroattn.layers.batch_normalization import FastBatchNormalization
from keras_astroattn.layers.p4m import P4MConv2D, P4MGroupPool, P4MLifting, P4MMaxPool
from keras_astroattn.layers.sky_padding import PADDINGS, SkyPadding
from keras_astroattn.layers.stretch import STRETCHES, Stretch

from .gated_head import GatedNetwork, gated_logits, require_head
from .requirements import require_classifier

# (channels for each symmetry, convolution blocks) of the four stages.
STAGES = ((4, 2), (8, 2), (12, 3), (20, 2))
INTERMEDIATE_CHANNELS = 32


def _convolution_block(f, channels: int, padding: str, name: str, dtype):
    """Conv -> BatchNorm -> ReLU; the eight symmetries of a channel share its statistics."""
    lifted = len(f.shape) == 5
    convolution = P4MConv2D if lifted else P4MLifting
    around = "same"
    if padding == "sky":
        f, around = SkyPadding(dtype=dtype, name=f"{name}_pad")(f), "valid"
    f = convolution(channels, padding=around, dtype=dtype, name=f"{name}_conv")(f)
    f = FastBatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype, name=f"{name}_norm")(f)
    return keras.layers.ReLU(dtype=dtype, name=f"{name}_relu")(f)


@register
class EquivariantAGCNN(GatedNetwork):
    """Attention-gated CNN over p4m group convolutions, beyond the paper.

    The same classes come out of an image and of its quarter turns and mirror images, by
    construction: the logits are invariant, and the attention maps turn with the image.
    The image is averaged over 2 x 2 pixels (a third of FIRST's beam a side); four stages of
    group convolutions follow, at 75, 37, 18 and 9 pixels. The maxima over the eight
    symmetries of each stage's output are the x and g of the gates, which are those of
    `AGCNN`, as is all that follows them.

    Input (batch, 150, 150, 1), float32 in [-1, 1]; output logits (batch, num_classes),
    float32; see `attention_model` for the maps. With three gates and the default options
    85,073 trainable parameters.

    Args:
        gates: 1 to 3, coarsest first.
        normalization: see `AGCNN`, as for the other options; the defaults are those that
            train best, not the paper's.
        aggregation: see `AGCNN`.
        pooling: see `AGCNN`.
        scope: see `AGCNN`.
        dropout: see `AGCNN`.
        num_classes: number of logits.
        input_shape: (size, size, channels): a square of an even size, at least 32 pixels.
        psi_bias: see `AGCNN`.
        source_correlation: see `AGCNN`.
        stretch: see `AGCNN`.
        padding: see `AGCNN`.
        dtype: Keras dtype policy or its name; by default the global one.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Raises:
        ValueError: for an unknown option or an input that is too small or not square.

    Source: Bowles et al. 2020 (arXiv 2012.01248) for the gates; Cohen & Welling 2016
    (arXiv 1602.07576) for the convolutions; Scaife & Porter 2021 (arXiv 2102.08252), who
    were first to classify radio galaxies with them.
    """

    def __init__(
        self,
        gates: int = 3,
        normalization: str = "sigmoid",
        aggregation: str = "concat_gating",
        pooling: str = "weighted_mean",
        scope: str = "sample",
        dropout: float = 0.0,
        num_classes: int = 2,
        input_shape: tuple[int, int, int] = (IMAGE_SIZE, IMAGE_SIZE, 1),
        psi_bias: float = 0.0,
        source_correlation: float = 0.0,
        stretch: str = "sqrt",
        padding: str = "zeros",
        dtype=None,
        **kwargs,
    ):
        require_choice("gates", gates, range(1, len(STAGES)))
        require_head(normalization, aggregation, pooling, scope, source_correlation)
        require_choice("stretch", stretch, STRETCHES)
        require_choice("padding", padding, PADDINGS)
        require_classifier(input_shape, smallest=32, num_classes=num_classes, dropout=dropout)
        if input_shape[0] != input_shape[1] or input_shape[0] % 2:
            raise ValueError(
                f"input_shape must be a square of an even size; got {tuple(input_shape)}"
            )
        dtype = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

        # Functional Model
        image = keras.Input(input_shape, name="image")
        x, stages = image, []
        if stretch != "linear":
            x = Stretch(stretch, name="stretch")(x)
        f = keras.layers.AveragePooling2D(
            2, data_format="channels_last", dtype=dtype, name="half_resolution"
        )(x)
        for number, (channels, blocks) in enumerate(STAGES, start=1):
            if number > 1:
                f = P4MMaxPool(dtype=dtype, name=f"stage_{number - 1}_pool")(f)
            for block in range(1, blocks + 1):
                f = _convolution_block(f, channels, padding, f"stage_{number}_block_{block}", dtype)
            if number >= len(STAGES) - gates:
                stages.append(P4MGroupPool(dtype=dtype, name=f"stage_{number}_group_pool")(f))
        *finer, g = stages
        logits = gated_logits(
            finer,
            g,
            image,
            normalization=normalization,
            scope=scope,
            psi_bias=psi_bias,
            source_correlation=source_correlation,
            intermediate_channels=INTERMEDIATE_CHANNELS,
            dtype=dtype,
            pooling=pooling,
            aggregation=aggregation,
            dropout=dropout,
            num_classes=num_classes,
        )
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
            "source_correlation": source_correlation,
            "stretch": stretch,
            "padding": padding,
        }
        super().__init__(image, logits, dtype, options, **kwargs)
