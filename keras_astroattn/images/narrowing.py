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
from .widening import LEAST_SIZE, is_about_position, widened

ENOUGH_BEAMS = 5.0
"""Size of a source, in beams, from which no narrower beam is tried."""

MOST_SHRINKING = 0.75
"""Beams of the wider frame by which a source may be smaller in the narrower one: a bright source of
about one beam looks longer than it is by as much. Larger sources may shrink to `LEAST_SIZE`."""

FARTHEST_CENTROID = 0.5
"""Largest distance between the centroids of the source in both frames, beams of the wider one."""

_NOT_NARROWED = (  # first frame
    flag.BEYOND_FRAME,
    flag.INCOMPLETE,
    flag.NO_BEAM,
    flag.NO_WCS,
    flag.NOISE_UNCERTAIN,
    flag.OUTER_LOBES,
    flag.UNDERSAMPLED,
    flag.WIDER_BEAM,
)
_NOT_SHOWN = (
    flag.BEYOND_FRAME,
    flag.INCOMPLETE,
    flag.NOISE_UNCERTAIN,
    flag.OUTER_LOBES,
)  # narrower


def narrowed(
    cut: Callable[[float], Cutout], beam: Beam | None, centre: Centre = "source"
) -> Cutout:
    """Return a source with the widest beam that shows enough of it.

    The source is that of `widening.widened`. If it is smaller than `ENOUGH_BEAMS` and the map has
    a finer beam, narrower beams are tried (`beam.narrowings`), until it is as large. A narrower
    frame is used only if it holds the same source (`_is_same`). If there is no source at the
    position, the first narrower frame with one at the position is used.

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
        if _is_there(found) and found.size_in_beams >= ENOUGH_BEAMS:
            break
        try:
            finer = cut(factor)
        except InputError:  # the map is blank nearer to the source
            break
        if not set(_NOT_SHOWN).isdisjoint(finer.flags):
            break
        is_near = {flag.NO_SOURCE, flag.OFF_CENTRE}.isdisjoint(finer.flags)
        if not _is_there(found):
            found = finer if is_near else found
        elif is_near and _is_same(finer, found):
            found = finer
        else:
            break
    return found


def _is_there(cutout: Cutout) -> bool:
    """Return whether there is a source near the position, or about it."""
    if flag.NO_SOURCE in cutout.flags:
        return False
    return flag.OFF_CENTRE not in cutout.flags or is_about_position(cutout)


def _is_same(finer: Cutout, wider: Cutout) -> bool:
    """Return whether a narrower frame holds the same source.

    It does if the source is about as large as in the wider one (`LEAST_SIZE`, `MOST_SHRINKING`)
    and at the same place (`FARTHEST_CENTROID`).
    """
    beam, size = wider.beam.mean, wider.largest_angular_size
    least = min(LEAST_SIZE * size, size - MOST_SHRINKING * beam)
    apart = math.dist(_from_position(finer), _from_position(wider))
    return finer.largest_angular_size >= least and apart <= FARTHEST_CENTROID * beam


def _from_position(cutout: Cutout) -> list[float]:
    """Return (x, y) of the flux centroid from the stated position, arcsec."""
    pairs = zip(cutout.centroid, cutout.stated, strict=True)
    return [(c - s) * cutout.pixel_scale for c, s in pairs]
