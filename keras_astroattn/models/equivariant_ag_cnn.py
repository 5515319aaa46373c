"""The attention-gated CNN that is equivariant under rotations by 90 degrees and mirroring."""

import keras

from keras_astroattn.layers.base import register
from keras_astroattn.layers.batch_normalization import FastBatchNormalization
from keras_astroattn.layers.p4m import P4MConv2D, P4MGroupPool, P4MLifting, P4MMaxPool
from keras_astroattn.layers.sky_padding import SkyPadding

from .gated_network import EQUIVARIANT_DEFAULTS, GatedNetwork

# (channels for each symmetry, convolution blocks) of the four stages.
STAGES = ((4, 2), (8, 2), (12, 3), (20, 2))


def _convolution_block(f, channels: int, padding: str, name: str, dtype):
    """Apply Conv -> BatchNorm -> ReLU; the eight symmetries of a channel share its statistics."""
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

    The logits are the same for an image, its rotations by 90 degrees and its mirror images, by
    construction; the attention maps rotate with the image. The network averages the image over
    2 x 2 pixels. Four stages of group convolutions follow, at 75, 37, 18 and 9 pixels. The
    maxima over the eight symmetries of the output of each stage are the features x and the
    gating signal g of the gates. Gates and head are those of `AGCNN`. `attention_model` adds
    the attention maps.

    The input is (batch, 150, 150, 1), float32 in [-1, 1]; the output is logits (batch,
    num_classes), float32. With the default options the network has 85,073 trainable parameters.

    Args:
        gates: number of gates, 1 to 3, coarsest first.
        normalization: how scores become an attention map: `"softmax"`, `"sigmoid"`, `"tanh"`,
            `"range_norm"` or `"std_mean_norm"`; by default `"sigmoid"`. See
            `AttentionNormalization`.
        aggregation: how the vectors of the gates become logits: `"mean"`, `"concat"`,
            `"deep_sup"`, `"ft"`, or, beyond the paper, `"concat_gating"` (see
            `keras_astroattn.layers.aggregation`) or `"votes"`, by which the logits are sums
            over the pixels of the source (see `VotesAggregation`, `evidence_model`; it needs a
            normalization without negative values). By default `"concat_gating"`.
        pooling: how attended features become a vector: `"sum"`, or, beyond the paper,
            `"weighted_mean"`; by default `"weighted_mean"`. `"votes"` always takes weighted
            means. See `AttentionPooling`.
        scope: pixels over which the normalization takes its minimum and maximum: `"sample"`,
            those of each image, or, to reproduce the paper, `"batch"`.
        dropout: dropout rate of the vectors while training; by default 0.
        num_classes: number of logits.
        input_shape: (size, size, channels): a square of an even size, at least 32 pixels.
        psi_bias: initial bias of the scores; by default 0. See `AttentionGate`.
        stretch: brightness stretch of the image: `"linear"`, or, beyond the paper, `"sqrt"`; by
            default `"sqrt"`. See `Stretch`.
        padding: values that 3 x 3 convolutions see beyond the frame: `"zeros"`, or, beyond the
            paper, `"sky"`; see `SkyPadding`.
        source_alone: whether the network is for images that show only the source, on a black sky
            (`Cutout.source_alone`, `images_seen_by`). It changes no computation. Whatever
            prepares images for the network must read it.
        dtype: Keras dtype policy or its name; by default the global one.
        trainable: whether the weights are trained.
        **kwargs: `name` of `keras.Model`.

    Raises:
        ValueError: An option has an unknown value, or the input is too small or not square.

    Example:
        >>> import keras
        >>> from keras_astroattn.models import EquivariantAGCNN
        >>> model = EquivariantAGCNN(aggregation="votes")
        >>> tuple(model(keras.ops.zeros((1, 150, 150, 1))).shape)
        (1, 2)

    Source: Bowles et al. 2021 (arXiv 2012.01248) for the gates; Cohen & Welling 2016
    (arXiv 1602.07576) for the convolutions; Scaife & Porter 2021 (arXiv 2102.08252), who
    were first to classify radio galaxies with them.
    """

    DEFAULTS = EQUIVARIANT_DEFAULTS
    GATES = range(1, len(STAGES))
    SMALLEST = 32
    INTERMEDIATE_CHANNELS = 32

    @classmethod
    def check_options(cls, options):
        """Check the options; the image must be a square of an even size."""
        super().check_options(options)
        shape = options["input_shape"]
        if shape[0] != shape[1] or shape[0] % 2:
            raise ValueError(f"input_shape must be a square of an even size; got {shape}")

    @staticmethod
    def features(x, gates, padding, dtype):
        """Build the four stages; see `GatedNetwork.features`."""
        f = keras.layers.AveragePooling2D(
            2, data_format="channels_last", dtype=dtype, name="half_resolution"
        )(x)
        stages = []
        for number, (channels, blocks) in enumerate(STAGES, start=1):
            if number > 1:
                f = P4MMaxPool(dtype=dtype, name=f"stage_{number - 1}_pool")(f)
            for block in range(1, blocks + 1):
                f = _convolution_block(f, channels, padding, f"stage_{number}_block_{block}", dtype)
            if number >= len(STAGES) - gates:
                stages.append(P4MGroupPool(dtype=dtype, name=f"stage_{number}_group_pool")(f))
        *finer, g = stages
        return finer, g
