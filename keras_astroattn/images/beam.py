"""The synthesized beam: an elliptical Gaussian, and the one an image is brought to."""

import math
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from .conventions import BEAM, PIXEL_SCALE

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
PIXELS_PER_BEAM = BEAM / PIXEL_SCALE

_SAME_BEAM = 0.03  # a beam within 3 % of 5.4" is 5.4"
_MAX_AXIS_RATIO = 1.3  # FIRST's own beam is up to 6.8" x 5.4", in its south
_FIRST_MEAN = 1.15 * BEAM  # ... which is 6.1" in the geometric mean, still at 1.8" a pixel


@dataclass(frozen=True)
class Beam:
    """An elliptical Gaussian beam.

    Attributes:
        major: full width at half maximum along the major axis, arcsec.
        minor: the same along the minor axis, arcsec.
        angle: position angle of the major axis, degrees from north through east.
    """

    major: float
    minor: float
    angle: float = 0.0

    def __post_init__(self):
        widths = (self.major, self.minor)
        if not all(math.isfinite(v) for v in (*widths, self.angle)) or not (
            0 < self.minor <= self.major * (1 + 1e-6)
        ):
            raise InputError(
                f"a beam of {self.major} x {self.minor} arcsec at {self.angle} degrees is none: "
                "give major >= minor > 0, in arcsec"
            )

    @classmethod
    def of(cls, beam: "Beam | float | tuple[float, ...]") -> "Beam":
        """Return a `Beam` from itself, from one width, or from (major, minor[, angle]).

        Raises:
            InputError: The widths are not positive, or there are more than three figures.
        """
        if isinstance(beam, Beam):
            return beam
        figures = [float(value) for value in np.atleast_1d(beam)]
        if len(figures) == 1:
            figures *= 2
        if not 2 <= len(figures) <= 3:
            raise InputError("a beam is one width, or major, minor and position angle")
        return cls(*figures)

    @property
    def mean(self) -> float:
        """Geometric mean of the two widths, arcsec."""
        return math.sqrt(self.major * self.minor)

    @property
    def covariance(self) -> np.ndarray:
        """(2, 2) covariance along (east, north), arcsec^2."""
        angle = math.radians(self.angle)
        axes = np.array([[math.sin(angle), math.cos(angle)], [math.cos(angle), -math.sin(angle)]]).T
        sigma = np.array([self.major, self.minor]) / FWHM_PER_SIGMA
        return (axes * sigma**2) @ axes.T

    def area(self, pixel_area: float) -> float:
        """Return the solid angle of the beam in pixels of `pixel_area` arcsec^2."""
        return math.pi * self.major * self.minor / (4 * math.log(2)) / pixel_area


def target_beam(beam: Beam) -> Beam:
    """Return the beam that an image is smoothed to before the network sees it.

    A finer beam goes to FIRST's 5.4 arcsec. A coarser one stays what it is, unless it is
    more elongated than the network has ever seen (FIRST: up to 1.26): then it is made
    round. Returns `beam` itself where there is nothing to do.
    """
    if beam.major <= BEAM * (1 + _SAME_BEAM):
        same = beam.minor >= BEAM * (1 - _SAME_BEAM)
        # The target must hold the beam: what is up to 3 % above 5.4 is left at that.
        return beam if same else Beam(max(BEAM, beam.major), max(BEAM, beam.major))
    if beam.major <= _MAX_AXIS_RATIO * beam.minor and beam.minor >= BEAM * (1 - _SAME_BEAM):
        return beam
    return Beam(beam.major, beam.major)


def target_scale(beam: Beam) -> float:
    """Return the pixel scale on which a map of this beam is shown to the network, arcsec.

    1.8 where the beam is one that FIRST has, otherwise three pixels a beam.
    """
    return PIXEL_SCALE if beam.mean <= _FIRST_MEAN else beam.mean / PIXELS_PER_BEAM
