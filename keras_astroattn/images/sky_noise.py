"""Noise of a field that a source may fill.

MiraBest's recipe clips 300 x 300 pixels, of which a source is a small part. In a tight cutout
the source is most of the field and clipping leaves it in. Noise around zero has a negative half,
and sources have none: where a field is smaller and the two disagree, the negative half is right.
"""

import numpy as np

from .preprocessing import measure_noise

FULL_SHARE = 0.95
"""Share of the full field's pixels that are known from which clipping is used as it is."""

MOST_EXCESS = 1.25
"""Clipped over negative-half noise up to which clipping is believed. The middle 150 x 150 pixels
of 46 FIRST fields reach 1.07; cut to the size of their sources they reach 29."""

_MAD_TO_SIGMA = 1.4826  # of Gaussian noise: standard deviation over median absolute deviation
_SKY_SHARE = 0.4  # of negative pixels: from here on half of the field is sky
_LEAST_SHARE = 0.15  # of negative pixels: with fewer, what lies below 0 is bowls of the source
_LEAST_BEAMS = 20  # of negative pixels: fewer tell the noise to no better than a quarter


def measure_sky_noise(field: np.ndarray, full: float, beam_area: float) -> tuple[float, bool]:
    """Return the noise of the sky in a field, and whether it is certain.

    A full field has `measure_noise`, MiraBest's figure. So has a smaller one, unless it is more
    than 1.25 times 1.4826 median(|negative pixels|), which is then the noise.

    Args:
        field: (height, width) map, floating point; NaN is unknown.
        full: pixels of a full field (300 x 300 of the network's).
        beam_area: pixels in a beam, over which noise is correlated.

    Returns:
        The noise in the field's unit, NaN where nothing is known; and False where too little
        sky is in the field to know it.
    """
    clipped = measure_noise(field)
    known = np.count_nonzero(np.isfinite(field))
    if known >= FULL_SHARE * full or not clipped > 0:
        return clipped, True
    negative = field[field < 0].astype(np.float64)
    share = negative.size / known
    beams = negative.size / max(beam_area, 1.0)
    certain = share >= _SKY_SHARE or (share >= _LEAST_SHARE and beams >= _LEAST_BEAMS)
    if not negative.size:
        return clipped, False
    half = _MAD_TO_SIGMA * float(np.median(-negative))
    return (half if clipped > MOST_EXCESS * half else clipped), bool(certain)
