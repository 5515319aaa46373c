"""Wider views of a source that is larger than the frame.

A network knows its sources by beams, because every map is shown with three pixels a beam. A source
of 80 beams is larger than the frame, which shows 50. A beam twice as wide would show it with 40
beams, as many as sources of the training have. So the map is smoothed to that beam, and cut again.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import PIXELS_PER_BEAM
from .conventions import IMAGE_SIZE
from .cutout import Cutout
from .recentring import Centre

WIDENINGS = (2, 4)
"""Factors by which beam and pixels are widened, in this order, until the frame holds the source."""

LEAST_SIZE = 0.75
"""Least size on the wider view, in units of that in the first frame, of which the source reaches
the edge: a smaller one is another source, or a part of it."""

LARGEST_OFFSET = 1.4
"""Largest distance of the position from the flux centroid of the source on the wider view, in units
of the standard deviation of its flux in that direction. A galaxy has jets on both sides of its
core; a source that lies elsewhere is another galaxy, or holds one."""

LARGEST_CONFUSED_OFFSET = 1.2
"""The same for a source that is `confused` there."""

_NOT_WIDENED = (  # first frame; what is off its centre may be another source than that asked for
    flag.INCOMPLETE,
    flag.NO_BEAM,
    flag.NO_WCS,
    flag.NOISE_UNCERTAIN,
    flag.OFF_CENTRE,
)
_NOT_SHOWN = (flag.INCOMPLETE, flag.NO_SOURCE, flag.NOISE_UNCERTAIN)  # wider frame


def widened(cut: Callable[[int], Cutout], centre: Centre = "source") -> Cutout:
    """Return a source in the first frame that holds it.

    If the source reaches the edge of the frame, the map is shown with twice the beam and twice the
    pixels, then with four times. The first of these frames that holds the source is flagged
    `wider_beam`. If none does, if the source is `incomplete` in the wider frame, if the noise there
    is not certain, if the source is smaller there (`LEAST_SIZE`), or if it does not lie about the
    position (`is_about_position`), the first frame is returned.

    Islands beyond the first frame that may be lobes (flag `outer_lobes`) are no reason for a wider
    one: where other extended sources are near, half of the classes of such frames are wrong.

    Args:
        cut: function that cuts the frame about the source, of which beam and pixels are widened
            by a factor (`frame.plan`).
        centre: middle of the frame. A frame at the position is never widened: the source that is
            shown there may be another than that at the position.

    Returns:
        The source.

    Raises:
        InputError: The first frame cannot be cut.
    """
    first = cut(1)
    if (
        centre == "position"
        or flag.BEYOND_FRAME not in first.flags
        or not set(_NOT_WIDENED).isdisjoint(first.flags)
    ):
        return first
    for factor in WIDENINGS:
        try:
            wide = cut(factor)
        except InputError:  # axes that are not at right angles: the map cannot be regridded
            return first
        if not set(_NOT_SHOWN).isdisjoint(wide.flags):
            return first
        if {flag.BEYOND_FRAME, flag.OUTER_LOBES}.isdisjoint(wide.flags):
            is_same = wide.largest_angular_size >= LEAST_SIZE * first.largest_angular_size
            is_same = is_same and is_about_position(wide)
            flags = tuple(sorted({*wide.flags, flag.WIDER_BEAM}))
            return replace(wide, flags=flags) if is_same else first
    return first


def is_about_position(cutout: Cutout) -> bool:
    """Return whether a source lies about the position that was asked for.

    It does if the distance d from the flux centroid to the position, in units of the covariance C
    of its flux, is small: d' C^-1 d <= `LARGEST_OFFSET`^2, with `LARGEST_CONFUSED_OFFSET` if the
    source is `confused`. If it is not, the position may also lie within a beam (three pixels) of
    its brightest pixel, because the core of a head-tail source lies at its end.

    Args:
        cutout: a source of a frame with a beam.
    """
    offset = np.subtract(cutout.stated, cutout.centroid)
    distance = math.sqrt(offset @ np.linalg.inv(cutout.covariance) @ offset)
    if flag.CONFUSED in cutout.flags:
        return distance <= LARGEST_CONFUSED_OFFSET
    if distance <= LARGEST_OFFSET:
        return True
    rows, columns = np.nonzero(cutout.source_mask)
    brightness = cutout.brightness[rows, columns]
    middle = (IMAGE_SIZE - 1) / 2
    distances = np.hypot(columns - middle - cutout.stated[0], rows - middle - cutout.stated[1])
    return bool(distances[brightness.argmax()] <= PIXELS_PER_BEAM)
