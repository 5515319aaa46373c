"""Roundness: whether a source is a ring or a smooth round patch, without an axis of jets or lobes.

Positions are taken from the centroid of the flux, and scaled so that the ellipse of its second
moments is a circle. There a ring and a smooth patch look the same in all directions. Two lobes and
a core with two jets do not.

The limits were chosen with MiraBest's training images and simulated sources
(`python -m train.studies.round_sources --choosing`).
"""

import math
from collections.abc import Sequence

import numpy as np

from .ellipse import FWHM_PER_SIGMA, flux_covariance
from .islands import Island

MOST_ELONGATED = 1.7
"""Largest ratio of the axes of a round source."""

LEAST_WIDTH = 1.5
"""Least full width at half maximum of a round source along its minor axis, beams."""

MOST_UNEVEN = 0.04
"""Largest `unevenness` of a smooth round source."""

MOST_SPREAD = 1.42
"""Largest `spread` of a ring."""

MAIN_SHARE = 0.8
"""Share of the flux from which the brightest island alone is examined: others near it may be other
sources."""

_TINY = 1e-9


def is_round(
    islands: Sequence[Island], covariance: np.ndarray, snr: np.ndarray, beam: float
) -> bool:
    """Return whether a source is a ring or a smooth round patch.

    It is if its ellipse is wider than `LEAST_WIDTH` and less elongated than `MOST_ELONGATED`, and
    its flux is even over all directions (`unevenness`) or lies at one radius (`spread`).

    Args:
        islands: islands of the source, at least one.
        covariance: (2, 2) second moments of their flux (`ellipse.flux_covariance`), pixels squared.
        snr: (height, width) map of the islands in units of the noise.
        beam: full width at half maximum of the beam, pixels.
    """
    if len(islands) > 1:
        main = max(islands, key=lambda island: island.total)
        if main.total >= MAIN_SHARE * sum(island.total for island in islands):
            islands, covariance = [main], flux_covariance([main], snr)
    (xx, xy), (_, yy) = covariance.tolist()
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    minor, major = middle - half, middle + half
    # Most sources end here, so that reading them takes no longer. NaN ends here too.
    if not FWHM_PER_SIGMA**2 * minor > (LEAST_WIDTH * beam) ** 2:
        return False
    if not major < MOST_ELONGATED**2 * minor:
        return False
    pixels = np.concatenate([island.pixels for island in islands])
    weights = snr[tuple(pixels.T)].astype(np.float64)
    weights /= weights.sum()
    places = on_circle(pixels, weights, covariance)
    return bool(unevenness(places, weights) < MOST_UNEVEN or spread(places, weights) < MOST_SPREAD)


def on_circle(pixels: np.ndarray, weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the places of pixels where the ellipse of the flux is a circle.

        u = L^-1 (p - c),   C = L L^T

    C is the covariance and c the centroid.

    Args:
        pixels: (n, 2) rows and columns.
        weights: (n,) shares of the flux, of sum 1.
        covariance: (2, 2) second moments along x and y, positive definite.

    Returns:
        (n,) complex128 places u, in standard deviations of the flux.
    """
    y, x = (pixels - weights @ pixels).T
    (xx, xy), (_, yy) = covariance.tolist()
    across = math.sqrt(xx)
    lean = xy / across
    u = x / across
    return u + 1j * (y - lean * u) / math.sqrt(yy - lean**2)


def unevenness(places: np.ndarray, weights: np.ndarray) -> float:
    """Return how unevenly the flux is spread over all directions.

        sqrt(|sum w u / |u||^2 + |sum w (u / |u|)^2|^2)

    0 if every direction holds as much as all others, 1 for two opposite points. The first term is a
    side that is brighter than the other, the second an axis.

    Args:
        places: (n,) complex places u (`on_circle`).
        weights: (n,) shares of the flux, of sum 1.
    """
    directions = places / np.maximum(np.abs(places), _TINY)
    return math.hypot(abs(weights @ directions), abs(weights @ directions**2))


def spread(places: np.ndarray, weights: np.ndarray) -> float:
    """Return how far the flux is spread over radii.

        sum w |u|^4 / (sum w |u|^2)^2

    1 for a thin ring, 4/3 for a disc of one brightness, 3/2 for two equal Gaussians that are far
    from each other, 2 for one Gaussian.

    Args:
        places: (n,) complex places u (`on_circle`).
        weights: (n,) shares of the flux, of sum 1.
    """
    squares = places.real**2 + places.imag**2
    return float(weights @ squares**2 / (weights @ squares) ** 2)
