"""Noise of a field in which the source may be large.

MiraBest's recipe clips 300 x 300 pixels, of which a source is a small part. In a tight cutout the
source covers most of the field, and clipping does not remove it. Noise around zero has negative
pixels, and sources have none. If a small field and its negative pixels disagree, the negative
pixels give the noise.
"""

import numpy as np

from .clipping import around_median, chosen
from .preprocessing import measure_noise

FULL_SHARE = 0.95
"""Share of known pixels in the full field at which the clipped noise is used unchanged."""

MOST_EXCESS = 1.25
"""Largest ratio of the clipped noise to that of the negative pixels for its use. The middle
150 x 150 pixels of 46 FIRST fields reach 1.07; cut to the size of their sources they reach 29."""

_MAD_TO_SIGMA = 1.4826  # standard deviation over median absolute deviation, of Gaussian noise
_SKY_SHARE = 0.4  # share of negative pixels above which about half of the field is sky
_LEAST_SHARE = 0.15  # share of negative pixels below which they are negative bowls of the source
_LEAST_BEAMS = 20  # beams of negative pixels; with fewer, the noise is uncertain by a quarter


def measure_sky_noise(field: np.ndarray, full: float, beam_area: float) -> tuple[float, bool]:
    """Return the noise of the sky in a field, and whether it is certain.

    The noise of a full field is `measure_noise`. So is that of a smaller field, unless it exceeds
    1.25 times 1.4826 median(|negative pixels|), which is then the noise.

    Args:
        field: (height, width) map, floating point; NaN is unknown.
        full: number of pixels of a full field (300 x 300 of the network's).
        beam_area: pixels in a beam, over which noise is correlated.

    Returns:
        The noise in the field's unit, NaN if no pixel is known; and False if the field has too
        little sky to measure it.
    """
    known = np.count_nonzero(np.isfinite(field))
    return checked_noise(measure_noise(field), field, known, full, beam_area)


def checked_noise(
    clipped: float, field: np.ndarray, known: int, full: float, beam_area: float
) -> tuple[float, bool]:
    """Return the result of `measure_sky_noise` from its clipped noise and known pixels."""
    if known >= FULL_SHARE * full or not clipped > 0:
        return clipped, True
    negative = chosen(field.ravel(), field.ravel() < 0)
    share = negative.size / known
    beams = negative.size / max(beam_area, 1.0)
    certain = share >= _SKY_SHARE or (share >= _LEAST_SHARE and beams >= _LEAST_BEAMS)
    if not negative.size:
        return clipped, False
    lower, upper = map(float, around_median(negative))
    half = _MAD_TO_SIGMA * (lower + upper) / -2
    return (half if clipped > MOST_EXCESS * half else clipped), bool(certain)
