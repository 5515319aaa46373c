"""`cutout_from_field`: a source cut from a map in Jy/beam, on the pixels of the network."""

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import PIXELS_PER_BEAM, Beam
from .conventions import IMAGE_SIZE
from .cutout import SMALLEST_FIELD, Cutout, beam_pixels, finish
from .extent import centroid_of, find_source
from .frame import Frame, FramePlan, frame_middle, native_frame, plan, regridded_frame
from .linking import LONGEST_PAIR
from .outskirts import has_outer_lobes
from .preprocessing import LARGEST_VALUE
from .quantities import ANGLE, BRIGHTNESS, in_unit
from .recentring import on_map, recentred
from .unknown import examine
from .window_noise import WindowNoise

if TYPE_CHECKING:
    from astropy.units import Quantity

_UNDERSAMPLED = 2.0  # pixels a beam
_WITHOUT_OUTSKIRTS = (  # flags of frames beyond which no lobes are looked for
    flag.BEYOND_FRAME,
    flag.INCOMPLETE,
    flag.NO_BEAM,
    flag.NO_SOURCE,
    flag.NO_WCS,
    flag.NOISE_UNCERTAIN,
)


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
    widening: float = 1,
    flags: Iterable[str] = (),
    wcs_header: Mapping[str, float | str] | None = None,
) -> Cutout:
    """Cut a source from a map in Jy/beam and prepare it for the network.

    Use this function for arrays that hold a map, and `cutout_from_array` for arrays that hold a
    finished image.

    A map with FIRST's beam and pixels is prepared by MiraBest's recipe, with identical results.
    The noise is measured on the 300 x 300 pixels around the source, or on as many of them as
    exist. The central 150 x 150 pixels are the frame.

    A map with a finer beam is smoothed to 5.4 arcsec and resampled to 1.8 arcsec a pixel, unless
    `widening` is below 1. A map with a coarser beam is resampled to three pixels a beam
    (`beam.target_beam`, `beam.target_scale`). The noise is measured after smoothing, which changes
    it, and before resampling, where interpolation would lower it by 3 to 7 %, so that noise would
    pass the mask.

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
        widening: factor by which the beam and the pixels are widened in addition, for a source
            that is larger than the frame; or one of `beam.narrowings`, for a source that is small
            on a map with a finer beam than 5.4 arcsec. `read_fits` and `read_source` choose it
            (`widening.widened`, `narrowing.narrowed`).
        flags: further flags that the caller knows.
        wcs_header: WCS keywords of `field` (`celestial_keywords.wcs_keywords`).

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
    todo = plan(jacobian, beam, as_is, widening)
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
        frame, middle = frame_at(place), frame_middle(place, todo)
        stated = tuple((c - m) / s for c, m, s in zip(centre, middle, step, strict=True))
        return _finish_frame(
            frame, todo, step, field.shape, noise, is_blanked, found, wcs_header, stated
        )

    def look(place: tuple[float, float]) -> tuple[float, float] | None:
        frame = None if is_blanked else frame_at(place, estimate=True)
        if frame is None or isinstance(frame.noise, np.ndarray) or not frame.noise > 0:
            cutout = cut(place)
            centroid = None if flag.NO_SOURCE in cutout.flags else cutout.centroid
        else:
            centroid = _source_centroid(frame, todo)
        return None if centroid is None else on_map(centroid, frame_middle(place, todo), step)

    return recentred(cut, look, centre, step, field.shape) if recentre else cut(centre)


def _source_centroid(frame: Frame, todo: FramePlan) -> tuple[float, float] | None:
    """Return the centroid of the source's flux as in its `Cutout`, without the rest of it."""
    snr, unknown = frame.brightness / frame.noise, ~np.isfinite(frame.brightness)
    snr[unknown] = 0.0
    beam, longest = beam_pixels(todo.beam, todo.pixel_scale), LONGEST_PAIR / todo.pixel_scale
    source = find_source(snr, beam, unknown, longest)
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
    stated: tuple[float, float],
) -> Cutout:
    """Flag the defects of a frame, and finish it.

    `shape` is that of the map, `noise` what the caller stated, `is_blanked` whether the sky of the
    map is exactly 0, and `stated` (x, y) of the stated position, pixels from the frame's middle.
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
    cutout = finish(
        frame.brightness,
        sigma,
        beam=todo.beam,
        pixel_scale=todo.pixel_scale,
        flags=found,
        wcs_header=_moved(wcs_header, origin, step),
        stated=stated,
    )
    if not set(_WITHOUT_OUTSKIRTS).isdisjoint(cutout.flags):
        return cutout
    if not has_outer_lobes(frame, beam_pixels(todo.beam, todo.pixel_scale)):
        return cutout
    return replace(cutout, flags=tuple(sorted({*cutout.flags, flag.OUTER_LOBES})))


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
    brightest = max(float(np.fmax.reduce(field, None)), -float(np.fmin.reduce(field, None)))
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
    from .celestial_keywords import move_keywords

    return move_keywords(header, origin, step)
