"""`Cutout`: one source as the network's input, with its measured properties."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from . import flags as flag
from .beam import PIXELS_PER_BEAM, Beam, beam_text
from .conventions import IMAGE_SIZE, to_network_units
from .ellipse import Ellipse, ellipse_of
from .extent import Extent, measure_extent
from .islands import OFF_CENTRE_PIXELS, SOURCE_SIGMA
from .preprocessing import MASK_SIGMA, mask_noise, scale_to_uint8

if TYPE_CHECKING:
    from astropy.wcs import WCS

LOW_SNR = 10.0
"""Peak signal-to-noise ratio below which a source is flagged `low_snr`."""

NEGATIVE_SHARE = 0.01
"""Share of a frame below -3 sigma and below `NEGATIVE_DEPTH` above which it is flagged `artefacts`:
0.0013 of Gaussian noise is below -3 sigma, and at most 0.0064 of 45 of 46 FIRST fields."""

NEGATIVE_DEPTH = 0.002
"""Depth of the negative values of artefacts, over the peak of the source. In frames of real and
simulated galaxies with peaks over 4000 sigma, 1 % of the pixels lie below -0.0009 of the peak at
most; where the default network gives a point source with arms or rings a class, below -0.003."""

SMALLEST_FIELD = 16
"""Smallest height and width of a map, pixels."""

_MIDDLE = ((IMAGE_SIZE - 1) / 2, (IMAGE_SIZE - 1) / 2)
_JUST_ABOVE = 1 + 1e-6  # keeps a pixel above the threshold that it defines, despite rounding


@dataclass(frozen=True, eq=False)
class Cutout:
    """A radio source, ready for the network.

    Attributes:
        pixels: (150, 150) uint8, in the grey levels of MiraBest.
        network_input: (150, 150, 1) float32 in [-1, 1].
        brightness: (150, 150) float32, the map in Jy/beam (in the file's unit if `flags` has
            `unknown_unit`, from 0 to 1 for a picture); NaN at unknown pixels.
        noise: standard deviation of the noise, Jy/beam; NaN for a picture, and for a map whose
            sky is exactly 0. If a map of the noise was given, its median over the frame.
        peak_snr: signal-to-noise ratio of the brightest pixel of the source (of the frame if
            there is no source); NaN if `noise` is.
        contrast: the same with the noise that the detection of the source used: `peak_snr` where
            that is known; for blanked sky the noise is a third of the faintest lit pixel.
        source_fraction: share of the frame's pixels above 3 sigma.
        largest_angular_size: largest extent of the source above 3 sigma, minus the beam's
            contribution (see `extent.measure_extent`), arcsec; 0 for a point source, NaN
            without a source.
        beam: the beam of `brightness`; None if it is unknown.
        pixel_scale: pixel scale of `pixels`, arcsec (geometric mean of both axes).
        flags: constants of `keras_astroattn.images.flags`, sorted.
        wcs_header: celestial WCS keywords of `pixels` for a FITS header, or None.
        main_share: share of the source's flux in its brightest island above 3 sigma.
        point_share: share of the source's flux within a beam of its brightest pixel.
        main_size: `largest_angular_size` of that island alone, arcsec.
        certain_size: `largest_angular_size` of the islands that are certain to belong together
            (`linking.LinkedSource.certain`), at least `main_size`, arcsec.
        neighbours: number of islands in the frame, above 5 sigma, that are not the source's.
        position: (RA, Dec) that was asked for, ICRS degrees; without one the middle of the map;
            None for a picture, and for a map without celestial coordinates.
        centroid: (x, y) of the source's flux, pixels from the middle of the frame.
        offset: distance of the middle of the frame from the position that was asked for, arcsec.
        stated: (x, y) of the position that was asked for, pixels from the middle of the frame.
        source_mask: (150, 150) bool, pixels of the source above 3 sigma; None without a source.
        covariance: (2, 2) second moments of the source's flux along x and y
            (`ellipse.flux_covariance`), pixels squared; None without a source.

    Example:
        >>> from keras_astroattn.images import read_fits
        >>> from keras_astroattn.samples import sample_paths
        >>> cutout = read_fits(sample_paths()[0])
        >>> cutout
        Cutout(peak / noise 20.2, size 67.3 arcsec, beam 5.4 arcsec, flags: none)
        >>> cutout.pixels.shape, round(cutout.ellipse.position_angle)
        ((150, 150), 14)
        >>> cutout.wcs.pixel_to_world(74.5, 74.5).to_string("hmsdms", precision=0)
        '10h00m00s +30d00m02s'
    """

    pixels: np.ndarray
    network_input: np.ndarray
    brightness: np.ndarray
    noise: float
    peak_snr: float
    source_fraction: float
    largest_angular_size: float
    beam: Beam | None
    pixel_scale: float
    flags: tuple[str, ...] = ()
    wcs_header: Mapping[str, float | str] | None = field(default=None, repr=False)
    main_share: float = 0.0
    point_share: float = 0.0
    main_size: float = float("nan")
    certain_size: float = float("nan")
    neighbours: int = 0
    position: tuple[float, float] | None = None
    centroid: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.0
    stated: tuple[float, float] = (0.0, 0.0)
    source_mask: np.ndarray | None = field(default=None, repr=False)
    contrast: float = float("nan")
    covariance: np.ndarray | None = field(default=None, repr=False)

    @property
    def frame_position(self) -> tuple[float, float] | None:
        """(RA, Dec) of the middle of `pixels`, ICRS degrees; None if unknown."""
        return self._on_sky(_MIDDLE)

    @property
    def centroid_position(self) -> tuple[float, float] | None:
        """(RA, Dec) of the source's flux centroid, ICRS degrees; None if unknown."""
        if self.covariance is None:
            return None
        x, y = self.centroid
        return self._on_sky((_MIDDLE[0] + x, _MIDDLE[1] + y))

    def _on_sky(self, pixel: tuple[float, float]) -> tuple[float, float] | None:
        if self.wcs_header is None:
            return None
        from .pixel_position import pixel_position

        return pixel_position(self.wcs_header, pixel)

    @property
    def ellipse(self) -> Ellipse | None:
        """Ellipse with the second moments of the source's flux; None without a source."""
        if self.covariance is None:
            return None
        from .pixel_position import icrs_jacobian

        header = self.wcs_header
        jacobian = None if header is None else icrs_jacobian(header, _MIDDLE)
        return ellipse_of(self.covariance, jacobian, self.pixel_scale)

    def __repr__(self) -> str:
        measured = (
            ("peak / noise", self.peak_snr, ""),
            ("size", self.largest_angular_size, " arcsec"),
        )
        parts = [f"{name} {value:.3g}{unit}" for name, value, unit in measured if value == value]
        parts += [beam_text(self.beam), f"flags: {', '.join(self.flags) or 'none'}"]
        return f"Cutout({', '.join(parts)})"

    def covers(self, ra: float, dec: float) -> bool:
        """Return whether a position lies on the source, as drawn in `source_mask`.

        Args:
            ra: right ascension, ICRS degrees.
            dec: declination, ICRS degrees.
        """
        if self.source_mask is None or self.wcs_header is None:
            return False
        from .celestial import build_wcs, sky_to_pixels

        keywords = self.wcs_header
        found = np.ravel(
            sky_to_pixels(keywords, build_wcs(keywords), np.array([ra]), np.array([dec]))
        )
        if not np.isfinite(found).all():
            return False
        column, row = np.rint(found).astype(int)
        height, width = self.source_mask.shape
        inside = 0 <= row < height and 0 <= column < width
        return inside and bool(self.source_mask[row, column])

    @property
    def size_in_beams(self) -> float:
        """`largest_angular_size` over the beam's mean width (three pixels if unknown)."""
        return self.largest_angular_size / self._beam_width

    @property
    def main_size_in_beams(self) -> float:
        """`main_size` over the beam's mean width (three pixels if unknown)."""
        return self.main_size / self._beam_width

    @property
    def certain_size_in_beams(self) -> float:
        """`certain_size` over the beam's mean width (three pixels if unknown)."""
        return self.certain_size / self._beam_width

    @property
    def _beam_width(self) -> float:
        return self.beam.mean if self.beam else PIXELS_PER_BEAM * self.pixel_scale

    def source_alone(self) -> "Cutout":
        """Return the cutout with everything outside `source_mask` black.

        `pixels` and `network_input` are stretched again, so that the brightest pixel of the
        source is white. A map is stretched from `brightness` by the recipe (`scale_to_uint8`).
        A picture is stretched from its 8-bit grey levels p: rint(255 p / max p). Measured values
        and `brightness` are those of the whole frame. Without a source nothing changes.
        """
        if self.source_mask is None:
            return self
        if flag.PICTURE in self.flags:
            pixels = stretched_alone(np.rint(self.brightness * 255), self.source_mask)
        else:
            pixels = scale_to_uint8(np.where(self.source_mask, self.brightness, np.float32(0)))
        network_input = to_network_units(pixels)[..., np.newaxis]
        return replace(self, pixels=pixels, network_input=network_input)

    @property
    def wcs(self) -> "WCS | None":
        """Celestial WCS of `pixels`; the first access imports astropy.wcs."""
        if self.wcs_header is None:
            return None
        from .celestial import build_wcs

        return build_wcs(self.wcs_header)


def finish(
    brightness: np.ndarray,
    noise: float | np.ndarray,
    *,
    beam: Beam | None,
    pixel_scale: float,
    flags: Iterable[str] = (),
    wcs_header: Mapping[str, float | str] | None = None,
    masked: np.ndarray | None = None,
    stated: tuple[float, float] = (0.0, 0.0),
) -> Cutout:
    """Blank the noise of a (150, 150) frame in Jy/beam, stretch it and measure the source.

    Args:
        brightness: (150, 150) float32; NaN is unknown and becomes black.
        noise: one number, or (150, 150); 0 if the sky was blanked before, so that every pixel
            above 0 is shown.
        beam: beam of `brightness`, or None.
        pixel_scale: pixel scale, arcsec.
        flags: flags found so far.
        wcs_header: WCS keywords of the frame.
        masked: (150, 150) bool, pixels of `brightness` that are NaN because the caller made
            them black; None: none.
        stated: (x, y) of the position that was asked for, pixels from the middle of the frame.

    Returns:
        The finished `Cutout`.
    """
    is_blanked = not isinstance(noise, np.ndarray) and not noise > 0
    if isinstance(noise, np.ndarray):
        # Without a noise estimate, no pixel counts as a detection.
        threshold = np.where(noise > 0, noise, np.inf).astype(brightness.dtype)
        typical = threshold[np.isfinite(threshold)]
        level = float(np.median(typical)) if typical.size else float("nan")
    else:
        threshold = level = 0.0 if is_blanked else noise
    shown = mask_noise(brightness, threshold)
    unknown = ~np.isfinite(brightness) | ~np.isfinite(threshold)
    shown[unknown] = 0.0
    pixels = scale_to_uint8(shown)
    if is_blanked:
        threshold, level = blanked_threshold(brightness, pixels), float("nan")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        snr = brightness / threshold
    snr[np.isnan(snr)] = 0.0
    if not pixels.any():
        snr = np.zeros_like(snr)
    if masked is not None:
        unknown &= ~masked
    beam_size = beam_pixels(beam, pixel_scale)
    extent = measure_extent(snr, beam_size, unknown, stated, pixel_scale)
    peak = extent.peak if extent.found else max(float(snr.max()), 0.0)
    found = set(flags) | source_flags(extent)
    if extent.found and peak < LOW_SNR and not is_blanked:
        found.add(flag.LOW_SNR)
    if not is_blanked and has_artefacts(snr, peak):
        found.add(flag.ARTEFACTS)
    return Cutout(
        pixels=pixels,
        network_input=to_network_units(pixels)[..., np.newaxis],
        brightness=brightness,
        noise=level,
        peak_snr=float("nan") if is_blanked else peak,
        source_fraction=np.count_nonzero(snr > MASK_SIGMA) / snr.size,
        largest_angular_size=extent.size * pixel_scale if extent.found else float("nan"),
        beam=beam,
        pixel_scale=pixel_scale,
        flags=tuple(sorted(found)),
        wcs_header=wcs_header,
        main_share=extent.main_share,
        point_share=extent.point_share,
        main_size=extent.main_size * pixel_scale if extent.found else float("nan"),
        certain_size=extent.certain_size * pixel_scale if extent.found else float("nan"),
        neighbours=extent.neighbours,
        centroid=extent.centroid,
        stated=stated,
        source_mask=extent.mask,
        contrast=peak,
        covariance=extent.covariance,
    )


def has_artefacts(snr: np.ndarray, peak: float) -> bool:
    """Return whether `NEGATIVE_SHARE` of a frame is as negative as near imaging artefacts.

    Args:
        snr: (height, width) brightness over noise.
        peak: brightness over noise of the source's brightest pixel.
    """
    depth = max(MASK_SIGMA, NEGATIVE_DEPTH * peak)
    return np.count_nonzero(snr < -depth) > NEGATIVE_SHARE * snr.size


def stretched_alone(levels: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return grey levels p of a source alone: rint(255 p / max p) on its mask, 0 elsewhere."""
    shown = np.where(source, levels, 0).astype(np.float32)
    return np.rint(shown * (np.float32(255) / shown.max())).astype(np.uint8)


def beam_pixels(beam: Beam | None, pixel_scale: float) -> float:
    """Return the mean width of a beam in pixels; three if it is unknown."""
    return beam.mean / pixel_scale if beam else PIXELS_PER_BEAM


def blanked_threshold(brightness: np.ndarray, pixels: np.ndarray) -> np.float32:
    """Return the noise that a blanked image implies: a third of its darkest lit pixel.

    Blanking at 3 sigma leaves pixels above 3 sigma. The peak counts as a detection, so the noise
    is a fifth of it at most.

    Args:
        brightness: (150, 150) float32.
        pixels: (150, 150) uint8, the stretched image; lit where above 0.

    Returns:
        The noise in the unit of `brightness`.
    """
    lit = brightness[pixels > 0]
    if not lit.size:
        return np.float32(1)
    threshold = min(lit.min() / MASK_SIGMA, lit.max() / SOURCE_SIGMA)
    return np.float32(threshold / _JUST_ABOVE)


def source_flags(extent: Extent) -> set[str]:
    """Return the flags that follow from the extent and place of the source."""
    found = {flag.INCOMPLETE} if extent.incomplete else set()
    if not extent.found:
        return found | {flag.NO_SOURCE}
    found |= {flag.BEYOND_FRAME} if extent.touches_border else set()
    found |= {flag.CONFUSED} if extent.confused else set()
    found |= {flag.ROUND} if extent.is_round else set()
    found |= {flag.ONE_SIDED} if extent.one_sided else set()
    found |= {flag.OFF_SOURCE} if extent.off_source else set()
    return found | ({flag.OFF_CENTRE} if extent.distance > OFF_CENTRE_PIXELS else set())
