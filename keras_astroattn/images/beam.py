"""Synthesized beam of a map, and the beam and pixel scale that the network expects."""

import math
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from .conventions import BEAM, PIXEL_SCALE
from .quantities import ANGLE, in_unit

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
PIXELS_PER_BEAM = BEAM / PIXEL_SCALE

_SAME_BEAM = 0.03  # a beam within 3 % of 5.4" counts as 5.4"
_MAX_AXIS_RATIO = 1.3  # the southern beam of FIRST is 6.8" x 5.4", a ratio of 1.26
_FIRST_MEANS = (0.9 * BEAM, 1.15 * BEAM)  # of FIRST's beams, up to 6.1": 1.8" a pixel
_LEAST_NARROWING = 1.5  # a beam that is narrower by less shows hardly more


@dataclass(frozen=True)
class Beam:
    """An elliptical Gaussian beam.

    Attributes:
        major: full width at half maximum along the major axis, arcsec.
        minor: the same along the minor axis, arcsec.
        angle: position angle of the major axis, degrees from north through east.

    Example:
        >>> beam = Beam(6.4, 5.4, 30.0)
        >>> round(beam.mean, 2), Beam.of(5.4)
        (5.88, Beam(major=5.4, minor=5.4, angle=0.0))
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
                "the beam must have major >= minor > 0, in arcsec; "
                f"got {self.major} x {self.minor} arcsec at {self.angle} degrees"
            )

    @classmethod
    def of(cls, beam: "Beam | float | tuple[float, ...]") -> "Beam":
        """Convert a `Beam`, one width, or (major, minor[, angle]) to a `Beam`.

        Args:
            beam: a `Beam`; or full width at half maximum, arcsec; or major and minor width,
                arcsec, and position angle, degrees (0 if left out). Each may be a `Quantity`.
                A beam of the package `radio_beam` is accepted too.

        Returns:
            The beam.

        Raises:
            InputError: The widths are not positive or have a unit that is no angle, or there
                are more than three numbers.

        Example:
            >>> from astropy import units as u
            >>> Beam.of((0.1 * u.arcmin, 5 * u.arcsec, 30 * u.deg))
            Beam(major=6.0, minor=5.0, angle=30.0)
        """
        if isinstance(beam, Beam):
            return beam
        if all(hasattr(beam, name) for name in ("major", "minor", "pa")):  # radio_beam.Beam
            beam = (beam.major, beam.minor, beam.pa)
        is_one = not isinstance(beam, tuple | list) and np.ndim(beam) == 0
        figures = [beam] if is_one else list(beam)
        try:
            widths = [float(in_unit(value, ANGLE, "beam")) for value in figures[:2]]
            angles = [float(in_unit(value, ("deg",), "position angle")) for value in figures[2:]]
        except InputError:
            raise
        except (TypeError, ValueError):
            raise InputError(f"{beam!r} is not a beam: give its width, arcsec") from None
        if len(figures) == 1:
            widths *= 2
        if not 1 <= len(figures) <= 3:
            raise InputError("a beam is one width, or major, minor and position angle")
        return cls(*widths, *angles)

    @property
    def mean(self) -> float:
        """Geometric mean of the two widths, arcsec."""
        return math.sqrt(self.major * self.minor)

    def scaled(self, factor: float) -> "Beam":
        """Return a beam of the same shape and angle, wider by a factor."""
        return Beam(self.major * factor, self.minor * factor, self.angle)

    @property
    def covariance(self) -> np.ndarray:
        """(2, 2) covariance matrix of the Gaussian along (east, north), arcsec^2."""
        angle = math.radians(self.angle)
        axes = np.array([[math.sin(angle), math.cos(angle)], [math.cos(angle), -math.sin(angle)]]).T
        sigma = np.array([self.major, self.minor]) / FWHM_PER_SIGMA
        return (axes * sigma**2) @ axes.T

    def area(self, pixel_area: float) -> float:
        """Return the solid angle of the beam in pixels of area `pixel_area` (arcsec^2)."""
        return math.pi * self.major * self.minor / (4 * math.log(2)) / pixel_area


def beam_text(beam: Beam | None) -> str:
    """Return a beam in words, for example "beam 6.8 x 5.4 arcsec"."""
    if beam is None:
        return "no beam"
    widths = dict.fromkeys(f"{width:.3g}" for width in (beam.major, beam.minor))
    return f"beam {' x '.join(widths)} arcsec"


def target_beam(beam: Beam) -> Beam:
    """Return the beam to which an image is smoothed before classification.

    A finer beam is smoothed to FIRST's 5.4 arcsec; a source that is small there is shown with a
    finer one (`narrowing`). A coarser beam is kept if it is no more elongated than FIRST's (axis
    ratio up to 1.26); otherwise it is made round.

    Args:
        beam: the beam of the map.

    Returns:
        The target beam; `beam` itself if the map needs no smoothing.
    """
    if beam.major <= BEAM * (1 + _SAME_BEAM):
        same = beam.minor >= BEAM * (1 - _SAME_BEAM)
        # No smoothing makes a beam narrower, so a beam up to 3 % above 5.4" is kept.
        return beam if same else _round(max(BEAM, beam.major))
    return _made_round(beam) if beam.minor >= BEAM * (1 - _SAME_BEAM) else _round(beam.major)


def narrowings(beam: Beam) -> list[float]:
    """Return the factors by which the target beam of a map can be narrowed.

    The narrowest beam is that of the map, made round if it is more elongated than FIRST's. The
    others are 2, 4, 8, ... times as wide, and at least 1.5 times narrower than `target_beam`.

    Args:
        beam: the beam of the map.

    Returns:
        Factors below 1, the largest first; none if the map is hardly smoothed.
    """
    least = _made_round(beam).mean / target_beam(beam).mean
    factors = []
    while least * _LEAST_NARROWING <= 1:
        factors.insert(0, least)
        least *= 2
    return factors


def narrowed_beam(beam: Beam, factor: float) -> Beam:
    """Return the target beam of a map, narrowed by one of its `narrowings`.

    Args:
        beam: the beam of the map.
        factor: width in units of that of `target_beam`.

    Returns:
        The beam; `beam` itself if the map needs no smoothing.
    """
    own = _made_round(beam)
    widening = round(factor * target_beam(beam).mean / own.mean)
    return own if widening == 1 else own.scaled(widening)


def _made_round(beam: Beam) -> Beam:
    """Return the beam, or the round one that holds it if it is more elongated than FIRST's."""
    return beam if beam.major <= _MAX_AXIS_RATIO * beam.minor else _round(beam.major)


def _round(width: float) -> Beam:
    return Beam(width, width)


def target_scale(beam: Beam) -> float:
    """Return the pixel scale at which the network classifies a map with this beam.

    Args:
        beam: the beam of the map after smoothing.

    Returns:
        Pixel scale, arcsec: 1.8 for a beam of FIRST, otherwise a third of the beam's width.
    """
    low, high = _FIRST_MEANS
    return PIXEL_SCALE if low <= beam.mean <= high else beam.mean / PIXELS_PER_BEAM
