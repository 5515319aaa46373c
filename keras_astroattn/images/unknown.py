"""Pixels of a map that hold no measurement of the sky.

Mosaics mark unobserved pixels with NaN, with exact zeros (linmos, MIRIAD) or with another
constant. Such pixels have no noise: they lower the measured noise, and a source that reaches them
is incomplete.
"""

import numpy as np

from .islands import connected, grown, label_islands

LEAST_AREA = 9
"""Least number of connected pixels of one value that form an area: noise repeats a value in one or
two neighbours, and a single exact zero is a measurement."""

_COARSE_SHARE = 0.03  # share of the pixels with one value, for steps of more than 0.1 sigma
_COARSE_BLOCK = 12  # pixels: coarsely rounded noise has smaller blocks of one value
_EVERY = 7  # every seventh pixel is enough to find shared values
_FILL_VALUES = 3  # most fill values of one map, in addition to 0
_LEAST_NEGATIVE_SHARE = 0.02  # of the pixels of a map with noise and a source
_LEAST_NEGATIVE = 5
_MOST_GAP = 0.35  # 10th percentile over median: 0.19 for Gaussian noise, above 0.5 if clipped
_FADING = 0.05  # of the typical pixel: the rim of a convolved model fades to 0


def unknown_pixels(field: np.ndarray) -> np.ndarray:
    """Return the mask of the unknown pixels of a map.

    NaN and infinite pixels are unknown. In a map with noise, connected areas (eight neighbours) of
    at least 9 pixels with one value are unknown too, zero or another; single zeros are known. A
    map has noise if its other pixels have both signs and small values. In a map without noise (a
    model, a simulation, or a map with blanked noise), zeros are sky and known. A map with only one
    value is unknown.

    Args:
        field: (height, width) map, any real dtype.

    Returns:
        (height, width) bool.
    """
    return examine(field)[0]


def examine(field: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the mask of unknown pixels, and whether the sky is exactly 0, which hides the noise.

    Args:
        field: (height, width) map, any real dtype.

    Returns:
        (height, width) bool, the mask of `unknown_pixels`; and whether the sky is exactly 0.
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
    """Return the mask of areas of one value, and whether the map is rounded to coarse steps.

    Args:
        field: (height, width) map.
        zero: (height, width) bool, where it is 0.
        across: (height, width - 1) bool, where it repeats the pixel to the left.
        down: (height - 1, width) bool, where it repeats the pixel of the row before.
    """
    tied = np.zeros(field.shape, bool)
    tied[:, 1:] = across
    tied[:, :-1] |= across
    tied[1:] |= down
    tied[:-1] |= down
    if _is_coarse(field[~zero][::_EVERY]):
        return _blocks(across, down), True
    areas = _large_islands(zero)
    return areas | _large_equal_islands(field, _large_islands(tied & ~zero)), False


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


def _large_equal_islands(field: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the islands of one value in a mask that have at least `LEAST_AREA` pixels."""
    count = np.count_nonzero(mask)
    numbers = np.zeros(field.shape, np.intp)
    numbers[mask] = np.arange(count)
    ones, others = [], []
    all_but_last, all_but_first, every = slice(-1), slice(1, None), slice(None)
    for here, there in (
        ((every, all_but_last), (every, all_but_first)),
        ((all_but_last, every), (all_but_first, every)),
        ((all_but_last, all_but_last), (all_but_first, all_but_first)),
        ((all_but_last, all_but_first), (all_but_first, all_but_last)),
    ):
        linked = mask[here] & mask[there] & (field[here] == field[there])
        ones.append(numbers[here][linked])
        others.append(numbers[there][linked])
    labels = connected(count, np.concatenate(ones), np.concatenate(others))
    islands = np.zeros(field.shape, bool)
    islands[mask] = np.bincount(labels, minlength=1)[labels] >= LEAST_AREA
    return islands


def _blocks(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return the mask of all square blocks of one value, 12 pixels wide."""
    height, width = across.shape[0], down.shape[1]
    rows, columns = height - _COARSE_BLOCK + 1, width - _COARSE_BLOCK + 1
    blocks = np.zeros((height, width), bool)
    if rows < 1 or columns < 1:
        return blocks
    # In a block of one value, each row repeats along itself, and the first column down itself.
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
    if coarse:  # rounding removes small values
        return True
    small, typical = np.percentile(negative, [10, 50])
    rim = np.abs(field[near & ~areas & ~unknown].astype(np.float64))
    fades = rim.size > 0 and np.median(rim) < _FADING * typical
    return bool(small < _MOST_GAP * typical and not fades)
