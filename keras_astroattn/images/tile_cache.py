"""Cache of the pixels of a map, so that near sources share one read."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

_SMALLEST_SIDE = 64  # pixels of a tile's height and width
_LARGEST_CACHE = 48 * 2**20  # bytes


class TileCache:
    """Reader of a map in rectangular tiles that keeps the last used tiles (48 MiB).

    A tile consists of whole blocks of the file.

    Args:
        read: function of two slices (rows, columns) that returns those pixels.
        shape: (height, width) of the map, pixels.
        block: (height, width) of a stored block, pixels: a compressed block, or one row.
    """

    def __init__(
        self,
        read: Callable[[slice, slice], np.ndarray],
        shape: tuple[int, int],
        block: Sequence[int],
    ):
        self._read, self._shape = read, shape
        self._size = [math.ceil(_SMALLEST_SIDE / extent) * extent for extent in block]
        self._tiles: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._bytes = 0

    def section(self, rows: slice, columns: slice) -> np.ndarray:
        """Return the (height, width) float32 pixels of two slices that lie on the map."""
        wanted = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        height, width = self._size
        for row in range(rows.start // height, (rows.stop - 1) // height + 1):
            of_tile, of_wanted = _overlap(rows, row * height, height)
            for column in range(columns.start // width, (columns.stop - 1) // width + 1):
                across, over = _overlap(columns, column * width, width)
                wanted[of_wanted, over] = self._tile(row, column)[of_tile, across]
        return wanted

    def _tile(self, row: int, column: int) -> np.ndarray:
        if (row, column) not in self._tiles:
            slices = [
                slice(number * size, min((number + 1) * size, extent))
                for number, size, extent in zip((row, column), self._size, self._shape, strict=True)
            ]
            self._tiles[row, column] = tile = self._read(*slices).astype(np.float32)
            self._bytes += tile.nbytes
            while self._bytes > _LARGEST_CACHE and len(self._tiles) > 1:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        self._tiles.move_to_end((row, column))
        return self._tiles[row, column]


def _overlap(wanted: slice, start: int, size: int) -> tuple[slice, slice]:
    """Return the slice of a tile, and the slice of `wanted`, that they have in common."""
    low, high = max(wanted.start, start), min(wanted.stop, start + size)
    return slice(low - start, high - start), slice(low - wanted.start, high - wanted.start)
