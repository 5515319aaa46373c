"""A border for 3 x 3 convolutions that continues the sky inside the frame."""

import math

import keras
from keras import ops

from .base import register

PADDINGS = ("zeros", "sky")
"""Names of the values that a network's convolutions see beyond the frame."""


@register
class SkyPadding(keras.layers.Layer):
    """Add one pixel on each side of a feature map, with the value of the nearest pixel.

        y(row, column) = f(clip(row - 1, 0, height - 1), clip(column - 1, 0, width - 1))

    A convolution with a 3 x 3 kernel and `padding="valid"` follows. On an empty image every
    feature map is then constant up to the border. Padding with zeros would mark the frame's edge.

    Shapes: (batch, height, width, ...) to (batch, height + 2, width + 2, ...), dtype kept. All
    axes but the first are known.

    Args:
        **kwargs: options of `keras.layers.Layer`.
    """

    def build(self, input_shape):
        """Do nothing: the layer has no weights."""

    def call(self, f):
        """Return the padded feature map."""
        height, width, *rest = f.shape[1:]
        f = ops.reshape(f, (-1, height, width, math.prod(rest)))
        for axis in (1, 2):
            f = _with_border(f, axis)
        return ops.reshape(f, (-1, height + 2, width + 2, *rest))

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, height + 2, width + 2, ...)."""
        batch, height, width, *rest = input_shape
        return (batch, height + 2, width + 2, *rest)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config()


def _with_border(f, axis: int):
    """Repeat the first and the last pixel along an axis.

    With gradients, this takes a third of the time of `ops.pad(mode="symmetric")` on TensorFlow.
    """
    size = f.shape[axis]
    first, *_, last = ops.split(f, [1, size - 1], axis=axis) if size > 1 else (f, f)
    return ops.concatenate([first, f, last], axis=axis)
