"""Noise around several places of one map, whose windows share most of their pixels."""

import math

import numpy as np

from .clipping import Clipping
from .conventions import FIELD_SIZE
from .preprocessing import clip_noise, known_values
from .sky_noise import checked_noise

Box = tuple[int, int, int, int]  # first row, row behind the last, first column, column behind


class WindowNoise:
    """Noise of the 300 x 300 pixels around places of a map, as far as they exist.

    The values of the last window are kept sorted, so that a window nearby takes less time. The
    results are those of `sky_noise.measure_sky_noise` to the last bit.

    Args:
        field: (height, width) map, floating point; NaN is unknown.
        beam_area: pixels in a beam.
    """

    def __init__(self, field: np.ndarray, beam_area: float):
        self._field, self._beam_area = field, beam_area
        self._box: Box | None = None
        self._clipping: Clipping | None = None

    def measured(self, left: int, top: int) -> tuple[float, bool]:
        """Return the noise in the window, and whether it is certain.

        Args:
            left: first column of the window; it may lie outside the map.
            top: first row of the window.

        Raises:
            InputError: A pixel is so bright that its square overflows.
        """
        return self._noise(left, top, exact=True)

    def estimated(self, left: int, top: int) -> tuple[float, bool]:
        """Return `measured` except for rounding (1e-6), in less time."""
        return self._noise(left, top, exact=False)

    def _noise(self, left: int, top: int, exact: bool) -> tuple[float, bool]:
        bounds = zip((top, left), self._field.shape, strict=True)
        box = tuple(
            min(max(edge, 0), extent)
            for start, extent in bounds
            for edge in (start, start + FIELD_SIZE)
        )
        window = self._part(box)
        values, exponent = known_values(window)
        if not values.size:
            return float("nan"), True
        if self._box != box or exponent:
            self._clipping = clip_noise(self._clipping_of(values, box, exponent))
            self._box = None if exponent else box
        noise = self._clipping.kept().std() if exact else self._clipping.deviation()
        noise = math.ldexp(float(noise), exponent)
        return checked_noise(noise, window, values.size, FIELD_SIZE**2, self._beam_area)

    def _clipping_of(self, values: np.ndarray, box: Box, exponent: int) -> Clipping:
        """Return the values of a window for clipping, from those of the last one if it is near."""
        if self._box is None or exponent or not _share_most(self._box, box):
            return Clipping(values)
        removed, added = self._beyond(self._box, box), self._beyond(box, self._box)
        return self._clipping.exchanged(values, removed, added)

    def _beyond(self, one: Box, other: Box) -> np.ndarray:
        """Return the known pixels in one box and not in another."""
        parts = [self._part(box).ravel() for box in _difference(one, other)]
        pixels = np.concatenate(parts)
        return pixels[np.isfinite(pixels)]

    def _part(self, box: Box) -> np.ndarray:
        top, bottom, left, right = box
        return self._field[top:bottom, left:right]


def _share_most(one: Box, other: Box) -> bool:
    """Return whether two boxes differ by less than a quarter of their sides."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < FIELD_SIZE // 8


def _difference(one: Box, other: Box) -> list[Box]:
    """Return four boxes, some of them empty, that cover what `one` has outside `other`."""
    top, bottom = max(one[0], other[0]), min(one[1], other[1])
    left, right = max(one[2], other[2]), min(one[3], other[3])
    return [
        (one[0], top, one[2], one[3]),
        (bottom, one[1], one[2], one[3]),
        (top, bottom, one[2], left),
        (top, bottom, right, one[3]),
    ]
