"""Wider views of a source that is larger than the frame.

A network knows its sources by beams, because every map is shown with three pixels a beam. A source
of 80 beams is larger than the frame, which shows 50. A beam twice as wide would show it with 40
beams, as many as sources of the training have. So the map is smoothed to that beam, and cut again.
"""

from collections.abc import Callable
from dataclasses import replace

from keras_astroattn.errors import InputError

from . import flags as flag
from .conventions import IMAGE_SIZE
from .cutout import Cutout
from .recentring import Centre

WIDENINGS = (2, 4)
"""Factors by which beam and pixels are widened, in this order, until the frame holds the source."""

LEAST_SIZE = 0.75
"""Least size on the wider view, in units of that in the first frame, of which the source reaches
the edge: a smaller one is another source, or a part of it. If lobes lie beyond the first frame, it
is the least size of the certain part, in units of the whole source and of half the first frame."""

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

    If the source reaches the edge of the frame, or has lobes beyond it (flag `outer_lobes`), the
    map is shown with twice the beam and twice the pixels, then with four times. The first of these
    frames that holds the source is flagged `wider_beam`. If none does, if the source is
    `incomplete` in the wider frame, if the noise there is not certain, or if the source is too
    small there (`LEAST_SIZE`), the first frame is returned.

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
        or not exceeds_frame(first)
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
        if not exceeds_frame(wide):
            flags = tuple(sorted({*wide.flags, flag.WIDER_BEAM}))
            return replace(wide, flags=flags) if _is_same(first, wide) else first
    return first


def exceeds_frame(cutout: Cutout) -> bool:
    """Return whether a source reaches the edge of the frame, or has lobes beyond it."""
    return not {flag.BEYOND_FRAME, flag.OUTER_LOBES}.isdisjoint(cutout.flags)


def _is_same(first: Cutout, wide: Cutout) -> bool:
    """Return whether a wider frame shows the source that exceeds the first one, not a part."""
    if flag.OUTER_LOBES not in first.flags:
        return wide.largest_angular_size >= LEAST_SIZE * first.largest_angular_size
    # Two neighbours on opposite sides look like lobes, but seldom are certain parts of the source.
    least = max(wide.largest_angular_size, IMAGE_SIZE / 2 * first.pixel_scale)
    return wide.certain_size >= LEAST_SIZE * least
