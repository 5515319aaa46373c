"""Shape of a source: the ellipse that has the second moments of its flux."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .islands import Island
from .preprocessing import MASK_SIGMA

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a Gaussian over its standard deviation."""


@dataclass(frozen=True)
class Ellipse:
    """Gaussian with the second moments of a source's flux; not deconvolved from the beam.

    Attributes:
        major: full width at half maximum along the major axis, arcsec.
        minor: full width at half maximum along the minor axis, arcsec.
        position_angle: angle of the major axis, degrees from north (ICRS) through east, in
            [0, 180); None on a map without celestial coordinates.

    Example:
        >>> import numpy as np
        >>> from keras_astroattn.images import cutout_from_field
        >>> y, x = np.indices((150, 150)) - 74.5
        >>> field = np.exp(-np.log(16) * ((x / 12) ** 2 + (y / 6) ** 2))
        >>> found = cutout_from_field(field, pixel_scale=1.8, beam=5.4, noise=0.01).ellipse
        >>> round(found.major, 1), round(found.minor, 1), found.position_angle
        (21.6, 10.9, None)
    """

    major: float
    minor: float
    position_angle: float | None


def flux_covariance(islands: Sequence[Island], snr: np.ndarray) -> np.ndarray:
    """Return the second central moments of the flux of islands.

        C = sum_i w_i (C_i / k_i + d_i d_i^T),   k = 1 - u / (e^u - 1),   u = ln(peak / 3)

    C_i are the moments of the pixels of island i, w_i its share of the flux, and d_i its centroid
    from that of all islands. A Gaussian that is cut off at 3 sigma has k times its second moments
    (by integration), so that a Gaussian of any brightness gets its own.

    Args:
        islands: islands of the source, at least one.
        snr: (height, width) map of the islands in units of the noise.

    Returns:
        (2, 2) float64 moments along x and y, pixels squared.
    """
    flux = np.array([island.total for island in islands])
    share = flux / flux.sum()
    places = np.array([island.centroid[::-1] for island in islands])
    offsets = places - share @ places
    covariance = (offsets.T * share) @ offsets
    for island, weight in zip(islands, share, strict=True):
        covariance += weight * _moments(island, snr) / _kept(island.peak)
    return covariance


def _moments(island: Island, snr: np.ndarray) -> np.ndarray:
    """Return the (2, 2) second central moments of an island's pixels along x and y."""
    weights = snr[tuple(island.pixels.T)].astype(np.float64)
    middle = (np.array(snr.shape) - 1) / 2
    offsets = (island.pixels - (island.centroid + middle))[:, ::-1]
    return (offsets.T * weights) @ offsets / island.total


def _kept(peak: float) -> float:
    """Return the share of a Gaussian's second moments that remains above 3 sigma."""
    u = math.log(peak / MASK_SIGMA)
    return 1 - u / math.expm1(u)


def ellipse_of(covariance: np.ndarray, jacobian: np.ndarray | None, pixel_scale: float) -> Ellipse:
    """Return the ellipse of second moments.

    Args:
        covariance: (2, 2) moments along x and y, pixels squared.
        jacobian: (2, 2), arcsec east and north (rows) for a step along x and y (columns); None:
            unknown.
        pixel_scale: pixel scale without a Jacobian, arcsec.
    """
    steps = np.eye(2) * pixel_scale if jacobian is None else jacobian
    variances, directions = np.linalg.eigh(steps @ covariance @ steps.T)  # ascending
    minor, major = FWHM_PER_SIGMA * np.sqrt(np.maximum(variances, 0.0))
    if jacobian is None:
        return Ellipse(float(major), float(minor), None)
    east, north = directions[:, 1]
    angle = math.degrees(math.atan2(east, north)) % 180.0 % 180.0  # twice, because of -1e-16
    return Ellipse(float(major), float(minor), angle)
