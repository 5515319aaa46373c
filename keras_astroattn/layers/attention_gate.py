"""The attention gate, which compares features x with the gating signal g."""

import keras
import numpy as np
from keras import ops

from keras_astroattn.outputs import resize_matrix

from .base import register
from .middle import central
from .normalization import AttentionNormalization

_TRAINING_PARTS = 4


def _one_by_one(x, kernel):
    """Convolve by a 1 x 1 kernel."""
    return ops.conv(x, ops.convert_to_tensor(kernel), data_format="channels_last")


def _upsampled(g, size, whole):
    """Resize g bilinearly to a size, or to that part in the middle of `whole` pixels."""
    if whole is None:
        return ops.image.resize(g, size, interpolation="bilinear", data_format="channels_last")
    rows, columns = (
        resize_matrix(old, new)[central(new, part)].astype(np.float32)
        for old, new, part in zip(g.shape[1:3], whole, size, strict=True)
    )
    rows, columns = (ops.cast(matrix, g.dtype) for matrix in (rows, columns))
    height, width, channels = g.shape[1:]
    g = ops.matmul(rows, ops.reshape(g, (-1, height, width * channels)))
    return ops.matmul(columns, ops.reshape(g, (-1, rows.shape[0], width, channels)))


@register
class AttentionGate(keras.layers.Layer):
    """Weight features x by their agreement with a coarser gating signal g.

        s = psi(relu(theta(x) + upsample(phi(g))))
        a = normalize(s)
        gate(x, g) = x * a, a

    theta, phi and psi are 1 x 1 convolutions to `intermediate_channels`,
    `intermediate_channels` and 1 channels; only psi has a bias; `upsample` is bilinear
    with half-pixel centres.

    Shapes: x (batch, height, width, channels) and g (batch, h, w, gating channels) to
    attended features (batch, height, width, channels), in the compute dtype, and the
    attention map a (batch, height, width), float32.

    Args:
        normalization: normalization of the scores s; see `AttentionNormalization`.
        scope: `"sample"` or `"batch"`; see `AttentionNormalization`.
        intermediate_channels: channels in which x and g are compared.
        psi_bias: initial bias of psi. With the paper's 10, `sigmoid` and `tanh` saturate: the
            map is 1 everywhere and hardly learns. Give 0 for these.
        **kwargs: options of `keras.layers.Layer`.

    Raises:
        ValueError: The normalization or scope is unknown.

    Example:
        >>> import keras
        >>> from keras_astroattn.layers import AttentionGate
        >>> x, g = keras.ops.ones((2, 37, 37, 32)), keras.ops.ones((2, 18, 18, 64))
        >>> attended, a = AttentionGate("sigmoid", psi_bias=0.0)([x, g])
        >>> tuple(attended.shape), tuple(a.shape)
        ((2, 37, 37, 32), (2, 37, 37))

    Source: Bowles et al. 2021 (arXiv 2012.01248), after Jetley et al. 2018 and
    Schlemper et al. 2018 (grid attention).
    """

    def __init__(
        self,
        normalization: str = "range_norm",
        scope: str = "sample",
        intermediate_channels: int = 64,
        psi_bias: float = 10.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_channels = intermediate_channels
        self.psi_bias = psi_bias
        self.theta = self._convolution(intermediate_channels, "theta", use_bias=False)
        self.phi = self._convolution(intermediate_channels, "phi", use_bias=False)
        self.psi = self._convolution(
            1, "psi", bias_initializer=keras.initializers.Constant(psi_bias)
        )
        self.normalize = AttentionNormalization(normalization, scope, name="normalize")

    def _convolution(self, channels: int, name: str, **kwargs) -> keras.layers.Conv2D:
        return keras.layers.Conv2D(
            channels,
            1,
            kernel_initializer="he_normal",
            data_format="channels_last",
            dtype=self.dtype_policy,
            name=name,
            **kwargs,
        )

    def build(self, input_shape):
        """Create the weights of theta, phi and psi."""
        x_shape, g_shape = input_shape
        self.theta.build(x_shape)
        self.phi.build(g_shape)
        self.psi.build((*x_shape[:-1], self.intermediate_channels))
        self.normalize.build(x_shape[:-1])

    def scores(self, inputs, training=False, whole=None):
        """Return the compatibility scores s (batch, height, width) for inputs (x, g).

        With `whole`, the height and width of a map, x is the part in the middle of that map.

        psi sums over the intermediate channels. In training, the sum is computed over a part of
        the channels at a time, because at full resolution they are the largest arrays of the
        network and may not fit into memory together.
        """
        x, g = inputs
        phi_g = self.phi(g)
        theta, psi = self.theta.kernel, self.psi.kernel
        parts = _TRAINING_PARTS if training and whole is None else 1
        size = -(-self.intermediate_channels // parts)
        s = self.psi.bias
        for start in range(0, self.intermediate_channels, size):
            part = slice(start, start + size)
            gating = _upsampled(phi_g[..., part], x.shape[1:3], whole)
            agreement = ops.relu(_one_by_one(x, theta[..., part]) + gating)
            s = s + _one_by_one(agreement, psi[:, :, part])
        return ops.squeeze(s, axis=-1)

    def call(self, inputs, training=False, whole=None):
        """Return (x * a, a) for inputs (x, g); see `scores` for `whole`."""
        x, _ = inputs
        a = self.normalize(self.scores(inputs, training=training, whole=whole))
        return x * ops.expand_dims(ops.cast(a, x.dtype), axis=-1), a

    def compute_output_spec(self, inputs, training=False, whole=None):
        """Return the shape and compute dtype of x, and the float32 map without its channel axis."""
        x, _ = inputs
        return (
            keras.KerasTensor(x.shape, dtype=self.compute_dtype),
            keras.KerasTensor(x.shape[:-1], dtype="float32"),
        )

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "normalization": self.normalize.normalization,
            "scope": self.normalize.scope,
            "intermediate_channels": self.intermediate_channels,
            "psi_bias": self.psi_bias,
        }
