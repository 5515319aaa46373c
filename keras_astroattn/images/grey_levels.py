"""Convert grey levels of pictures and of arrays without a header to those of MiraBest.

All 2,456 images of MiraBest and FR-DEEP have a sky of exactly 0, which covers at least 89 % of
each image, and a brightest pixel of 255 (one image is blank).
"""

from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .conventions import to_network_units
from .preprocessing import MASK_SIGMA, measure_noise

MOST_LIT = 0.25
"""Share of pixels above 0 at which the sky counts as not black."""

LEAST_LEVELS = 16
"""Least number of grey levels between sky and peak for integers to be stretched."""

_USED = 0.97  # least brightest pixel, as a share of the range: JPEG lowers white by a few levels
_FULL = {"u1": 255, "u2": 65535}
_PLAIN = (
    "give 8-bit or 16-bit integers, or real numbers from 0 to 1 or -1 (black) to 1, stretched from "
    "black sky to white peak; a map needs its pixel scale and beam (cutout_from_field, "
    "--pixel-scale and --beam)"
)


@dataclass(frozen=True, eq=False)
class GreyImage:
    """An image in the grey levels of MiraBest.

    Attributes:
        pixels: uint8, black sky and white peak.
        network: float32 in [-1, 1], of the same shape.
        flags: flags of the changes made.
    """

    pixels: np.ndarray
    network: np.ndarray
    flags: frozenset[str] = frozenset()


def normalise(values: np.ndarray) -> GreyImage:
    """Convert an image to black sky and white peak.

    An image with both is left unchanged. A bright sky with a dark source is inverted. If the sky
    is not black, its median is subtracted, and pixels not above 3 sigma become black. An image
    that does not use its range is stretched: (v - min) / (max - min) * 255, truncated.

    Args:
        values: finite real numbers: integers from 0 to 255 (uint16: to 65535), or floats from 0
            to 1, or from -1 to 1 with black at -1.

    Returns:
        The converted image.

    Raises:
        InputError: The range of the numbers is another one, or there are too few grey levels.
    """
    unit, full = _positive(values)
    low, high, middle = float(unit.min()), float(unit.max()), float(np.median(unit))
    found = set()
    if middle > (low + high) / 2:
        unit = unit.max() - unit
        found.add(flag.INVERTED)
    elif low > 0 and high > low:
        unit = unit - unit.min()
    if np.count_nonzero(unit) > MOST_LIT * unit.size and high > low:
        unit = _without_sky(unit)
        found.add(flag.BACKGROUND)
    peak = unit.max()
    if not peak > 0 or high == low:
        pixels = np.zeros(unit.shape, np.uint8)
        return GreyImage(pixels, to_network_units(pixels), frozenset(found))
    is_whole = values.dtype.kind in "iu"
    if not found and low == 0 and peak >= _USED * full:
        if is_whole:
            pixels = (unit.astype(np.int64) * 255 // full).astype(np.uint8)
            return GreyImage(pixels, to_network_units(pixels))
        network = values.astype(np.float32)
        network = network if values.min() < 0 else network * 2 - 1
        return GreyImage((unit * np.float32(255)).astype(np.uint8), network)
    if is_whole and peak < LEAST_LEVELS:
        raise InputError(
            f"the source has {peak:g} grey levels above the sky, {LEAST_LEVELS} are the least: "
            f"{_PLAIN}"
        )
    if flag.BACKGROUND not in found and peak < _USED * full:
        found.add(flag.STRETCHED)
    stretched = unit.astype(np.float64) * 255 / float(peak)
    # The offset avoids rounding errors: 255 of 255 levels keep their values.
    pixels = np.floor(stretched + 1e-9).astype(np.uint8)
    return GreyImage(pixels, to_network_units(pixels), frozenset(found))


def sky_at_zero(values: np.ndarray) -> tuple[np.ndarray, frozenset[str]]:
    """Return grey levels with the sky at 0 and the source above it, not blanked or stretched.

    Args:
        values: (height, width) finite real numbers, linear in brightness.

    Returns:
        float32 of the same shape, and the flag `inverted` if the levels were inverted.
    """
    values = values.astype(np.float32)
    middle = np.median(values)
    if middle > (values.min() + values.max()) / 2:
        return middle - values, frozenset({flag.INVERTED})
    return values - middle, frozenset()


def _positive(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the image from 0 (black) upwards, and the level of white."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind in "iu":
        full = 255 if high <= 255 else _FULL.get(values.dtype.str[1:], 255)
        if low < 0 or high > full:
            raise InputError(
                f"integers from 0 to 255 are an image, not {low:g} to {high:g}: {_PLAIN}"
            )
        return values.astype(np.float32), full
    if low < -1 or high > 1 or -_USED < low < 0:
        raise InputError(f"{low:.3g} to {high:.3g} is no image in 0 to 1 or -1 to 1: {_PLAIN}")
    unit = values.astype(np.float32)
    return ((unit + 1) / 2 if low < 0 else unit), 1.0


def _without_sky(unit: np.ndarray) -> np.ndarray:
    """Return the image minus its sky, black where it is not above 3 sigma."""
    if np.count_nonzero(unit == 0) > MOST_LIT * unit.size:
        raise InputError(f"the sky is partly black and partly not: {_PLAIN}")
    unit = unit - np.median(unit)
    return np.where(unit > MASK_SIGMA * measure_noise(unit), unit, np.float32(0))
