"""Move the frame of a source from its stated position to the flux centroid of its emission.

A catalogue's position can be that of the brightest component, of the host galaxy, or wrong by some
arcseconds, and the network's answer depends on it. The frame is moved by whole pixels of the map:
then it holds the map's own pixels, whose noise is not changed by an interpolation, and the same
source has the same pixels wherever its stated position is.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal, TypeVar, get_args

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import PIXELS_PER_BEAM
from .conventions import IMAGE_SIZE

Centre = Literal["source", "position"]
"""Where the middle of a frame lies: at the source found near the position, or at the position."""

FARTHEST = 20.0
"""Largest distance of the frame's middle from the stated position, pixels of the frame."""

_Cutout = TypeVar("_Cutout")  # `Cutout`, whose module imports this one

ROUNDS = 3
"""Largest number of moves: a moved frame can show more of the source."""


def require_centre(centre: str) -> Centre:
    """Return the name of a centre; refuse any other text.

    Raises:
        InputError: It is neither "source" nor "position".
    """
    if centre not in get_args(Centre):
        raise InputError(f"centre {centre!r} is unknown: give {' or '.join(get_args(Centre))}")
    return centre


def recentred(
    cut: Callable[[tuple[float, float]], _Cutout],
    look: Callable[[tuple[float, float]], tuple[float, float] | None],
    centre: tuple[float, float],
    step: tuple[float, float],
    shape: tuple[int, int],
) -> _Cutout:
    """Return the cutout about the flux centroid of the source.

    The frame stays at its position if no source is found, if the centroid is over 20 pixels away,
    or if the moved frame would reach further beyond the map. A cutout that was moved by more than
    3 pixels (a beam) is flagged `recentred`.

    Args:
        cut: function that cuts the frame about (x, y), pixels of the map.
        look: function that only finds the source there: (x, y) of its flux, pixels of the map;
            None without a source.
        centre: (x, y) of the stated position, pixels of the map counted from 0.
        step: (x, y) distance of the frame's pixels, pixels of the map.
        shape: (height, width) of the map, pixels.

    Returns:
        The cutout, with its `offset`.
    """
    start, place, found, source = centre, centre, None, look(centre)
    for _ in range(ROUNDS):
        if source is None:
            break
        wanted = _whole(source)
        if wanted == place:
            break
        moved = math.hypot(*((w - p) / s for w, p, s in zip(wanted, start, step, strict=True)))
        if moved > FARTHEST or _outside(wanted, step, shape) > _outside(start, step, shape):
            return cut(start)
        place, found = wanted, cut(wanted)
        source = None if flag.NO_SOURCE in found.flags else on_map(found.centroid, place, step)
    found = cut(start) if found is None else found
    distance = math.hypot(*((p - q) / s for p, q, s in zip(place, start, step, strict=True)))
    flags = {flag.RECENTRED} if distance > PIXELS_PER_BEAM else set()
    return dataclasses.replace(
        found,
        offset=distance * found.pixel_scale,
        flags=tuple(sorted({*found.flags, *flags})),
    )


def on_map(
    offset: tuple[float, float], middle: tuple[float, float], step: tuple[float, float]
) -> tuple[float, float]:
    """Return (x, y) on the map of a place in a frame.

    Args:
        offset: (x, y) from the middle of the frame, pixels of the frame.
        middle: (x, y) of the middle of the frame, pixels of the map.
        step: (x, y) distance of the frame's pixels, pixels of the map.
    """
    return middle[0] + offset[0] * step[0], middle[1] + offset[1] * step[1]


def _whole(place: tuple[float, ...]) -> tuple[float, ...]:
    """Return a place midway between pixels: then the middle of an even frame lies there."""
    return tuple(math.floor(p) + 0.5 for p in place)


def _outside(place: tuple[float, ...], step: tuple[float, float], shape: tuple[int, int]) -> float:
    """Return how far the frame reaches beyond the map, summed over its sides, pixels."""
    half = [IMAGE_SIZE / 2 * s for s in step]
    beyond = 0.0
    for p, h, extent in zip(place, half, shape[::-1], strict=True):
        beyond += max(h - 0.5 - p, 0.0) + max(p + h - extent + 0.5, 0.0)
    return beyond
