"""Brightness of a picture drawn with one of matplotlib's colormaps."""

import difflib

import numpy as np

from keras_astroattn.errors import InputError

_LEAST_COLOURS = 64  # a colormap with fewer colours shows categories
_FAR = 24.0  # of 255: largest distance of a colour from the colormap; JPEG changes colours by less
_MOST_FAR = 0.01  # share of the pixels that may have a larger distance
_SAME = 4.0  # of 255: colours nearer than this are the same
_APART = 1 / 16  # of the colormap: the same colour this far apart has two meanings


def invert_colormap(colours: np.ndarray, name: str) -> np.ndarray:
    """Return the grey levels of a coloured picture: positions in its colormap.

    Args:
        colours: (height, width, 3) uint8, red, green and blue.
        name: name of a matplotlib colormap, for example viridis; `_r` at its end reverses it.

    Returns:
        (height, width) uint8, 0 at the low end of the colormap and 255 at its high end.

    Raises:
        InputError: Matplotlib is not installed, the colormap does not exist or repeats colours,
            or the picture has other colours.
    """
    table = _table(name)
    packed = colours.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    present, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
    present = np.stack([present >> 16, present >> 8 & 255, present & 255], axis=1)
    nearest, distance = np.empty(len(present), np.int64), np.empty(len(present))
    for start in range(0, len(present), 4096):
        part = slice(start, start + 4096)
        squares = ((present[part, None, :] - table[None, :, :]) ** 2).sum(axis=-1)
        nearest[part], distance[part] = squares.argmin(axis=1), np.sqrt(squares.min(axis=1))
    if counts[distance > _FAR].sum() > _MOST_FAR * counts.sum():
        raise InputError(f"the colours of the picture are not those of colormap {name}")
    levels = np.rint(nearest * (255 / (len(table) - 1))).astype(np.uint8)
    return levels[place].reshape(colours.shape[:2])


def _table(name: str) -> np.ndarray:
    """Return (n, 3) colours of a colormap, 0 to 255."""
    try:
        from matplotlib import colormaps
    except ImportError:
        raise InputError(
            "--colormap needs matplotlib: pip install 'keras-astroattn[plots]'"
        ) from None
    if name not in colormaps:
        close = difflib.get_close_matches(name, list(colormaps), 3) or ["viridis", "inferno", "jet"]
        raise InputError(f"matplotlib has no colormap {name!r}: try {', '.join(close)}")
    colormap = colormaps[name]
    table = colormap(np.arange(colormap.N), bytes=True)[:, :3].astype(np.int32)
    apart = np.abs(np.subtract.outer(np.arange(len(table)), np.arange(len(table))))
    distance = np.sqrt(((table[:, None] - table[None]) ** 2).sum(axis=-1))
    if len(table) < _LEAST_COLOURS or ((distance < _SAME) & (apart > _APART * len(table))).any():
        raise InputError(f"colormap {name} has one colour for several values: give a grey picture")
    return table
