"""One image as the network takes it, and what is known about it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import PIXELS_PER_BEAM, Beam
from .conventions import IMAGE_SIZE, to_network_units
from .frame import native_frame, plan, regridded_frame
from .islands import OFF_CENTRE_PIXELS, SOURCE_SIGMA, Extent, measure_extent
from .preprocessing import LARGEST_VALUE, MASK_SIGMA, mask_noise, scale_to_uint8
from .unknown import examine

if TYPE_CHECKING:
    from astropy.wcs import WCS

LOW_SNR = 10.0
"""A source that peaks below this many times the noise is flagged `low_snr`."""

NEGATIVE_SHARE = 0.01
"""Share of a frame below -3 sigma above which it is flagged `artefacts`: 0.0013 of Gaussian
noise is, and at most 0.0064 of 45 of 46 FIRST fields."""

SMALLEST_FIELD = 16
"""A map with fewer pixels than this on a side is no field."""

_UNDERSAMPLED = 2.0  # pixels a beam
_JUST_ABOVE = 1 + 1e-6  # so that rounding leaves a pixel above the threshold it defines


@dataclass(frozen=True, eq=False)
class Cutout:
    """A radio source, ready for the network.

    Attributes:
        pixels: (150, 150) uint8, as MiraBest's images are.
        network_input: (150, 150, 1) float32 in [-1, 1].
        brightness: (150, 150) float32, the map in Jy/beam (the file's unit where `flags`
            has `unknown_unit`, 0 to 1 for a picture); NaN where nothing is known.
        noise: standard deviation of the noise, Jy/beam; NaN for a picture, and for a map
            whose sky is exactly 0. Where a map of the noise was given, its median over the
            frame.
        peak_snr: brightest pixel of the source in units of the noise (of the frame where
            there is no source); NaN where the noise is.
        source_fraction: share of the frame's pixels that are above 3 sigma.
        largest_angular_size: largest extent of the source above 3 sigma, less what the
            beam adds (see `islands.measure_extent`), arcsec: 0 for a point source, NaN
            where there is no source.
        beam: the beam of `brightness`; None where it is not known.
        pixel_scale: of `pixels`, arcsec (geometric mean of both axes).
        flags: constants of `keras_astroattn.images.flags`, sorted.
        wcs_header: celestial WCS keywords of `pixels`, for a FITS header; None without.
        main_share: share of the source's flux in the brightest of its islands above 3 sigma.
        main_size: as `largest_angular_size`, of that island by itself, arcsec.
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

    @property
    def size_in_beams(self) -> float:
        """Largest angular size over the beam's mean width (three pixels where unknown)."""
        return self.largest_angular_size / self._beam_width

    @property
    def main_size_in_beams(self) -> float:
        """`main_size` likewise."""
        return self.main_size / self._beam_width

    @property
    def _beam_width(self) -> float:
        return self.beam.mean if self.beam else PIXELS_PER_BEAM * self.pixel_scale

    @property
    def wcs(self) -> "WCS | None":
        """Celestial WCS of `pixels`; astropy.wcs is imported when it is asked for."""
        if self.wcs_header is None:
            return None
        from .celestial import build_wcs

        return build_wcs(self.wcs_header)


def cutout_from_field(
    field: np.ndarray,
    pixel_scale: float | tuple[float, float] | None = None,
    beam: Beam | float | tuple[float, ...] | None = None,
    *,
    centre: tuple[float, float] | None = None,
    noise: float | np.ndarray | None = None,
    jacobian: np.ndarray | None = None,
    as_is: bool = False,
    flags: Iterable[str] = (),
    wcs_header: Mapping[str, float | str] | None = None,
) -> Cutout:
    """Return a source out of a map in Jy/beam, as the network knows sources.

    This is the function for arrays that hold a map, as `cutout_from_array` is for arrays that
    hold a finished image.

    FIRST's beam and pixels: MiraBest's recipe bit for bit. The noise is measured on the 300
    x 300 pixels around the source, or on as many of them as there are, and the middle 150 x
    150 are the frame.

    Another beam: a finer one is smoothed to 5.4 arcsec and put on 1.8 arcsec; a coarser one
    is put on three pixels a beam (`beam.target_beam`, `beam.target_scale`). The noise is
    then measured after smoothing, which changes it, and before regridding, where
    interpolation would lower it by 3 to 7 % and so let noise through the mask.

    Pixels that hold no measurement (`unknown_pixels`) take no part, and a source that reaches
    them is flagged `incomplete`. A map whose sky is exactly 0, a model or one whose noise was
    blanked before, is shown as it is and flagged `noise_uncertain`.

    Args:
        field: (height, width) map, Jy/beam, any real dtype; NaN or infinite is unknown.
        pixel_scale: arcsec, one figure or (x, y); None: not known, flagged `no_wcs`.
        beam: `Beam`, or its width, or (major, minor, angle); None: flagged `no_beam`.
        centre: (x, y) of the source, pixels counted from 0; None: the middle.
        noise: noise of `field` where it is known, a figure or a map; None: measured. It
            is scaled as the measured noise is where `field` is smoothed.
        jacobian: instead of `pixel_scale`: (2, 2), arcsec east and north (rows) for a step
            along x and y (columns).
        as_is: leave the beam alone (FIRST).
        flags: more flags, for what the caller knows of the field.
        wcs_header: WCS keywords of `field` (`celestial.wcs_keywords`).

    Raises:
        InputError: `field` is not a two-dimensional map of numbers of at least 16 x 16
            pixels, has no known pixel in the frame, or the beam is none.
    """
    field, is_blanked = _as_map(field)
    if jacobian is None and pixel_scale is not None:
        across, down = np.broadcast_to(np.asarray(pixel_scale, float), 2)
        if not (0 < across < math.inf and 0 < down < math.inf):
            raise InputError(f"a pixel scale of {pixel_scale} arcsec is none: give one above 0")
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
    noise_map = _as_noise(noise, field.shape)
    area = _beam_area(todo.beam, jacobian)
    step = todo.step or (1.0, 1.0)
    if todo.step is None:
        cut = native_frame(field, centre, noise_map, area)
    else:
        cut = regridded_frame(field, centre, noise_map, todo, area)
    found |= cut.flags
    frame, sigma, origin = cut.brightness, cut.noise, cut.origin
    if noise is None and (is_blanked or not sigma > 0):
        sigma = 0.0
        found.add(flag.NOISE_UNCERTAIN)
    # What lies over the edge of the map is the edge's business; what is blank inside, NaN's.
    rows = origin[1] + step[1] * np.arange(IMAGE_SIZE)
    columns = origin[0] + step[0] * np.arange(IMAGE_SIZE)
    down = np.abs(rows - (height - 1) / 2) <= height / 2
    across = np.abs(columns - (width - 1) / 2) <= width / 2
    unknown = np.isnan(frame)
    if unknown.all():
        raise InputError("the map is blank here: there is not one known pixel in the frame")
    found |= set() if down.all() and across.all() else {flag.EDGE}
    found |= {flag.NAN_FILLED} if unknown[down][:, across].any() else set()
    return finish(
        frame,
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
        noise: one figure, or (150, 150); 0 where the sky was blanked before: every pixel
            above 0 is then shown.
        beam: of `brightness`.
        pixel_scale: arcsec.
        flags: what is known so far.
        wcs_header: WCS keywords of the frame.
        masked: (150, 150) bool, pixels of `brightness` that are NaN because they were made
            black on purpose; None: none.
    """
    is_blanked = not isinstance(noise, np.ndarray) and not noise > 0
    if isinstance(noise, np.ndarray):
        # Where the noise map says nothing, nothing can be said to be above it.
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
    extent = measure_extent(snr, beam.mean / pixel_scale if beam else PIXELS_PER_BEAM, unknown)
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
    )


def blanked_threshold(brightness: np.ndarray, pixels: np.ndarray) -> np.float32:
    """Return the noise that the darkest lit pixel of a blanked image stands for: a third of it.

    Blanking at 3 sigma leaves pixels just above 3 sigma. The peak counts as a detection, so the
    noise is a fifth of it at most.

    Args:
        brightness: (150, 150).
        pixels: (150, 150) uint8, the same stretched: lit where above 0.
    """
    lit = brightness[pixels > 0]
    if not lit.size:
        return np.float32(1)
    threshold = min(lit.min() / MASK_SIGMA, lit.max() / SOURCE_SIGMA)
    return np.float32(threshold / _JUST_ABOVE)


def source_flags(extent: Extent) -> set[str]:
    """Return the flags that follow from where the source lies."""
    found = {flag.INCOMPLETE} if extent.incomplete else set()
    if not extent.found:
        return found | {flag.NO_SOURCE}
    found |= {flag.BEYOND_FRAME} if extent.touches_border else set()
    return found | ({flag.OFF_CENTRE} if extent.distance > OFF_CENTRE_PIXELS else set())


def _as_map(field: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the map in float32, NaN where it is not known; and whether its sky is exactly 0."""
    field = np.asarray(field)
    if field.ndim != 2 or field.dtype.kind not in "fiu":
        raise InputError(
            f"a map has two axes and real numbers, this one is {field.dtype} of shape {field.shape}"
        )
    if min(field.shape) < SMALLEST_FIELD:
        raise InputError(
            f"the map has {field.shape[1]} x {field.shape[0]} pixels: "
            f"{SMALLEST_FIELD} x {SMALLEST_FIELD} are the least"
        )
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and that is unknown
        field = field.astype(np.float32, copy=False)
    unknown, is_blanked = examine(field)
    if unknown.all():
        raise InputError("the map is blank here: it holds one value alone, or NaN")
    field = np.where(unknown, np.float32(np.nan), field) if unknown.any() else field
    brightest = float(np.nanmax(np.abs(field)))
    if brightest > LARGEST_VALUE:
        raise InputError(
            f"a pixel holds {brightest:.1e}, which no radio map does: check the file and its BSCALE"
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
            raise InputError(f"a noise of {noise} is none: give one above 0, in Jy/beam")
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
