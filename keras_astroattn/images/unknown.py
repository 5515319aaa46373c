"""Pixels of a map that hold no measurement of the sky.

Mosaics mark what no telescope looked at with NaN, with exact zeros (linmos, MIRIAD) or with
another constant. Such pixels have no noise: they lower the noise that is measured over them, and
where a source reaches into them, a part of it is missing.
"""

import numpy as np

from .islands import grown, label_islands

LEAST_AREA = 9
"""Connected pixels of one value from which they are an area: noise repeats a value in one or
two neighbours, and a single exact zero is a measurement."""

_COARSE_SHARE = 0.03  # of the pixels that hold one value: steps of more than 0.1 sigma
_COARSE_BLOCK = 12  # pixels: smaller blocks of one value occur in coarsely rounded noise
_EVERY = 7  # of the pixels tells how many share a value
_FILL_VALUES = 3  # that one map may be filled with, beside 0
_LEAST_NEGATIVE_SHARE = 0.02  # of the pixels of a map with noise, a source included
_LEAST_NEGATIVE = 5
_MOST_GAP = 0.35  # 10th percentile over median: 0.19 of Gaussian noise, over 0.5 where clipped
_FADING = 0.05  # of the typical pixel: the rim of a convolved model fades to 0


def unknown_pixels(field: np.ndarray) -> np.ndarray:
    """Return the mask of the unknown pixels of a map.

    NaN and infinite pixels are not known, nor are connected areas (eight neighbours) of at least
    9 pixels that all hold one value, zero or another, in a map that has noise. Single zeros are
    known. A map has noise where its other pixels take both signs and small values: in a model, a
    simulation without noise, or a map whose noise was blanked, zeros are the sky and known. A map
    of one value alone is not known.

    Args:
        field: (height, width) map, any real dtype.

    Returns:
        (height, width) bool.
    """
    return examine(field)[0]


def examine(field: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the mask of unknown pixels, and whether the sky is exactly 0, which hides the noise.

    Args:
        field: as in `unknown_pixels`.

    Returns:
        The mask of `unknown_pixels`, and a bool.
    """
    unknown = ~np.isfinite(field)
    across, down = field[:, 1:] == field[:, :-1], field[1:] == field[:-1]
    zero = field == 0
    repeats = np.count_nonzero(across) + np.count_nonzero(down)
    if repeats < LEAST_AREA - 1 and np.count_nonzero(zero) < LEAST_AREA:
        return unknown, False
    areas, coarse = _constant_areas(field, zero, across, down)
    areas &= ~unknown
    if not areas.any():
        return unknown, False
    known = field[~unknown]
    if (known == known[0]).all():
        return np.ones_like(unknown), False
    if _has_noise(field, areas, unknown, coarse):
        return unknown | areas, False
    return unknown, bool((areas & zero).any())


def _constant_areas(
    field: np.ndarray, zero: np.ndarray, across: np.ndarray, down: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Mask of areas of one value, and whether the map is rounded to coarse steps.

    Args:
        field: (height, width).
        zero: (height, width), where it is 0.
        across: (height, width - 1), where it repeats the pixel to the left.
        down: (height - 1, width), where it repeats the pixel of the row before.
    """
    tied = np.zeros(field.shape, bool)
    tied[:, 1:] = across
    tied[:, :-1] |= across
    tied[1:] |= down
    tied[:-1] |= down
    if _is_coarse(field[~zero][::_EVERY]):
        return _blocks(across, down), True
    areas = _large_islands(zero)
    candidates = _large_islands(tied & ~zero)
    values, counts = np.unique(field[candidates], return_counts=True)
    for value in values[counts >= LEAST_AREA]:
        areas |= _large_islands(candidates & (field == value))
    return areas, False


def _is_coarse(values: np.ndarray) -> bool:
    """Return whether most pixels share their value with many others, a few fill values aside."""
    _, counts = np.unique(values, return_counts=True)
    counts = np.sort(counts)[:-_FILL_VALUES].astype(np.float64)
    return bool((counts * counts).sum() > _COARSE_SHARE * values.size * counts.sum())


def _large_islands(mask: np.ndarray) -> np.ndarray:
    """Return the islands of a mask that have at least `LEAST_AREA` pixels."""
    points, labels = label_islands(mask)
    large = points[np.bincount(labels, minlength=1)[labels] >= LEAST_AREA]
    islands = np.zeros(mask.shape, bool)
    islands[large[:, 0], large[:, 1]] = True
    return islands


def _blocks(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Mask of all square blocks of one value, 12 pixels wide."""
    height, width = across.shape[0], down.shape[1]
    rows, columns = height - _COARSE_BLOCK + 1, width - _COARSE_BLOCK + 1
    blocks = np.zeros((height, width), bool)
    if rows < 1 or columns < 1:
        return blocks
    # A block of one value: each of its rows repeats along it, and its first column down it.
    even = np.logical_and.reduce([across[:, k : k + columns] for k in range(_COARSE_BLOCK - 1)])
    starts = np.logical_and.reduce([even[k : k + rows] for k in range(_COARSE_BLOCK)])
    for k in range(_COARSE_BLOCK - 1):
        starts &= down[k : k + rows, :columns]
    wide = np.zeros((rows, width), bool)
    for k in range(_COARSE_BLOCK):
        wide[:, k : k + columns] |= starts
    for k in range(_COARSE_BLOCK):
        blocks[k : k + rows] |= wide
    return blocks


def _has_noise(field: np.ndarray, areas: np.ndarray, unknown: np.ndarray, coarse: bool) -> bool:
    """Return whether the pixels outside the areas and their rims hold noise."""
    near = grown(areas)
    values = field[~near & ~unknown]
    negative = -values[values < 0].astype(np.float64)
    if negative.size < max(_LEAST_NEGATIVE, _LEAST_NEGATIVE_SHARE * values.size):
        return False
    if coarse:  # rounding leaves no small values
        return True
    small, typical = np.percentile(negative, [10, 50])
    rim = np.abs(field[near & ~areas & ~unknown].astype(np.float64))
    fades = rim.size > 0 and np.median(rim) < _FADING * typical
    return bool(small < _MOST_GAP * typical and not fades)
