"""The beam of a map, estimated from the correlation of its noise.

The noise of an interferometer's map is correlated over the beam. White noise convolved with a
Gaussian of width b has the autocorrelation exp(-2 ln(2) r^2 / b^2), which is 1/2 at b / sqrt(2).
"""

import math

import numpy as np

from .beam import Beam
from .islands import grown
from .preprocessing import measure_noise

WIDTH_RATIO = 0.69
"""Median ratio of the width of the noise's correlation to the beam, in 46 fields of FIRST. It is
below 1 because bright noise is left out, and because visibilities are not weighted naturally."""

MOST_DISAGREEMENT = 1.5
"""Ratio of the stated to the estimated beam, or its inverse, above which they disagree."""

LEAST_PIXELS = 2000
"""Pixels of sky below which no beam is estimated."""

_BRIGHT_SIGMA = 2.5
_AROUND_BRIGHT = 3  # pixels around bright ones that hold emission too
_LEAST_RADIUS = 0.7  # pixels: noise that is correlated less was not made by an interferometer
_LONGEST_LAG = 40  # pixels
_DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1))  # steps along x and y


def estimate_beam(field: np.ndarray, jacobian: np.ndarray) -> Beam | None:
    """Return the beam of a map from the autocorrelation of its noise.

    The radii at which the autocorrelation is 1/2 along four directions give an ellipse, which is
    divided by `WIDTH_RATIO`. In 90 % of 46 FIRST fields the
    geometric mean of its axes is 0.77 to 1.29 of the beam.

    Args:
        field: (height, width) map; NaN is unknown.
        jacobian: (2, 2), arcsec east and north (rows) for a step along x and y (columns).

    Returns:
        The beam; None if there is too little sky, or the noise is not correlated as by a beam.
    """
    sky = _sky(field)
    if sky is None:
        return None
    radii = [_half_radius(sky, *step) for step in _DIRECTIONS]
    if not all(radii):
        return None
    # u^T Q u = 1 on the ellipse of half correlation.
    steps = np.array(_DIRECTIONS, float)
    points = steps * (np.array(radii) / np.hypot(*steps.T))[:, np.newaxis] @ jacobian.T
    x, y = points.T
    (xx, xy, yy), *_ = np.linalg.lstsq(np.stack([x * x, 2 * x * y, y * y], axis=1), np.ones(4))
    values, vectors = np.linalg.eigh(np.array([[xx, xy], [xy, yy]]))
    if not values[0] > 0:
        return None
    minor, major = sorted(math.sqrt(2 / value) / WIDTH_RATIO for value in values.tolist())
    east, north = vectors[:, 0]  # the smallest eigenvalue is that of the longest axis
    return Beam(major, minor, math.degrees(math.atan2(east, north)) % 180)


def disagree(one: Beam, other: Beam) -> bool:
    """Return whether the mean widths of two beams differ by more than a factor of 1.5."""
    ratio = one.mean / other.mean
    return max(ratio, 1 / ratio) > MOST_DISAGREEMENT


def _sky(field: np.ndarray) -> np.ndarray | None:
    """Return the noise around 0, with NaN on and around emission; None if there is too little."""
    known = np.isfinite(field)
    if np.count_nonzero(known) < LEAST_PIXELS:
        return None
    sigma = measure_noise(field)
    if not sigma > 0:
        return None
    with np.errstate(invalid="ignore"):
        bright = np.abs(field) > _BRIGHT_SIGMA * sigma
    for _ in range(_AROUND_BRIGHT):
        bright = grown(bright)
    kept = known & ~bright
    if np.count_nonzero(kept) < LEAST_PIXELS:
        return None
    return np.where(kept, (field - field[kept].mean()) / np.float32(sigma), np.float32(np.nan))


def _half_radius(sky: np.ndarray, across: int, down: int) -> float | None:
    """Return the radius at which the autocorrelation along a direction is 1/2, pixels."""
    known = np.isfinite(sky)
    values = np.where(known, sky, 0)
    variance = float(np.square(values).sum() / known.sum())
    before, square = 0.0, 0  # -ln of the correlation, and the lag, squared
    length = across * across + down * down
    for lag in range(1, _LONGEST_LAG + 1):
        here, there = _overlap(sky.shape, across * lag, down * lag)
        pairs = np.count_nonzero(known[here] & known[there])
        if pairs < LEAST_PIXELS // 2:
            return None
        products = np.einsum("ij,ij->", values[here], values[there], dtype=np.float64)
        correlation = float(products) / pairs / variance
        now = -math.log(max(correlation, 1e-3))
        if now >= math.log(2):
            # A Gaussian's -ln is linear in the square of the lag.
            share = (math.log(2) - before) / (now - before)
            radius = math.sqrt(length * (square + share * (lag * lag - square)))
            return radius if radius >= _LEAST_RADIUS else None
        before, square = now, lag * lag
    return None


def _overlap(shape: tuple[int, int], across: int, down: int) -> tuple[tuple, tuple]:
    """Return the slices of a map that pair each pixel with one `across` and `down` from it."""
    height, width = shape
    here = (slice(max(-down, 0), height - max(down, 0)), slice(0, width - across))
    there = (slice(max(down, 0), height + min(down, 0)), slice(across, width))
    return here, there
