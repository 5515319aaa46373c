"""Convolutions that are equivariant under p4m: shifts, rotations by 90 degrees and mirroring.

A feature map on the group has one value for each pixel x, each of the eight symmetries g of
the square, and each channel: (batch, height, width, 8, channels). A symmetry u of the image
transforms it as

    (L_u f)(x, g) = f(u^-1 x, u^-1 g),

and every layer here commutes with L_u. The maximum over g is an ordinary feature map that
transforms as the image does. Its mean over the pixels is invariant.

Source: Cohen & Welling 2016, Group equivariant convolutional networks (arXiv 1602.07576).
"""

import math

import keras
import numpy as np
from keras import ops

from .base import register, require_choice

# Rotations R^r by 90 degrees and mirroring M^m of (row, column) offsets from the centre: R^r M^m.
_TURN = np.array([[0, -1], [1, 0]])
_MIRROR = np.array([[1, 0], [0, -1]])
D4 = np.stack(
    [
        np.linalg.matrix_power(_TURN, r) @ np.linalg.matrix_power(_MIRROR, m)
        for m in range(2)
        for r in range(4)
    ]
)
"""The eight symmetries of the square: integer matrices (8, 2, 2), the identity first."""


def _place_of(elements: np.ndarray) -> np.ndarray:
    """Return the indices in `D4` of matrices (..., 2, 2)."""
    return np.argmax((elements[..., np.newaxis, :, :] == D4).all(axis=(-2, -1)), axis=-1)


def _rotated_places(size: int) -> np.ndarray:
    """Return (size, size, 8): the flat index of g^-1 p in a size x size kernel for each p, g."""
    offsets = np.arange(size) - (size - 1) / 2
    p = np.stack(np.meshgrid(offsets, offsets, indexing="ij"), axis=-1)
    source = np.einsum("gji,xyj->xygi", D4, p) + (size - 1) / 2  # the inverse is the transpose
    row, column = np.moveaxis(source.round().astype(int), -1, 0)
    return row * size + column


class _P4MConvolution(keras.layers.Layer):
    """Base class of the two convolutions: one kernel, expanded to that of a plain convolution."""

    def __init__(self, filters: int, kernel_size: int = 3, padding: str = "same", **kwargs):
        require_choice("padding", padding, ("same", "valid"))
        if filters < 1 or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                "filters must be at least 1 and kernel_size odd; "
                f"got filters={filters}, kernel_size={kernel_size}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.padding = padding

    def _add_kernel(self, *inputs: int) -> None:
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, *inputs, self.filters),
            initializer="he_normal",
            name="kernel",
        )

    def _gathered(self, places: np.ndarray, channels: int):
        """Return the kernel's rows `places`, (k k .., channels, filters), for every p, .. and g."""
        kernel = ops.convert_to_tensor(self.kernel)
        rows = ops.reshape(kernel, (-1, channels * self.filters))
        taken = ops.take(rows, places.ravel(), axis=0)
        return ops.reshape(taken, (*places.shape, channels, self.filters))

    def _convolve(self, x):
        kernel = self.expanded_kernel()
        convolved = ops.conv(x, kernel, padding=self.padding, data_format="channels_last")
        return ops.reshape(convolved, (-1, *convolved.shape[1:3], len(D4), self.filters))

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, height, width, 8, filters)."""
        batch, *size = input_shape[:3]
        less = self.kernel_size - 1 if self.padding == "valid" else 0
        return (batch, *(n - less for n in size), len(D4), self.filters)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
        }


@register
class P4MLifting(_P4MConvolution):
    """Convolve an image with a kernel in its eight orientations.

        y(x, g) = sum_p W(g^-1 p) . f(x + p)

    Shapes: (batch, height, width, channels) to (batch, height, width, 8, filters), in the
    compute dtype; with `padding="valid"` the height and width of the result are k - 1 smaller.
    The weights are one kernel (k, k, channels, filters).

    Args:
        filters: channels of the result, for each symmetry.
        kernel_size: odd height and width k of the kernel.
        padding: `"same"` keeps the size by zeros around the image, `"valid"` adds nothing.
        **kwargs: options of `keras.layers.Layer`.

    Raises:
        ValueError: The kernel size is even, there are no filters, or the padding is unknown.
    """

    def build(self, input_shape):
        """Create the kernel."""
        self._add_kernel(input_shape[-1])

    def expanded_kernel(self):
        """Return the kernel (k, k, channels, 8 filters) of the equivalent plain convolution."""
        k, channels = self.kernel_size, self.kernel.shape[-2]
        kernel = self._gathered(_rotated_places(k), channels)  # k, k, 8, channels, filters
        kernel = ops.transpose(kernel, (0, 1, 3, 2, 4))
        return ops.reshape(kernel, (k, k, channels, len(D4) * self.filters))

    def call(self, x):
        """Return the feature map on the group."""
        return self._convolve(x)


@register
class P4MConv2D(_P4MConvolution):
    """Convolve a feature map on the group.

        y(x, g) = sum_{p, h} W(g^-1 p, g^-1 h) . f(x + p, h)

    Shapes: (batch, height, width, 8, channels) to (batch, height, width, 8, filters), in the
    compute dtype; with `padding="valid"` the height and width of the result are k - 1 smaller.
    The weights are one kernel (k, k, 8, channels, filters).

    Args:
        filters: channels of the result, for each symmetry.
        kernel_size: odd height and width k of the kernel.
        padding: `"same"` keeps the size by zeros around the map, `"valid"` adds nothing.
        **kwargs: options of `keras.layers.Layer`.

    Raises:
        ValueError: The kernel size is even, there are no filters, or the padding is unknown.
    """

    def build(self, input_shape):
        """Create the kernel."""
        self._add_kernel(*input_shape[-2:])

    def expanded_kernel(self):
        """Return the kernel (k, k, 8 channels, 8 filters) of the equivalent plain convolution."""
        k, channels = self.kernel_size, self.kernel.shape[-2]
        inverse = np.swapaxes(D4, -1, -2)
        rotated = _place_of(inverse[np.newaxis] @ D4[:, np.newaxis])  # (h, g): g^-1 h
        places = _rotated_places(k)[:, :, np.newaxis] * len(D4) + rotated
        kernel = self._gathered(places, channels)  # k, k, h, g, channels, filters
        kernel = ops.transpose(kernel, (0, 1, 2, 4, 3, 5))
        return ops.reshape(kernel, (k, k, len(D4) * channels, len(D4) * self.filters))

    def call(self, f):
        """Return the feature map on the group."""
        return self._convolve(_flat(f))


@register
class P4MMaxPool(keras.layers.Layer):
    """Halve a feature map on the group by maxima over symmetric windows.

    An even height and width are pooled by 2 x 2 windows, an odd one by 3 x 3 windows that are two
    pixels apart and end at the borders. Pooling 75 pixels by 2 would omit one border, and the
    result would not be equivariant.

    Shapes: (batch, n, n, 8, channels) to (batch, n // 2, n // 2, 8, channels).

    Args:
        **kwargs: options of `keras.layers.Layer`.
    """

    @staticmethod
    def window(size: int) -> int:
        """Return the width of the windows over `size` pixels; they are two pixels apart."""
        return 2 + size % 2

    def build(self, input_shape):
        """Do nothing: the layer has no weights."""
        _require_square(input_shape[1:3])

    def call(self, f):
        """Return the pooled feature map."""
        window = self.window(f.shape[1])
        pooled = ops.max_pool(_flat(f), window, 2, data_format="channels_last")
        return ops.reshape(pooled, (-1, *pooled.shape[1:3], *f.shape[3:]))

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, n // 2, n // 2, 8, channels)."""
        batch, height, width, *rest = input_shape
        return (batch, height // 2, width // 2, *rest)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config()


@register
class P4MGroupPool(keras.layers.Layer):
    """Reduce a feature map on the group to an ordinary one by the maximum over the symmetries.

        y(x) = max_g f(x, g)

    Shapes: (batch, height, width, 8, channels) to (batch, height, width, channels).

    Args:
        **kwargs: options of `keras.layers.Layer`.
    """

    def build(self, input_shape):
        """Do nothing: the layer has no weights."""

    def call(self, f):
        """Return the feature map."""
        return ops.max(f, axis=3)

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, height, width, channels)."""
        return (*input_shape[:3], input_shape[4])

    def get_config(self):
        """Return the arguments of `__init__`."""
        return super().get_config()


def _flat(f):
    """Return the map with symmetries and channels in one axis, symmetries first."""
    return ops.reshape(f, (-1, *f.shape[1:3], math.prod(f.shape[3:])))


def _require_square(size) -> None:
    if size[0] != size[1]:
        raise ValueError(f"only a square image can be rotated; got {size[0]} x {size[1]}")
