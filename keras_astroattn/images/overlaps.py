"""Sources of a map that was searched in overlapping windows: each once, and none lost.

Two windows can divide the same islands differently, because each has its own noise and counts its
own neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SeenSource:
    """A source as one window shows it.

    Attributes:
        window: number of the window.
        home: number of the window whose inner part holds its brightest pixel.
        pixels: (n,) int64 numbers of its pixels on the map.
        brightest: number of its brightest pixel.
        peak: signal-to-noise ratio of this pixel.
    """

    window: int
    home: int
    pixels: np.ndarray
    brightest: int
    peak: float


def reconcile(seen: Sequence[SeenSource]) -> dict[int, bool]:
    """Return the sources of a map among those that its windows show.

    A source is that of its home. It is left out if its brightest pixel belongs to a brighter one
    of another window, which has linked it. A source that its home has linked to a brighter one,
    whose own home has not, would be nowhere: it is taken from the window that shows it alone.
    The two are then doubtful.

    Args:
        seen: the sources of all windows, with those in the overlaps.

    Returns:
        Places in `seen` of the sources, and whether the windows disagree on them.
    """
    holders = _Holders(seen)
    order = sorted(range(len(seen)), key=lambda n: (seen[n].window != seen[n].home, -seen[n].peak))
    found: dict[int, bool] = {}
    for number in order:
        one = seen[number]
        holding = holders.of(one.brightest)
        if any(other in found for other in holding):
            continue
        if one.window == one.home:
            found[number] = False
            continue
        # Without a source of its home there, it is no source by the noise of its home.
        for linked in (other for other in holding if seen[other].window == one.home):
            found[number] = True
            partners = holders.of(seen[linked].brightest)
            found |= {other: True for other in partners if other in found}
    return found


class _Holders:
    """The sources that hold a pixel."""

    def __init__(self, seen: Sequence[SeenSource]):
        sizes = [len(one.pixels) for one in seen]
        pixels = np.concatenate([one.pixels for one in seen]) if seen else np.empty(0, np.int64)
        order = np.argsort(pixels, kind="stable")
        self._pixels, self._sources = pixels[order], np.repeat(np.arange(len(seen)), sizes)[order]

    def of(self, pixel: int) -> list[int]:
        first, behind = np.searchsorted(self._pixels, [pixel, pixel + 1])
        return self._sources[first:behind].tolist()
