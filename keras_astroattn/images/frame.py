"""The frame for the network, cut from a map: beam, pixel grid and noise."""

import math
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam, narrowed_beam, target_beam, target_scale
from .conventions import FIELD_SIZE, IMAGE_SIZE, PIXEL_SCALE
from .resampling import regrid, smooth, smoothing_margin
from .sky_noise import measure_sky_noise
from .window_noise import WindowNoise

SAME_SCALE = 0.01
"""Largest relative difference of pixel scales that count as equal."""

_MARGIN = (FIELD_SIZE - IMAGE_SIZE) // 2


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame that was cut from a map.

    Attributes:
        brightness: (150, 150) float32, NaN at unknown pixels.
        noise: noise of `brightness`, one number or (150, 150).
        origin: (x, y) of its first pixel in pixels of the map.
        field: the map, or the part of it about the frame, as it was before resampling.
        field_noise: noise of `field`, one number or a map.
        first: (x, y) of the frame's first pixel in pixels of `field`.
        step: (x, y) distance of its pixels in pixels of `field`; None: they are those of `field`.
        flags: flags that follow from the cutting.
    """

    brightness: np.ndarray
    noise: float | np.ndarray
    origin: tuple[float, float]
    field: np.ndarray
    field_noise: float | np.ndarray
    first: tuple[float, float]
    step: tuple[float, float] | None
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FramePlan:
    """Smoothing and resampling of a map before classification.

    Attributes:
        beam: the beam afterwards; None if it is unknown.
        step: (x, y) distance of the frame's pixels, in pixels of the map; None: the map's own
            pixels are used.
        kernel: (2, 2) covariance of the smoothing Gaussian, pixels^2; None: no smoothing.
        gain: beam area after smoothing over beam area before, the factor of values in Jy/beam.
        pixel_scale: pixel scale of the frame, arcsec.
    """

    beam: Beam | None
    step: tuple[float, float] | None
    kernel: np.ndarray | None
    gain: float
    pixel_scale: float

    @property
    def margin(self) -> int:
        """Pixels of the map that are needed around the frame."""
        return smoothing_margin(self.kernel) if self.kernel is not None else 0


def plan(
    jacobian: np.ndarray | None, beam: Beam | None, as_is: bool = False, widening: float = 1
) -> FramePlan:
    """Decide to which beam and grid a map is brought.

    Args:
        jacobian: (2, 2), arcsec east and north (rows) for a step along x and y (columns);
            None if the pixel scale is unknown.
        beam: the map's beam; None if it is unknown: the map is then left unchanged.
        as_is: do not change the beam (FIRST, whose beam is that of the training images).
        widening: factor by which the target beam is widened in addition, and the pixels with it;
            or one of `beam.narrowings`, by which it is narrowed.

    Returns:
        The plan.

    Raises:
        InputError: The pixels have no size, or their axes are not at right angles.
    """
    if jacobian is None:
        return FramePlan(beam, None, None, 1.0, PIXEL_SCALE)
    scales = np.hypot(*jacobian).tolist()
    (xx, xy), (yx, yy) = jacobian.tolist()
    if not np.isfinite(jacobian).all() or not abs(xx * yy - xy * yx) > 0:
        raise InputError("the coordinates of the map are invalid: its pixels have no size")
    own_scale = math.sqrt(scales[0] * scales[1])
    if beam is None:
        return FramePlan(None, None, None, 1.0, own_scale)
    wanted = beam if as_is else target_beam(beam)
    if widening > 1:
        wanted = wanted.scaled(widening)
    elif widening < 1:
        wanted = narrowed_beam(beam, widening)
    scale = target_scale(wanted)
    kernel, gain = None, 1.0
    if wanted is not beam:
        inverse = np.linalg.inv(jacobian)
        kernel = inverse @ (wanted.covariance - beam.covariance) @ inverse.T
        gain = (wanted.mean / beam.mean) ** 2
    if kernel is None and all(abs(own / scale - 1) <= SAME_SCALE for own in scales):
        return FramePlan(beam, None, None, 1.0, own_scale)
    skew = abs(float(jacobian[:, 0] @ jacobian[:, 1]) / (scales[0] * scales[1]))
    if skew > math.sin(math.radians(5)):
        raise InputError(
            "the axes of the map are not at right angles here: reproject it to TAN or SIN first"
        )
    return FramePlan(wanted, (scale / scales[0], scale / scales[1]), kernel, gain, scale)


def frame_middle(centre: tuple[float, float], todo: FramePlan) -> tuple[float, float]:
    """Return (x, y) of the middle of the frame about a place, pixels of the map.

    On the map's own pixels it lies midway between pixels, at most half a pixel from the place: the
    source falls between pixels 149 and 150 of the 300, as in the files of MiraBest.
    """
    if todo.step is not None:
        return centre
    x, y = (left + (FIELD_SIZE - 1) / 2 for left in _first_pixel(centre))
    return x, y


def _first_pixel(centre: tuple[float, float]) -> list[int]:
    """Return (x, y) of the first of the 300 x 300 pixels about a place on the map's own pixels."""
    return [math.ceil(c - FIELD_SIZE / 2) for c in centre]


def native_frame(
    field: np.ndarray,
    centre: tuple[float, float],
    noise: float | np.ndarray | WindowNoise,
    estimate: bool = False,
) -> Frame:
    """Return the frame on the map's own pixels.

    Args:
        field: (height, width) float32 map; NaN is unknown.
        centre: (x, y) of the source, pixels counted from 0.
        noise: noise of the map, one number or a map; or the measurement of it.
        estimate: whether a measured noise may have another rounding error.

    Returns:
        The frame.
    """
    left, top = _first_pixel(centre)
    found = frozenset()
    if isinstance(noise, WindowNoise):
        sigma, certain = (noise.estimated if estimate else noise.measured)(left, top)
        found = frozenset() if certain else frozenset({flag.NOISE_UNCERTAIN})
    left, top = left + _MARGIN, top + _MARGIN
    if isinstance(noise, np.ndarray):
        sigma = window(noise, left, top, IMAGE_SIZE, IMAGE_SIZE)
    elif not isinstance(noise, WindowNoise):
        sigma = noise
    brightness = window(field, left, top, IMAGE_SIZE, IMAGE_SIZE)
    first = (float(left), float(top))
    field_noise = noise if isinstance(noise, np.ndarray) else sigma
    return Frame(brightness, sigma, first, field, field_noise, first, None, found)


def regridded_frame(
    field: np.ndarray,
    centre: tuple[float, float],
    noise: float | np.ndarray | None,
    todo: FramePlan,
    beam_area: float,
) -> Frame:
    """Return the frame on another grid, after smoothing if `todo` has a kernel.

    Args:
        field: (height, width) float32 map; NaN is unknown.
        centre: (x, y) of the source, pixels counted from 0.
        noise: noise of the map, one number or a map; None: measured.
        todo: smoothing and resampling, from `plan`.
        beam_area: pixels of `field` in the beam of the frame.

    Returns:
        The frame.

    Raises:
        InputError: The source lies outside the map.
    """
    reach = [FIELD_SIZE / 2 * s + todo.margin for s in todo.step]
    lows = [max(math.floor(c - r), 0) for c, r in zip(centre, reach, strict=True)]
    highs = [math.ceil(c + r) + 1 for c, r in zip(centre, reach, strict=True)]
    around = (slice(lows[1], max(highs[1], 0)), slice(lows[0], max(highs[0], 0)))
    field = field[around]
    if not field.size:
        raise InputError("the map is blank here: all pixels in the frame are unknown")
    noise = noise[around] if isinstance(noise, np.ndarray) else noise
    centre = (centre[0] - lows[0], centre[1] - lows[1])
    found = {flag.RESAMPLED}
    growth = 1.0
    full = FIELD_SIZE**2 * todo.step[0] * todo.step[1]

    def measured() -> tuple[float, bool]:
        return measure_sky_noise(_without_margin(field, centre, todo), full, beam_area)

    if todo.kernel is not None:
        before = None if noise is None else measured()[0]
        field = smooth(field, todo.kernel) * np.float32(todo.gain)
        found.add(flag.SMOOTHED)
        if before:
            growth = measured()[0] / before
    half = (IMAGE_SIZE - 1) / 2
    first = (centre[0] - half * todo.step[0], centre[1] - half * todo.step[1])
    frame = regrid(field, first, todo.step, IMAGE_SIZE)
    if noise is None:
        noise, certain = measured()
        sigma = noise
        found |= set() if certain else {flag.NOISE_UNCERTAIN}
    elif isinstance(noise, np.ndarray):
        sigma = regrid(noise, first, todo.step, IMAGE_SIZE) * np.float32(growth)
        noise = noise * np.float32(growth)
    else:
        noise = sigma = noise * growth
    origin = (first[0] + lows[0], first[1] + lows[1])
    return Frame(frame, sigma, origin, field, noise, first, todo.step, frozenset(found))


def _without_margin(field: np.ndarray, centre: tuple[float, float], todo: FramePlan) -> np.ndarray:
    """Return the part of a map that 300 x 300 pixels of the new grid cover."""
    bounds = []
    for middle, step in zip(centre, todo.step, strict=True):
        reach = FIELD_SIZE / 2 * step
        bounds.append(slice(max(math.ceil(middle - reach), 0), max(math.floor(middle + reach), 0)))
    return field[bounds[1], bounds[0]]


def window(field: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Return (height, width) pixels of a map from (`left`, `top`); NaN beyond its edge."""
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
