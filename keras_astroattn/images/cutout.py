"""One image as the network takes it, and what is known about it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import PIXELS_PER_BEAM, Beam, target_beam, target_scale
from .conventions import FIELD_SIZE, IMAGE_SIZE, PIXEL_SCALE, to_network_units
from .islands import measure_extent
from .preprocessing import MASK_SIGMA, mask_noise, measure_noise, scale_to_uint8
from .resampling import regrid, smooth, smoothing_margin

if TYPE_CHECKING:
    from astropy.wcs import WCS

LOW_SNR = 10.0
"""A source that peaks below this many times the noise is flagged `low_snr`."""

NEGATIVE_SHARE = 0.01
"""Share of a frame below -3 sigma above which it is flagged `artefacts`: 0.0013 of Gaussian
noise is, and at most 0.0064 of 45 of 46 FIRST fields."""

SAME_SCALE = 0.01
"""Pixel scales that differ by no more than this share are the same."""

SMALLEST_FIELD = 16
"""A map with fewer pixels than this on a side is no field."""

_ENDLESS = 1e9  # a map without noise has sources of endless signal-to-noise
_UNDERSAMPLED = 2.0  # pixels a beam
_MARGIN = (FIELD_SIZE - IMAGE_SIZE) // 2


@dataclass(frozen=True, eq=False)
class Cutout:
    """A radio source, ready for the network.

    Attributes:
        pixels: (150, 150) uint8, as MiraBest's images are.
        network_input: (150, 150, 1) float32 in [-1, 1].
        brightness: (150, 150) float32, the map in Jy/beam (the file's unit where `flags`
            has `unknown_unit`, 0 to 1 for a picture); NaN where nothing is known.
        noise: Standard deviation of the noise, Jy/beam; NaN for a picture. Where a map of
            the noise was given, its median over the frame.
        peak_snr: Brightest pixel of the source in units of the noise (of the frame where
            there is no source); NaN for a picture, infinite in a map without noise.
        source_fraction: Share of the frame's pixels that are above 3 sigma.
        largest_angular_size: Largest extent of the source above 3 sigma, less what the
            beam adds (see `islands.measure_extent`), arcsec: 0 for a point source, NaN
            where there is no source.
        beam: The beam of `brightness`; None where it is not known.
        pixel_scale: Of `pixels`, arcsec (geometric mean of both axes).
        flags: Constants of `keras_astroattn.images.flags`, sorted.
        wcs_header: Celestial WCS keywords of `pixels`, for a FITS header; None without.
        main_share: Share of the source's flux in the brightest of its islands above 3 sigma.
        main_size: As `largest_angular_size`, of that island by itself, arcsec.
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


@dataclass(frozen=True)
class Plan:
    """What has to be done to a map before the network sees it.

    Attributes:
        beam: The beam afterwards; None where it is not known.
        step: (x, y) distance of the frame's pixels, in pixels of the map; None: the
            map's own pixels are used.
        kernel: (2, 2) covariance of the Gaussian to smooth with, pixels^2; None: none.
        gain: Beam area afterwards over before, by which Jy/beam grow.
        pixel_scale: Of the frame, arcsec.
    """

    beam: Beam | None
    step: tuple[float, float] | None
    kernel: np.ndarray | None
    gain: float
    pixel_scale: float

    @property
    def margin(self) -> int:
        """Pixels of the map that are needed around what is shown."""
        return smoothing_margin(self.kernel) if self.kernel is not None else 0


def plan(jacobian: np.ndarray | None, beam: Beam | None, as_is: bool = False) -> Plan:
    """Decide on beam and grid.

    Args:
        jacobian: (2, 2), arcsec east and north (rows) for a step along x and y (columns);
            None where the pixel scale is not known.
        beam: The map's beam; None where it is not known: then nothing is done.
        as_is: Leave the beam alone (FIRST, whose beam the network knows by definition).

    Raises:
        InputError: The pixels have no size, or their axes are not at right angles.
    """
    if jacobian is None:
        return Plan(beam, None, None, 1.0, PIXEL_SCALE)
    scales = np.hypot(*jacobian).tolist()
    (xx, xy), (yx, yy) = jacobian.tolist()
    if not np.isfinite(jacobian).all() or not abs(xx * yy - xy * yx) > 0:
        raise InputError("the coordinates of the map make no sense: its pixels have no size")
    own_scale = math.sqrt(scales[0] * scales[1])
    if beam is None:
        return Plan(None, None, None, 1.0, own_scale)
    wanted = beam if as_is else target_beam(beam)
    scale = target_scale(wanted)
    kernel, gain = None, 1.0
    if wanted is not beam:
        inverse = np.linalg.inv(jacobian)
        kernel = inverse @ (wanted.covariance - beam.covariance) @ inverse.T
        gain = (wanted.mean / beam.mean) ** 2
    if kernel is None and all(abs(own / scale - 1) <= SAME_SCALE for own in scales):
        return Plan(beam, None, None, 1.0, own_scale)
    skew = abs(float(jacobian[:, 0] @ jacobian[:, 1]) / (scales[0] * scales[1]))
    if skew > math.sin(math.radians(5)):
        raise InputError(
            "the axes of the map are not at right angles here: reproject it to TAN or SIN first"
        )
    return Plan(wanted, (scale / scales[0], scale / scales[1]), kernel, gain, scale)


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
    """A source out of a map in Jy/beam, as the network knows sources.

    FIRST's beam and pixels: MiraBest's recipe bit for bit. The noise is measured on the 300
    x 300 pixels around the source, or on as many of them as there are, and the middle 150 x
    150 are the frame.

    Another beam: a finer one is smoothed to 5.4 arcsec and put on 1.8 arcsec; a coarser one
    is put on three pixels a beam (`beam.target_beam`, `beam.target_scale`). The noise is
    then measured after smoothing, which changes it, and before regridding, where
    interpolation would lower it by 3 to 7 % and so let noise through the mask.

    Args:
        field: (height, width) map, Jy/beam, any real dtype; NaN or infinite is unknown.
        pixel_scale: Arcsec, one figure or (x, y); None: not known, flagged `no_wcs`.
        beam: `Beam`, or its width, or (major, minor, angle); None: flagged `no_beam`.
        centre: (x, y) of the source, pixels counted from 0; None: the middle.
        noise: Noise of `field` where it is known, a figure or a map; None: measured. It
            is scaled as the measured noise is where `field` is smoothed.
        jacobian: Instead of `pixel_scale`: (2, 2), arcsec east and north (rows) for a step
            along x and y (columns).
        as_is: Leave the beam alone (FIRST).
        flags: More flags, for what the caller knows of the field.
        wcs_header: WCS keywords of `field` (`celestial.wcs_keywords`).

    Raises:
        InputError: `field` is not a two-dimensional map of numbers of at least 16 x 16
            pixels, has no known pixel in the frame, or the beam is none.
    """
    field = _as_map(field)
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
    if todo.step is None:
        frame, sigma, origin = _native_frame(field, centre, noise_map)
        step = (1.0, 1.0)
    else:
        frame, sigma, origin, more = _regridded_frame(field, centre, noise_map, todo)
        found |= more
        step = todo.step
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
) -> Cutout:
    """Blank the noise of a (150, 150) frame in Jy/beam, stretch it and measure the source.

    Args:
        brightness: (150, 150) float32; NaN is unknown and becomes black.
        noise: One figure, or (150, 150).
        beam: Of `brightness`.
        pixel_scale: Arcsec.
        flags: What is known so far.
        wcs_header: WCS keywords of the frame.
    """
    if isinstance(noise, np.ndarray):
        # Where the noise map says nothing, nothing can be said to be above it.
        threshold = np.where(noise > 0, noise, np.inf).astype(brightness.dtype)
        typical = threshold[np.isfinite(threshold)]
        level = float(np.median(typical)) if typical.size else float("nan")
    else:
        threshold = level = noise
    masked = mask_noise(brightness, threshold)
    # What is unknown is not below 3 sigma, so it is set by hand.
    masked[~np.isfinite(masked)] = 0.0
    pixels = scale_to_uint8(masked)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        snr = np.minimum(brightness / threshold, _ENDLESS)
    snr[np.isnan(snr)] = 0.0
    if not pixels.any():
        snr = np.zeros_like(snr)
    extent = measure_extent(snr, beam.mean / pixel_scale if beam else PIXELS_PER_BEAM)
    peak = extent.peak if extent.found else max(float(snr.max()), 0.0)
    peak = math.inf if peak >= _ENDLESS else peak
    found = set(flags) | source_flags(extent)
    if extent.found and peak < LOW_SNR:
        found.add(flag.LOW_SNR)
    if np.count_nonzero(snr < -MASK_SIGMA) > NEGATIVE_SHARE * snr.size:
        found.add(flag.ARTEFACTS)
    return Cutout(
        pixels=pixels,
        network_input=to_network_units(pixels)[..., np.newaxis],
        brightness=brightness,
        noise=level,
        peak_snr=peak,
        source_fraction=np.count_nonzero(snr > MASK_SIGMA) / snr.size,
        largest_angular_size=extent.size * pixel_scale if extent.found else float("nan"),
        beam=beam,
        pixel_scale=pixel_scale,
        flags=tuple(sorted(found)),
        wcs_header=wcs_header,
        main_share=extent.main_share,
        main_size=extent.main_size * pixel_scale if extent.found else float("nan"),
    )


def source_flags(extent) -> set[str]:
    """The flags that follow from an `islands.Extent`."""
    from .islands import OFF_CENTRE_PIXELS

    if not extent.found:
        return {flag.NO_SOURCE}
    found = {flag.BEYOND_FRAME} if extent.touches_border else set()
    return found | ({flag.OFF_CENTRE} if extent.distance > OFF_CENTRE_PIXELS else set())


def _as_map(field: np.ndarray) -> np.ndarray:
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
    known = np.isfinite(field)
    return field if known.all() else np.where(known, field, np.float32(np.nan))


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


def _native_frame(field, centre, noise):
    """The frame on the map's own pixels, its noise, and the (x, y) of its first pixel."""
    # The source falls between pixels 149 and 150 of the 300, as in the files of MiraBest.
    left, top = (math.ceil(c - FIELD_SIZE / 2) for c in centre)
    if noise is None:
        sigma = measure_noise(window(field, left, top, FIELD_SIZE, FIELD_SIZE))
    left, top = left + _MARGIN, top + _MARGIN
    if isinstance(noise, np.ndarray):
        sigma = window(noise, left, top, IMAGE_SIZE, IMAGE_SIZE)
    elif noise is not None:
        sigma = noise
    return window(field, left, top, IMAGE_SIZE, IMAGE_SIZE), sigma, (float(left), float(top))


def _regridded_frame(field, centre, noise, todo: Plan):
    """The frame on the new grid, its noise, the (x, y) of its first pixel, and flags."""
    reach = [FIELD_SIZE / 2 * s + todo.margin for s in todo.step]
    lows = [max(math.floor(c - r), 0) for c, r in zip(centre, reach, strict=True)]
    highs = [math.ceil(c + r) + 1 for c, r in zip(centre, reach, strict=True)]
    around = (slice(lows[1], max(highs[1], 0)), slice(lows[0], max(highs[0], 0)))
    field = field[around]
    if not field.size:
        raise InputError("the map is blank here: there is not one known pixel in the frame")
    noise = noise[around] if isinstance(noise, np.ndarray) else noise
    centre = (centre[0] - lows[0], centre[1] - lows[1])
    found = {flag.RESAMPLED}
    growth = 1.0
    if todo.kernel is not None:
        before = None if noise is None else measure_noise(_without_margin(field, centre, todo))
        field = smooth(field, todo.kernel) * np.float32(todo.gain)
        found.add(flag.SMOOTHED)
        if before:
            growth = measure_noise(_without_margin(field, centre, todo)) / before
    half = (IMAGE_SIZE - 1) / 2
    origin = (centre[0] - half * todo.step[0], centre[1] - half * todo.step[1])
    frame = regrid(field, origin, todo.step, IMAGE_SIZE)
    if noise is None:
        sigma = measure_noise(_without_margin(field, centre, todo))
    elif isinstance(noise, np.ndarray):
        sigma = regrid(noise, origin, todo.step, IMAGE_SIZE) * np.float32(growth)
    else:
        sigma = noise * growth
    return frame, sigma, (origin[0] + lows[0], origin[1] + lows[1]), found


def _without_margin(field: np.ndarray, centre: tuple[float, float], todo: Plan) -> np.ndarray:
    """The part of a map that 300 x 300 pixels of the new grid cover."""
    bounds = []
    for middle, step in zip(centre, todo.step, strict=True):
        reach = FIELD_SIZE / 2 * step
        bounds.append(slice(max(math.ceil(middle - reach), 0), max(math.floor(middle + reach), 0)))
    return field[bounds[1], bounds[0]]


def window(field: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """(height, width) pixels of a map from (`left`, `top`); NaN beyond its edge."""
    rows = slice(max(top, 0), max(min(top + height, field.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + width, field.shape[1]), 0))
    part = field[rows, columns]
    if part.shape == (height, width):
        return part.copy()
    full = np.full((height, width), np.nan, np.float32)
    if part.size:
        row, column = rows.start - top, columns.start - left
        full[row : row + part.shape[0], column : column + part.shape[1]] = part
    return full


def _moved(header, origin, step):
    if header is None:
        return None
    from .celestial import move_keywords

    return move_keywords(header, origin, step)
