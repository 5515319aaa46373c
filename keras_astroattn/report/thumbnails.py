"""Small pictures of a source and of its maps: PNG files of four bits a pixel."""

import io

import numpy as np

MAP_SIZE = 38
"""Height and width of a small map, pixels; four image pixels each, with a margin of one."""

_LEVELS = 15  # the largest of four bits
_BLOCK, _MARGIN = 4, 1


def picture_png(pixels: np.ndarray) -> bytes:
    """Return a picture of a source, with a square-root stretch.

    Args:
        pixels: (h, w) uint8.

    Returns:
        A PNG file of (h, w) pixels, some 2 kB for 150 x 150.
    """
    return _four_bits(_LEVELS * np.sqrt(pixels / 255.0))


def map_png(values: np.ndarray) -> bytes:
    """Return an attention map, from its minimum (0) to its maximum (15).

    Args:
        values: (150, 150) float.

    Returns:
        A PNG file of 38 x 38 pixels; all 0 for a constant map.
    """
    small = _blocks(values, np.mean)
    low, high = float(small.min()), float(small.max())
    return _four_bits(_LEVELS * (small - low) / (high - low) if high > low else 0 * small)


def evidence_png(values: np.ndarray) -> bytes:
    """Return signed evidence: 8 is 0, 1 the largest for FRI, and 15 the same size for FRII.

    Args:
        values: (150, 150) float, E(FRII) - E(FRI).

    Returns:
        A PNG file of 38 x 38 pixels.
    """
    small = _blocks(values, np.sum)
    peak = float(np.abs(small).max())
    return _four_bits(8 + 7 * small / peak if peak > 0 else 8 + 0 * small)


def _blocks(values: np.ndarray, join) -> np.ndarray:
    """Join blocks of 4 x 4 pixels, after one pixel of the edge is repeated all around."""
    mode = {"mode": "edge"} if join is np.mean else {"mode": "constant"}
    padded = np.pad(np.asarray(values, np.float64), _MARGIN, **mode)
    side = MAP_SIZE
    return join(padded.reshape(side, _BLOCK, side, _BLOCK), axis=(1, 3))


def _four_bits(levels: np.ndarray) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.rint(levels).astype(np.uint8), "P")
    image.putpalette([grey * 17 for grey in range(16) for _ in range(3)])
    file = io.BytesIO()
    image.save(file, "PNG", bits=4, optimize=True)
    return file.getvalue()
