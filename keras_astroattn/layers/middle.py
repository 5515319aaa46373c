"""Parts in the middle of images, of feature maps, and of matrices that resize them."""

import numpy as np
from keras import ops


def central(whole: int, part: int) -> slice:
    """Return the pixels of a part in the middle of an axis."""
    first = (whole - part) // 2
    return slice(first, first + part)


def central_block(matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the block of a matrix that resizes a part, in the middle, to a part."""
    return matrix[tuple(map(central, matrix.shape, shape))]


def middle(f, size: int):
    """Return the square in the middle of a feature map, with zeros where the map is smaller.

    Args:
        f: (batch, n, n, channels).
        size: pixels of the square, along an axis.
    """
    if size >= f.shape[1]:
        border = [(size - f.shape[1]) // 2] * 2
        return ops.pad(f, [[0, 0], border, border, [0, 0]])
    for axis in (1, 2):
        part = central(f.shape[axis], size)
        # The gradient of `f[:, part]` takes ten times as long on TensorFlow.
        f = ops.split(f, [part.start, part.stop], axis=axis)[1]
    return f
