"""The frame that the network sees, cut from a map: its beam, its pixel grid and its noise."""

import math
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam, target_beam, target_scale
from .conventions import FIELD_SIZE, IMAGE_SIZE, PIXEL_SCALE
from .resampling import regrid, smooth, smoothing_margin
from .sky_noise import measure_sky_noise

SAME_SCALE = 0.01
"""Pixel scales that differ by no more than this share are the same."""

_MARGIN = (FIELD_SIZE - IMAGE_SIZE) // 2


@dataclass(frozen=True, eq=False)
class Frame:
    """What is cut from a map.

    Attributes:
        brightness: (150, 150) float32, NaN where it is not known.
        noise: of it, one figure or (150, 150).
        origin: (x, y) of its first pixel in pixels of the map.
        flags: that follow from how it was cut.
    """

    brightness: np.ndarray
    noise: float | np.ndarray
    origin: tuple[float, float]
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What has to be done to a map before the network sees it.

    Attributes:
        beam: the beam afterwards; None where it is not known.
        step: (x, y) distance of the frame's pixels, in pixels of the map; None: the
            map's own pixels are used.
        kernel: (2, 2) covariance of the Gaussian to smooth with, pixels^2; None: none.
        gain: beam area afterwards over before, by which Jy/beam grow.
        pixel_scale: of the frame, arcsec.
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
        beam: the map's beam; None where it is not known: then nothing is done.
        as_is: leave the beam alone (FIRST, whose beam the network knows by definition).

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


def native_frame(
    field: np.ndarray,
    centre: tuple[float, float],
    noise: float | np.ndarray | None,
    beam_area: float,
) -> Frame:
    """Return the frame on the map's own pixels.

    Args:
        field: (height, width) float32 map; NaN is unknown.
        centre: (x, y) of the source.
        noise: of the map, a figure or a map; None: measured on 300 x 300 pixels.
        beam_area: pixels in a beam.
    """
    # The source falls between pixels 149 and 150 of the 300, as in the files of MiraBest.
    left, top = (math.ceil(c - FIELD_SIZE / 2) for c in centre)
    found = frozenset()
    if noise is None:
        around = window(field, left, top, FIELD_SIZE, FIELD_SIZE)
        sigma, certain = measure_sky_noise(around, around.size, beam_area)
        found = frozenset() if certain else frozenset({flag.NOISE_UNCERTAIN})
    left, top = left + _MARGIN, top + _MARGIN
    if isinstance(noise, np.ndarray):
        sigma = window(noise, left, top, IMAGE_SIZE, IMAGE_SIZE)
    elif noise is not None:
        sigma = noise
    brightness = window(field, left, top, IMAGE_SIZE, IMAGE_SIZE)
    return Frame(brightness, sigma, (float(left), float(top)), found)


def regridded_frame(
    field: np.ndarray,
    centre: tuple[float, float],
    noise: float | np.ndarray | None,
    todo: Plan,
    beam_area: float,
) -> Frame:
    """Return the frame on another grid, after smoothing where `todo` says so.

    Args:
        field: as in `native_frame`; so are `centre` and `noise`.
        centre: as there.
        noise: as there.
        todo: what is to be done.
        beam_area: pixels of `field` in the beam of the frame.

    Raises:
        InputError: The source lies outside the map.
    """
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
    origin = (centre[0] - half * todo.step[0], centre[1] - half * todo.step[1])
    frame = regrid(field, origin, todo.step, IMAGE_SIZE)
    if noise is None:
        sigma, certain = measured()
        found |= set() if certain else {flag.NOISE_UNCERTAIN}
    elif isinstance(noise, np.ndarray):
        sigma = regrid(noise, origin, todo.step, IMAGE_SIZE) * np.float32(growth)
    else:
        sigma = noise * growth
    origin = (origin[0] + lows[0], origin[1] + lows[1])
    return Frame(frame, sigma, origin, frozenset(found))


def _without_margin(field: np.ndarray, centre: tuple[float, float], todo: Plan) -> np.ndarray:
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
