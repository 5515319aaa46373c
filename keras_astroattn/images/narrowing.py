"""Narrower views of a source that is small on a map with a finer beam than FIRST's.

Such a map is smoothed to 5.4 arcsec, where a source of 10 arcsec is two beams long: too small to
show its class. With the map's own beam of 2.5 arcsec it is four beams long, and the network knows
its sources by beams. The widest beam that shows enough of them is taken, not the finest: a large
source loses faint emission with a finer beam, and its core alone may be left in the frame.
"""

import math
from collections.abc import Callable

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam, narrowings
from .cutout import Cutout
from .recentring import Centre
from .widening import LEAST_SIZE, widened

ENOUGH_BEAMS = 5.0
"""Size of a source, in beams, from which no narrower beam is tried."""

_NOT_NARROWED = (  # first frame
    flag.BEYOND_FRAME,
    flag.INCOMPLETE,
    flag.NO_BEAM,
    flag.NO_WCS,
    flag.NOISE_UNCERTAIN,
    flag.OFF_CENTRE,
    flag.OUTER_LOBES,
    flag.UNDERSAMPLED,
    flag.WIDER_BEAM,
)
_NOT_SHOWN = (  # narrower frame
    flag.BEYOND_FRAME,
    flag.INCOMPLETE,
    flag.NOISE_UNCERTAIN,
    flag.OFF_CENTRE,
    flag.OUTER_LOBES,
)


def narrowed(
    cut: Callable[[float], Cutout], beam: Beam | None, centre: Centre = "source"
) -> Cutout:
    """Return a source with the widest beam that shows enough of it.

    The source is that of `widening.widened`. If it is smaller than `ENOUGH_BEAMS` and the map has
    a finer beam, narrower beams are tried (`beam.narrowings`), until it is as large. A narrower
    frame is used only if it holds the same source (`_is_same`) for certain.

    Args:
        cut: function that cuts the frame about the source, of which beam and pixels are widened
            by a factor (`frame.plan`).
        beam: beam of the map; None if it is unknown, or must not be changed.
        centre: middle of the frame. A frame at the position is never narrowed.

    Returns:
        The source.

    Raises:
        InputError: The first frame cannot be cut.
    """
    found = widened(cut, centre)
    if beam is None or centre == "position" or not set(_NOT_NARROWED).isdisjoint(found.flags):
        return found
    for factor in narrowings(beam):
        if found.size_in_beams >= ENOUGH_BEAMS:
            break
        try:
            finer = cut(factor)
        except InputError:  # the map is blank nearer to the source
            break
        if not set(_NOT_SHOWN).isdisjoint(finer.flags) or not _is_same(finer, found):
            break
        found = finer
    return found


def _is_same(finer: Cutout, wider: Cutout) -> bool:
    """Return whether a narrower frame holds the same source.

    It does if its size is at least `LEAST_SIZE` of that in the wider one, and its centroid at most
    one of the wider beams away. A frame without a source has none of another source.
    """
    if flag.NO_SOURCE in wider.flags:
        return True
    if flag.NO_SOURCE in finer.flags:
        return False
    apart = math.dist(_from_position(finer), _from_position(wider))
    is_whole = finer.largest_angular_size >= LEAST_SIZE * wider.largest_angular_size
    return is_whole and apart <= wider.beam.mean


def _from_position(cutout: Cutout) -> list[float]:
    """Return (x, y) of the flux centroid from the stated position, arcsec."""
    pairs = zip(cutout.centroid, cutout.stated, strict=True)
    return [(c - s) * cutout.pixel_scale for c, s in pairs]
