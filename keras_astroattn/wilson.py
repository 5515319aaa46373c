"""Wilson's interval of a proportion, and its conservative form."""

from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]
"""Lower and upper bound."""

CONFIDENCE_LEVEL = 0.95
"""Nominal coverage of all intervals."""


def wilson_interval(
    proportion: float, size: float, confidence_level: float = CONFIDENCE_LEVEL
) -> Interval:
    """Return Wilson's (1927) score interval of a proportion p from n independent trials.

        (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    z is the normal quantile of (1 + confidence level) / 2.

    Args:
        proportion: p, from 0 to 1.
        size: n > 0. It may be an effective sample size, which is not an integer
            (`astropy.stats.binom_conf_interval` truncates it).
        confidence_level: confidence level, between 0 and 1.

    Returns:
        Lower and upper bound.
    """
    z = NormalDist().inv_cdf((1 + confidence_level) / 2)
    centre = proportion + z**2 / (2 * size)
    half = z * np.sqrt(proportion * (1 - proportion) / size + z**2 / (4 * size**2))
    scale = 1 + z**2 / size
    # Of p = 0 the lower bound is 0, of p = 1 the upper one is 1; rounding must not move them.
    low = 0.0 if proportion == 0 else float((centre - half) / scale)
    high = 1.0 if proportion == 1 else float((centre + half) / scale)
    return max(0.0, low), min(1.0, high)


def conservative_wilson_interval(
    proportion: float, size: float, confidence_level: float = CONFIDENCE_LEVEL
) -> Interval:
    """Return Wilson's interval with a continuity correction.

        (2 n p + z^2 -+ (1 + z sqrt(z^2 -+ 2 - 1 / n + 4 p (n (1 - p) +- 1)))) / 2 (n + z^2)

    The upper signs give the lower bound. A bound that would be beyond p = 0 or 1 is p. It covers
    a proportion near 0 or 1 in at least 95 of 100 samples, where Wilson's interval covers fewer.

    Args:
        proportion: p, from 0 to 1.
        size: n > 0; it may be an effective sample size.
        confidence_level: confidence level, between 0 and 1.

    Returns:
        Lower and upper bound.

    Source: Newcombe 1998, Statistics in Medicine 17, 857, method 4.
    """
    z = NormalDist().inv_cdf((1 + confidence_level) / 2)
    p, q = proportion, 1 - proportion
    middle, scale = 2 * size * p + z**2, 2 * (size + z**2)
    down = np.sqrt(max(z**2 - 2 - 1 / size + 4 * p * (size * q + 1), 0.0))
    up = np.sqrt(max(z**2 + 2 - 1 / size + 4 * p * (size * q - 1), 0.0))
    low = 0.0 if p == 0 else float((middle - 1 - z * down) / scale)
    high = 1.0 if p == 1 else float((middle + 1 + z * up) / scale)
    return max(0.0, min(low, p)), min(1.0, max(high, p))
