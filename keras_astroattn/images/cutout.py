"""`Cutout`: one source as the network's input, with its measured properties."""

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import PIXELS_PER_BEAM, Beam, beam_text
from .conventions import IMAGE_SIZE, to_network_units
from .ellipse import Ellipse, ellipse_of
from .extent import Extent, centroid_of, find_source, measure_extent
from .frame import Frame, FramePlan, native_frame, plan, regridded_frame
from .islands import OFF_CENTRE_PIXELS, SOURCE_SIGMA
from .preprocessing import LARGEST_VALUE, MASK_SIGMA, mask_noise, scale_to_uint8
from .quantities import ANGLE, BRIGHTNESS, in_unit
from .recentring import recentred
from .unknown import examine
from .window_noise import WindowNoise

if TYPE_CHECKING:
    from astropy.units import Quantity
    from astropy.wcs import WCS

LOW_SNR = 10.0
"""Peak signal-to-noise ratio below which a source is flagged `low_snr`."""

NEGATIVE_SHARE = 0.01
"""Share of a frame below -3 sigma above which it is flagged `artefacts`: 0.0013 of Gaussian
noise is, and at most 0.0064 of 45 of 46 FIRST fields."""

SMALLEST_FIELD = 16
"""Smallest height and width of a map, pixels."""

_UNDERSAMPLED = 2.0  # pixels a beam
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
        main_size: `largest_angular_size` of that island alone, arcsec.
        position: (RA, Dec) that was asked for, ICRS degrees; without one the middle of the map;
            None for a picture, and for a map without celestial coordinates.
        centroid: (x, y) of the source's flux, pixels from the middle of the frame.
        offset: distance of the middle of the frame from the position that was asked for, arcsec.
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
    main_size: float = float("nan")
    position: tuple[float, float] | None = None
    centroid: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.0
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
    def _beam_width(self) -> float:
        return self.beam.mean if self.beam else PIXELS_PER_BEAM * self.pixel_scale

    @property
    def wcs(self) -> "WCS | None":
        """Celestial WCS of `pixels`; the first access imports astropy.wcs."""
        if self.wcs_header is None:
            return None
        from .celestial import build_wcs

        return build_wcs(self.wcs_header)


def cutout_from_field(
    field: np.ndarray,
    pixel_scale: "float | Quantity | tuple[float, float] | None" = None,
    beam: "Beam | float | Quantity | tuple[float, ...] | None" = None,
    *,
    centre: tuple[float, float] | None = None,
    recentre: bool = False,
    noise: "float | np.ndarray | Quantity | None" = None,
    jacobian: np.ndarray | None = None,
    as_is: bool = False,
    flags: Iterable[str] = (),
    wcs_header: Mapping[str, float | str] | None = None,
) -> Cutout:
    """Cut a source from a map in Jy/beam and prepare it for the network.

    Use this function for arrays that hold a map, and `cutout_from_array` for arrays that hold a
    finished image.

    A map with FIRST's beam and pixels is prepared by MiraBest's recipe, with identical results.
    The noise is measured on the 300 x 300 pixels around the source, or on as many of them as
    exist. The central 150 x 150 pixels are the frame.

    A map with a finer beam is smoothed to 5.4 arcsec and resampled to 1.8 arcsec a pixel. A map
    with a coarser beam is resampled to three pixels a beam (`beam.target_beam`,
    `beam.target_scale`). The noise is measured after smoothing, which changes it, and before
    resampling, where interpolation would lower it by 3 to 7 %, so that noise would pass the mask.

    Pixels without a measurement (`unknown_pixels`) are ignored, and a source that reaches them
    is flagged `incomplete`. A map whose sky is exactly 0 (a model, or a map with blanked noise)
    is not blanked again and is flagged `noise_uncertain`.

    Args:
        field: (height, width) map, Jy/beam, any real dtype; NaN or infinite is unknown.
        pixel_scale: arcsec or a `Quantity`, one or (x, y); None: unknown, flagged `no_wcs`.
        beam: `Beam`, or its width, or (major, minor, angle), in arcsec and degrees or with
            units; None: unknown, flagged `no_beam`.
        centre: (x, y) of the source, pixels counted from 0; None: the middle of the map.
        recentre: move the frame to the flux centroid of the source that is found near `centre`
            (`recentring.recentred`).
        noise: noise of `field`, Jy/beam or a `Quantity`, one number or a map; None: it is
            measured. If `field` is smoothed, the noise is scaled accordingly.
        jacobian: instead of `pixel_scale`: (2, 2), arcsec east and north (rows) for a step
            along x and y (columns).
        as_is: do not change the beam (FIRST).
        flags: further flags that the caller knows.
        wcs_header: WCS keywords of `field` (`celestial.wcs_keywords`).

    Returns:
        The source as a `Cutout`.

    Raises:
        InputError: `field` is not a two-dimensional map of real numbers of at least 16 x 16
            pixels or has no known pixel in the frame, or the beam is not valid.

    Example:
        >>> import numpy as np
        >>> from keras_astroattn.images import cutout_from_field
        >>> field = np.random.default_rng(0).normal(0, 1e-4, (300, 300))
        >>> field[150, 150] += 0.01
        >>> cutout_from_field(field, pixel_scale=1.8, beam=5.4).network_input.shape
        (150, 150, 1)
    """
    field, is_blanked = _as_map(field)
    if jacobian is None and pixel_scale is not None:
        scales = pixel_scale if isinstance(pixel_scale, tuple | list) else (pixel_scale,)
        scales = [in_unit(scale, ANGLE, "pixel scale") for scale in scales]
        across, down = np.broadcast_to(np.squeeze(np.asarray(scales, float)), 2)
        if not (0 < across < math.inf and 0 < down < math.inf):
            raise InputError(f"a pixel scale of {pixel_scale} arcsec is wrong: give one above 0")
        jacobian = np.diag([-across, down])
    beam = None if beam is None else Beam.of(beam)
    todo = plan(jacobian, beam, as_is)
    found = set(flags)
    found |= {flag.NO_BEAM} if beam is None else set()
    found |= {flag.NO_WCS} if jacobian is None else set()
    if beam is not None and jacobian is not None:
        coarsest = float(np.hypot(*jacobian).max())
        found |= {flag.UNDERSAMPLED} if beam.minor < _UNDERSAMPLED * coarsest else set()
    height, width = field.shape
    centre = ((width - 1) / 2, (height - 1) / 2) if centre is None else centre
    noise = in_unit(noise, BRIGHTNESS, "noise")
    noise_map = _as_noise(noise, field.shape)
    area = _beam_area(todo.beam, jacobian)
    step = todo.step or (1.0, 1.0)
    window_noise = WindowNoise(field, area) if noise_map is None else noise_map

    @functools.cache
    def regridded(place: tuple[float, float]) -> Frame:
        return regridded_frame(field, place, noise_map, todo, area)

    def frame_at(place: tuple[float, float], estimate: bool = False) -> Frame:
        if todo.step is None:
            return native_frame(field, place, window_noise, estimate)
        return regridded(place)

    @functools.cache
    def cut(place: tuple[float, float]) -> Cutout:
        frame = frame_at(place)
        return _finish_frame(frame, todo, step, field.shape, noise, is_blanked, found, wcs_header)

    def look(place: tuple[float, float]) -> tuple[float, float] | None:
        frame = None if is_blanked else frame_at(place, estimate=True)
        if frame is None or isinstance(frame.noise, np.ndarray) or not frame.noise > 0:
            cutout = cut(place)
            return None if flag.NO_SOURCE in cutout.flags else cutout.centroid
        return _source_place(frame, todo)

    return recentred(cut, look, centre, step, field.shape) if recentre else cut(centre)


def _source_place(frame: Frame, todo: FramePlan) -> tuple[float, float] | None:
    """Return (x, y) of the source's flux as in its `Cutout`, without the rest of it."""
    snr, unknown = frame.brightness / frame.noise, ~np.isfinite(frame.brightness)
    snr[unknown] = 0.0
    source = find_source(snr, _beam_pixels(todo.beam, todo.pixel_scale), unknown)
    return None if source is None else centroid_of(source.islands)


def _finish_frame(
    frame: Frame,
    todo: FramePlan,
    step: tuple[float, float],
    shape: tuple[int, int],
    noise: float | np.ndarray | None,
    is_blanked: bool,
    flags: set[str],
    wcs_header: Mapping[str, float | str] | None,
) -> Cutout:
    """Flag the defects of a frame, and finish it.

    `shape` is that of the map, `noise` what the caller stated, and `is_blanked` whether the sky
    of the map is exactly 0.
    """
    found = flags | frame.flags
    sigma, origin, (height, width) = frame.noise, frame.origin, shape
    if noise is None and (is_blanked or not sigma > 0):
        sigma = 0.0
        found.add(flag.NOISE_UNCERTAIN)
    # A frame beyond the map's edge is flagged as such; NaN inside the map marks unknown pixels.
    rows = origin[1] + step[1] * np.arange(IMAGE_SIZE)
    columns = origin[0] + step[0] * np.arange(IMAGE_SIZE)
    down = np.abs(rows - (height - 1) / 2) <= height / 2
    across = np.abs(columns - (width - 1) / 2) <= width / 2
    unknown = np.isnan(frame.brightness)
    if unknown.all():
        raise InputError("the map is blank here: all pixels in the frame are unknown")
    found |= set() if down.all() and across.all() else {flag.EDGE}
    if unknown.any() and unknown[down][:, across].any():
        found.add(flag.NAN_FILLED)
    return finish(
        frame.brightness,
        sigma,
        beam=todo.beam,
        pixel_scale=todo.pixel_scale,
        flags=found,
        wcs_header=_moved(wcs_header, origin, step),
    )


def finish(
    brightness: np.ndarray,
    noise: float | np.ndarray,
    *,
    beam: Beam | None,
    pixel_scale: float,
    flags: Iterable[str] = (),
    wcs_header: Mapping[str, float | str] | None = None,
    masked: np.ndarray | None = None,
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
    extent = measure_extent(snr, _beam_pixels(beam, pixel_scale), unknown)
    peak = extent.peak if extent.found else max(float(snr.max()), 0.0)
    found = set(flags) | source_flags(extent)
    if extent.found and peak < LOW_SNR and not is_blanked:
        found.add(flag.LOW_SNR)
    if not is_blanked and np.count_nonzero(snr < -MASK_SIGMA) > NEGATIVE_SHARE * snr.size:
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
        main_size=extent.main_size * pixel_scale if extent.found else float("nan"),
        centroid=extent.centroid,
        source_mask=extent.mask,
        contrast=peak,
        covariance=extent.covariance,
    )


def _beam_pixels(beam: Beam | None, pixel_scale: float) -> float:
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
    return found | ({flag.OFF_CENTRE} if extent.distance > OFF_CENTRE_PIXELS else set())


def _as_map(field: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the map in float32 with NaN at unknown pixels, and whether its sky is exactly 0."""
    field = np.asarray(field)
    if field.ndim != 2 or field.dtype.kind not in "fiu":
        raise InputError(
            f"a map has two axes and real numbers, this one is {field.dtype} of shape {field.shape}"
        )
    if min(field.shape) < SMALLEST_FIELD:
        raise InputError(
            f"the map has {field.shape[1]} x {field.shape[0]} pixels: "
            f"{SMALLEST_FIELD} x {SMALLEST_FIELD} is the minimum"
        )
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, thus unknown
        field = field.astype(np.float32, copy=False)
    unknown, is_blanked = examine(field)
    if unknown.all():
        raise InputError("the map is blank here: it holds one value only, or NaN")
    field = np.where(unknown, np.float32(np.nan), field) if unknown.any() else field
    brightest = float(np.nanmax(np.abs(field)))
    if brightest > LARGEST_VALUE:
        raise InputError(
            f"a pixel holds {brightest:.1e}, too bright for a radio map: check its BSCALE"
        )
    return field, is_blanked


def _beam_area(beam: Beam | None, jacobian: np.ndarray | None) -> float:
    """Return the beam's area in pixels; that of a round beam of three pixels if unknown."""
    if beam is None or jacobian is None:
        return Beam(PIXELS_PER_BEAM, PIXELS_PER_BEAM).area(1.0)
    return beam.area(abs(float(np.linalg.det(jacobian))))


def _as_noise(noise: float | np.ndarray | None, shape: tuple) -> float | np.ndarray | None:
    if noise is None:
        return None
    if np.ndim(noise) == 0:
        if not 0 < float(noise) < math.inf:
            raise InputError(f"a noise of {noise} is not allowed: give one above 0, in Jy/beam")
        return float(noise)
    if np.shape(noise) != shape:
        raise InputError(
            f"the noise map has shape {np.shape(noise)} and the map {shape}: "
            "give one on the same pixels"
        )
    return np.asarray(noise, np.float32)


def _moved(header, origin, step):
    if header is None:
        return None
    from .celestial import move_keywords

    return move_keywords(header, origin, step)
