"""The attention-gated CNN of Bowles et al. 2021."""

import keras

from keras_astroattn.layers.base import register
from keras_astroattn.layers.batch_normalization import FastBatchNormalization
from keras_astroattn.layers.sky_padding import SkyPadding

from .gated_network import PAPER_DEFAULTS, POOLED, GatedNetwork

# (channels, convolution blocks) of the four stages; a 2 x 2 max-pool follows all but the last.
STAGES = ((6, 3), (16, 3), (32, 3), (64, 2))


def _convolution_block(x, channels: int, padding: str, name: str, dtype):
    """Apply Conv -> BatchNorm -> ReLU, the order of the published weights."""
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

    The backbone has four stages of 3 x 3 convolution blocks, at 150, 75, 37 and 18 pixels. The
    output of the last stage is the gating signal g. Gate 1 compares g with stage 3, gate 2 with
    stage 2, gate 3 with stage 1. Each gate gives a vector, pooled from the features that it
    attends to; the vectors give the logits. `attention_model` adds the attention maps.

    The input is (batch, 150, 150, 1), float32 in [-1, 1]; the output is logits (batch,
    num_classes), float32. With the default options, those of the paper, the network has 101,447
    trainable parameters.

    Args:
        gates: number of gates, 0 to 3, coarsest first. Without gates the gating signal is
            max-pooled, flattened and classified by one dense layer; `normalization`,
            `aggregation`, `pooling`, `scope` and `psi_bias` then have no effect.
        normalization: how scores become an attention map: `"softmax"`, `"sigmoid"`, `"tanh"`,
            `"range_norm"` or `"std_mean_norm"`; by default `"range_norm"`. See
            `AttentionNormalization`.
        aggregation: how the vectors of the gates become logits: `"mean"`, `"concat"`,
            `"deep_sup"`, `"ft"`, or, beyond the paper, `"concat_gating"` (see
            `keras_astroattn.layers.aggregation`) or `"votes"`, by which the logits are sums
            over the pixels of the source (see `VotesAggregation`, `evidence_model`; it needs a
            normalization without negative values). By default `"ft"`.
        pooling: how attended features become a vector: `"sum"`, or, beyond the paper,
            `"weighted_mean"`; by default `"sum"`. `"votes"` always takes weighted means. See
            `AttentionPooling`.
        scope: pixels over which the normalization takes its minimum and maximum: `"sample"`,
            those of each image, or, to reproduce the paper, `"batch"`.
        dropout: dropout rate of the vectors while training; by default 0.5. The
            paper trained networks of fewer than three gates without dropout.
        num_classes: number of logits.
        input_shape: (height, width, channels), at least 16 pixels high and wide.
        psi_bias: initial bias of the scores; by default 10. See `AttentionGate`.
        stretch: brightness stretch of the image: `"linear"`, or, beyond the paper, `"sqrt"`; by
            default `"linear"`. See `Stretch`.
        padding: values that 3 x 3 convolutions see beyond the frame: `"zeros"`, or, beyond the
            paper, `"sky"`; see `SkyPadding`.
        source_alone: whether the network is for images that show only the source, on a black sky
            (`Cutout.source_alone`, `images_seen_by`). It changes no computation. Whatever
            prepares images for the network must read it.
        dtype: Keras dtype policy or its name; by default the global one.
        trainable: whether the weights are trained.
        **kwargs: `name` of `keras.Model`.

    Raises:
        ValueError: an option has an unknown value, or the input is too small.

    Example:
        >>> import keras
        >>> from keras_astroattn.models import AGCNN
        >>> model = AGCNN(gates=3)
        >>> tuple(model(keras.ops.zeros((1, 150, 150, 1))).shape)
        (1, 2)

    Source: Bowles et al. 2021, MNRAS, arXiv 2012.01248.
    """

    DEFAULTS = PAPER_DEFAULTS
    GATES = range(len(STAGES))
    SMALLEST = 16
    INTERMEDIATE_CHANNELS = 64

    @staticmethod
    def features(x, gates, padding, dtype):
        """Build the four stages; see `GatedNetwork.features`."""
        stages = []
        for number, (channels, blocks) in enumerate(STAGES, start=1):
            if number > 1:
                x = _max_pool(x, f"stage_{number - 1}_pool", dtype)
            for block in range(1, blocks + 1):
                x = _convolution_block(x, channels, padding, f"stage_{number}_block_{block}", dtype)
            stages.append(x)
        *finer, g = stages
        if gates:
            return finer[-gates:], g
        x = _max_pool(g, f"stage_{len(STAGES)}_pool", dtype)
        return [], keras.layers.Flatten(**POOLED, name="flatten")(x)
