"""A convolution of the inference graph: rounded kernel, exact sky, two columns at once.

`export.inference_graph` says why.
"""

from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf

from keras_astroattn.layers import P4MConv2D, P4MLifting

from .gate_graph import array

NARROW = 8
"""Convolutions to at most this many channels compute two columns at once."""

HALVED_FROM = 1024
"""Least number of weights of a kernel that is rounded to float16 on request."""

STEPS = 255
"""Steps of an 8-bit feature, from 0 to 1; a weight has half of them on each side of 0."""


@dataclass(frozen=True, eq=False)
class PendingConvolution:
    """A deferred convolution of stride 1: batch normalization may follow.

    `sky`, (channels,), is the value of x on the empty sky; kernel and bias are still float64.
    `bits`: those of a weight, to which the kernel will be rounded: 32, 16 or 8. With 8, x is
    rounded to `STEPS` from 0 to 1, and its sky with it. `padding`: SAME, VALID, or SKY, for which
    x first gets the border of `SkyPadding`. DONE: x has its border, and the sky is subtracted.
    """

    x: tf.Tensor
    kernel: np.ndarray
    bias: np.ndarray
    sky: np.ndarray
    centred: bool
    bits: int
    padding: str

    def of_parts(self, largest: np.ndarray) -> "PendingConvolution":
        """Return the convolution for x in parts of a value (channels,)."""
        largest = np.tile(largest, len(self.sky) // len(largest))
        return replace(self, kernel=self.kernel * largest[:, np.newaxis], sky=self.sky / largest)

    def scaled(self, scale: np.ndarray, shift: np.ndarray) -> "PendingConvolution":
        """Return the convolution whose output is scaled and shifted, both (channels,)."""
        # The symmetries of a channel of a group convolution share its statistics.
        symmetries = self.kernel.shape[-1] // len(scale)
        scale, shift = np.tile(scale, symmetries), np.tile(shift, symmetries)
        return replace(self, kernel=self.kernel * scale, bias=self.bias * scale + shift)


def is_convolution(layer: keras.Layer) -> bool:
    """Whether a layer is a convolution of stride 1 that `PendingConvolution` can defer."""
    return _is_plain_convolution(layer) or isinstance(layer, (P4MLifting, P4MConv2D))


def _is_plain_convolution(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.strides == (1, 1)
        and layer.dilation_rate == (1, 1)
        and layer.groups == 1
        and layer.padding in ("same", "valid")
        and layer.activation is keras.activations.linear
    )


def kernel_and_bias(layer: keras.Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of the equivalent plain convolution."""
    if _is_plain_convolution(layer):
        kernel, bias = layer.kernel, layer.bias
    else:
        with tf.init_scope():
            kernel, bias = layer.expanded_kernel(), None
    kernel = array(kernel).astype(np.float64)
    return kernel, np.zeros(kernel.shape[-1]) if bias is None else array(bias).astype(np.float64)


def convolve(pending: PendingConvolution) -> tf.Tensor:
    """Return the output of a convolution, with the rounded kernel."""
    x, padding = pending.x, pending.padding
    kernel = _rounded(pending.kernel, pending.bits)
    bias = pending.bias + _on_the_sky(pending.kernel, pending.sky)
    bias -= _on_the_sky(kernel, _rounded_sky(pending))
    rows, columns, _, channels = kernel.shape
    height, width = x.shape[1:3]
    if pending.centred:
        bias += _on_the_sky(kernel, pending.sky)
    if padding == "DONE":
        return tf.nn.conv2d(x, kernel, 1, "VALID") + bias.astype(np.float32)
    if pending.centred:
        # Without the channel axis, because padding is slow with it, and because the converter
        # would otherwise move the subtraction back into the bias.
        x = tf.reshape(x, [-1, height, width])
        if padding == "SAME":
            # The image is surrounded by zeros, not sky, so they are added before the subtraction.
            around = [[0, 0], *([(size - 1) // 2, size // 2] for size in (rows, columns))]
            x, padding = tf.pad(x, around), "VALID"
        x = (x - pending.sky.astype(np.float32))[..., tf.newaxis]
    if padding == "SKY":
        x, padding = with_border(x), "VALID"
    bias = bias.astype(np.float32)
    if channels > NARROW or columns != 3 or width % 2 or pending.padding == "VALID":
        return tf.nn.conv2d(x, kernel, 1, padding) + bias
    # Columns 2j and 2j + 1 see columns 2j - 1 .. 2j + 2: stride 2, with one padded column on
    # each side.
    pair = np.zeros((rows, 4, kernel.shape[2], 2 * channels), np.float32)
    pair[:, :3, :, :channels] = kernel
    pair[:, 1:, :, channels:] = kernel
    both = tf.nn.conv2d(x, pair, [1, 2], padding) + np.tile(bias, 2)
    return tf.reshape(both, [-1, height, width, channels])


def _rounded(kernel: np.ndarray, bits: int) -> np.ndarray:
    """Return a kernel whose weights have a number of bits, as float32."""
    if bits == 8:
        # The converter finds the same steps: those of each output channel span its largest weight.
        largest = np.abs(kernel).max(axis=(0, 1, 2))
        step = np.where(largest > 0, largest, 1) / (STEPS // 2)
        return (np.rint(kernel / step) * step).astype(np.float32)
    if bits == 16 and kernel.size >= HALVED_FROM:
        kernel = kernel.astype(np.float16)
    return kernel.astype(np.float32)


def _rounded_sky(pending: PendingConvolution) -> np.ndarray:
    if pending.bits != 8:
        return pending.sky
    return np.clip(np.rint(pending.sky * STEPS), 0, STEPS) / STEPS


def with_border(x: tf.Tensor) -> tf.Tensor:
    """Pad by one pixel as `SkyPadding`, with concatenations: XNNPACK has no such padding."""
    x = tf.concat([x[:, :1], x, x[:, -1:]], axis=1)
    return tf.concat([x[:, :, :1], x, x[:, :, -1:]], axis=2)


def _on_the_sky(kernel: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Return the output (channels out,) of a kernel whose input is `sky` (channels in,)."""
    return np.einsum("hwio,i->o", kernel.astype(np.float64), sky)
