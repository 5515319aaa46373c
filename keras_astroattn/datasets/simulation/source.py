"""Model of a radio galaxy on the sky: a sum of circular Gaussians.

Its image under any circular beam and pixel scale is analytic: nothing is gridded before it is
observed, and flux is conserved to rounding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from keras_astroattn.errors import InputError

FR_DIVIDE = 0.5
"""Fanaroff & Riley's ratio that divides the classes."""

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
"""Full width at half maximum of a Gaussian over its dispersion."""


@dataclass(frozen=True)
class Components:
    """Circular Gaussians on the sky; arrays of length n.

    Attributes:
        part: kind of each component: "core", "jet", "hot spot", "lobe", "tail" or "neighbour".
        arm: +1 and -1 for the two sides of the source, 0 for components of neither.
        flux: flux density, Jy.
        east: offset to the east of the host galaxy, arcsec.
        north: offset to the north of the host galaxy, arcsec.
        fwhm: intrinsic full width at half maximum, arcsec; 0 for a point.
    """

    part: np.ndarray
    arm: np.ndarray
    flux: np.ndarray
    east: np.ndarray
    north: np.ndarray
    fwhm: np.ndarray

    def __len__(self) -> int:
        return len(self.flux)

    def select(self, chosen: np.ndarray) -> "Components":
        """Return the components selected by a mask or an array of indices."""
        return Components(
            self.part[chosen],
            self.arm[chosen],
            self.flux[chosen],
            self.east[chosen],
            self.north[chosen],
            self.fwhm[chosen],
        )


@dataclass(frozen=True)
class SourceModel:
    """A radio galaxy as it is on the sky, before any telescope.

    Attributes:
        label: 0 FRI, 1 FRII, 2 hybrid; -1 for a point source, which has no class.
        morphology: "standard", "wide-angle tail", "head-tail", "double-double", or "point".
        confident: whether it was drawn to show its class clearly.
        class_index: index of MiraBest's ten classes, -1 for a point source.
        redshift: redshift of the host galaxy; NaN if none was drawn.
        angular_size: length of the two arms together, along their bends, arcsec.
        inclination: angle of the jet to the line of sight, degrees; arm +1 approaches us.
        components: components of the source.
        neighbours: unrelated sources in the same field.
    """

    label: int
    morphology: str
    confident: bool
    class_index: int
    redshift: float
    angular_size: float
    inclination: float
    components: Components
    neighbours: Components


def gaussians(
    part: str,
    arm: int,
    flux: Sequence[float] | np.ndarray,
    east: Sequence[float] | np.ndarray,
    north: Sequence[float] | np.ndarray,
    fwhm: Sequence[float] | np.ndarray,
) -> Components:
    """Return components of one part and arm; the numbers as in `Components`."""
    count = len(flux)
    arrays = (np.asarray(values, np.float64) for values in (flux, east, north, fwhm))
    return Components(np.full(count, part, "<U9"), np.full(count, arm), *arrays)


def join(*several: Components) -> Components:
    """Return all the components of several, in their order."""
    fields = ("part", "arm", "flux", "east", "north", "fwhm")
    return Components(*(np.concatenate([getattr(c, f) for c in several]) for f in fields))


def scaled_size(model: SourceModel, size: float) -> SourceModel:
    """Return a source of another angular size, arcsec, without neighbours."""
    factor = size / model.angular_size
    old = model.components
    components = replace(
        old, east=old.east * factor, north=old.north * factor, fwhm=old.fwhm * factor
    )
    none = model.neighbours.select(np.zeros(len(model.neighbours), bool))
    return replace(model, angular_size=size, components=components, neighbours=none)


def scaled_flux(model: SourceModel, factor: float) -> SourceModel:
    """Return a source with all flux densities multiplied by a factor."""
    components = replace(model.components, flux=model.components.flux * factor)
    return replace(model, components=components)


def fanaroff_riley_ratio(model: SourceModel) -> float:
    """Return Fanaroff & Riley's (1974) ratio: below 0.5 FRI, above 0.5 FRII.

    It is the distance between the brightest places on opposite sides of the host, over the total
    extent of the source. The core is not counted. Each side is measured from the host, so that a
    bent source counts like a straight one. Brightness is the noise-free sum of components
    smoothed to an eighth of the source's size; an arm ends where it falls below 3 % of the
    source's maximum.

    Args:
        model: the source.

    Returns:
        The ratio, from 0 to 1.

    Raises:
        InputError: The source has no arms.
    """
    if not np.any(model.components.arm):
        raise InputError("Fanaroff-Riley ratio: a point source has no arms; give a radio galaxy")
    return ratio_of(model.components, (1, -1))


def ratio_of(components: Components, sides: tuple[int, ...]) -> float:
    """Return the ratio of `fanaroff_riley_ratio` for some arms only: +1, -1 or both."""
    arms = components.select(components.arm != 0)
    distance = np.hypot(arms.east, arms.north)
    smoothing = 2 * distance.max() / 8
    brightness = _brightness(arms, smoothing)
    bright = brightness > 0.03 * brightness.max()
    apart = extent = 0.0
    for side in sides:
        here = np.flatnonzero(arms.arm == side)
        apart += distance[here[np.argmax(brightness[here])]]
        extent += distance[here[bright[here]]].max(initial=0.0)
    return float(apart / max(extent, apart))


def _brightness(components: Components, smoothing: float) -> np.ndarray:
    """Return surface brightness at each component's centre, smoothed to a FWHM (arcsec)."""
    variance = (components.fwhm**2 + smoothing**2) / FWHM_PER_SIGMA**2
    square = np.subtract.outer(components.east, components.east) ** 2
    square += np.subtract.outer(components.north, components.north) ** 2
    return np.exp(-0.5 * square / variance) @ (components.flux / variance)
