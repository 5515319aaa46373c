"""Frames: signatures of a .tflite file for sources that fill a part of the image.

A frame is a square in the middle of the image. Its signature gives the results of the whole image
if all pixels outside the frame are black; beyond the maps that it returns, those of the whole
image are 0.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_astroattn.images import BLACK

_PREFIX = "serving_frame_"  # sorted after the signature of the whole image, which must be the first

_ABOVE_BLACK = np.float32(BLACK + 1e-6)  # the stretch of the networks takes less for black


def frame_signature(size: int) -> str:
    """Return the name of the signature for a frame of a size, pixels."""
    return f"{_PREFIX}{size}"


def frame_sizes(signatures: Iterable[str]) -> list[int]:
    """Return the sizes of the frames among the names of signatures, in ascending order."""
    sizes = (name.removeprefix(_PREFIX) for name in signatures if name.startswith(_PREFIX))
    return sorted(int(size) for size in sizes if size.isdecimal())


def smallest_frame(image: np.ndarray, sizes: Sequence[int]) -> int:
    """Return the smallest size of a frame outside which an image is black.

    Args:
        image: (n, n, 1) float32 in [-1, 1]; NaN is not black.
        sizes: sizes in ascending order; the last is n.
    """
    # The pixels farthest from the middle, of the image's rows and columns folded in half.
    lit = ~(image[..., 0] <= _ABOVE_BLACK)
    reached = lit.any(axis=0) | lit.any(axis=1)
    reached |= reached[::-1]
    first = int(reached.argmax()) if reached.any() else len(reached) // 2
    return next(size for size in sizes if 2 * first >= len(reached) - size)


def cut(images: np.ndarray, size: int) -> np.ndarray:
    """Return the frame (n, size, size, channels) of images (n, height, width, channels)."""
    rows, columns = (_middle(whole, size) for whole in images.shape[1:3])
    return images[:, rows, columns]


def placed(values: np.ndarray, shape: Sequence[int], outside: float = 0) -> np.ndarray:
    """Return the map of the whole image, or the image itself.

    Args:
        values: (n, h, w, ...), the map of a frame; or (n, classes).
        shape: shape of the map of the whole image, (height, width, ...).
        outside: value outside the frame.

    Returns:
        (n, height, width, ...).
    """
    if values.shape[1:] == tuple(shape):
        return values
    whole = np.full((len(values), *shape), outside, values.dtype)
    rows, columns = (_middle(n, m) for n, m in zip(shape[:2], values.shape[1:3], strict=True))
    whole[:, rows, columns] = values
    return whole


def _middle(whole: int, part: int) -> slice:
    first = (whole - part) // 2
    return slice(first, first + part)
