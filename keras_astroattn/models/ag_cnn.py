"""The attention-gated CNN of Bowles et al. 2020."""

import keras

from keras_astroattn.images.conventions import IMAGE_SIZE
from keras_astroattn.layers.base import register, require_choice
from keras_astroattn.layers.batch_normalization import FastBatchNormalization
from keras_astroattn.layers.sky_padding import PADDINGS, SkyPadding
from keras_astroattn.layers.stretch import STRETCHES, Stretch

from .gated_head import POOLED, GatedNetwork, classified, gated_logits, require_head
from .requirements import require_classifier

# (channels, convolution blocks) of the four stages; a 2 x 2 max-pool follows all but the last.
STAGES = ((6, 3), (16, 3), (32, 3), (64, 2))
INTERMEDIATE_CHANNELS = 64


def _convolution_block(x, channels: int, padding: str, name: str, dtype):
    """Conv -> BatchNorm -> ReLU, in the order in which the published weights were trained."""
    around = "same"
    if padding == "sky":
        x, around = SkyPadding(dtype=dtype, name=f"{name}_pad")(x), "valid"
    x = keras.layers.Conv2D(
        channels,
        3,
        padding=around,
        kernel_initializer="he_normal",
        data_format="channels_last",
        dtype=dtype,
        name=f"{name}_conv",
    )(x)
    x = FastBatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype, name=f"{name}_norm")(x)
    return keras.layers.ReLU(dtype=dtype, name=f"{name}_relu")(x)


def _max_pool(x, name: str, dtype):
    return keras.layers.MaxPooling2D(2, data_format="channels_last", dtype=dtype, name=name)(x)


@register
class AGCNN(GatedNetwork):
    """Attention-gated CNN that classifies a radio galaxy as FRI or FRII.

    Four stages of 3 x 3 convolution blocks at 150, 75, 37 and 18 pixels. The last one's
    output is the gating signal g. Gate 1 compares it with stage 3, gate 2 with stage 2,
    gate 3 with stage 1; each gives a vector pooled from where it attends, and the
    vectors together give the logits. `attention_model` gives the maps.

    Input (batch, 150, 150, 1), float32 in [-1, 1]; output logits (batch, num_classes),
    float32. The proposed configuration, 3 gates, `range_norm`, `ft`, has 101,447
    trainable parameters.

    Args:
        gates: 0 to 3, coarsest first. With none, the gating signal is max-pooled,
            flattened and classified by one dense layer; the options below but `dropout`
            and `num_classes` then mean nothing.
        normalization: `"softmax"`, `"sigmoid"`, `"tanh"`, `"range_norm"` or
            `"std_mean_norm"`; see `AttentionNormalization`.
        aggregation: `"mean"`, `"concat"`, `"deep_sup"`, `"ft"`, or, beyond the paper,
            `"concat_gating"`; see `keras_astroattn.layers.aggregation`; or `"votes"`, by which
            the logits are sums over the pixels of the source; see `VotesAggregation`,
            `evidence_model`. It needs a normalization without negative values.
        pooling: `"sum"`, or, beyond the paper, `"weighted_mean"`; see `AttentionPooling`.
            `"votes"` always takes weighted means.
        scope: `"sample"`, or, to reproduce the paper, `"batch"`.
        dropout: rate, on the pooled vectors while training. (The paper's networks of
            fewer than three gates were trained without.)
        num_classes: number of logits.
        input_shape: (height, width, channels), at least 16 pixels high and wide.
        psi_bias: initial bias of the gates' scores; see `AttentionGate`.
        source_correlation: what training asks each gate's map to have, at least, of correlation
            with the source; 0 asks nothing. Beyond the paper; see `SourceCorrelation`.
        stretch: `"linear"`, or, beyond the paper, `"sqrt"`: the network sees the square
            root of the image's brightness; see `Stretch`.
        padding: what 3 x 3 convolutions see beyond the frame: `"zeros"`, or, beyond the paper,
            `"sky"`; see `SkyPadding`.
        dtype: Keras dtype policy or its name; by default the global one.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Raises:
        ValueError: for an unknown option or an input that is too small.

    Example:
        >>> model = keras_astroattn.models.AGCNN(gates=3)
        >>> logits = model(keras.ops.zeros((1, 150, 150, 1)))

    Source: Bowles et al. 2020, MNRAS, arXiv 2012.01248.
    """

    def __init__(
        self,
        gates: int = 3,
        normalization: str = "range_norm",
        aggregation: str = "ft",
        pooling: str = "sum",
        scope: str = "sample",
        dropout: float = 0.5,
        num_classes: int = 2,
        input_shape: tuple[int, int, int] = (IMAGE_SIZE, IMAGE_SIZE, 1),
        psi_bias: float = 10.0,
        source_correlation: float = 0.0,
        stretch: str = "linear",
        padding: str = "zeros",
        dtype=None,
        **kwargs,
    ):
        # All of them here: a network without gates makes no layer that would check them.
        require_choice("gates", gates, range(len(STAGES)))
        require_head(normalization, aggregation, pooling, scope, source_correlation)
        require_choice("stretch", stretch, STRETCHES)
        require_choice("padding", padding, PADDINGS)
        require_classifier(input_shape, smallest=16, num_classes=num_classes, dropout=dropout)
        dtype = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

        # Functional Model
        image = keras.Input(input_shape, name="image")
        x, stages = image, []
        if stretch != "linear":
            x = Stretch(stretch, name="stretch")(x)
        for number, (channels, blocks) in enumerate(STAGES, start=1):
            if number > 1:
                x = _max_pool(x, f"stage_{number - 1}_pool", dtype)
            for block in range(1, blocks + 1):
                x = _convolution_block(x, channels, padding, f"stage_{number}_block_{block}", dtype)
            stages.append(x)
        *finer, g = stages

        if gates:
            logits = gated_logits(
                finer[len(finer) - gates :],
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
        else:
            x = _max_pool(g, f"stage_{len(STAGES)}_pool", dtype)
            vector = keras.layers.Flatten(**POOLED, name="flatten")(x)
            logits = classified([vector], "concat", dropout, num_classes)
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
