"""Pixels of a map that are read, or unpacked, once for all sources near one another."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

_LEAST = 64  # pixels of a cell's height and width
_MOST_BYTES = 48 * 2**20


class Cells:
    """Reads sections of a map in cells that blocks of it fill, and keeps the latest.

    Args:
        read: Gives the (height, width) pixels of two slices, of rows and of columns.
        shape: (height, width) of the map.
        block: (height, width) of what is best read whole: what is compressed as one, say.
    """

    def __init__(
        self,
        read: Callable[[slice, slice], np.ndarray],
        shape: tuple[int, int],
        block: Sequence[int],
    ):
        self._read, self._shape = read, shape
        self._size = [math.ceil(_LEAST / extent) * extent for extent in block]
        self._kept: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._bytes = 0

    def section(self, rows: slice, columns: slice) -> np.ndarray:
        """(height, width) pixels of two slices that lie on the map, float32."""
        wanted = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        height, width = self._size
        for row in range(rows.start // height, (rows.stop - 1) // height + 1):
            of_cell, of_wanted = _overlap(rows, row * height, height)
            for column in range(columns.start // width, (columns.stop - 1) // width + 1):
                across, over = _overlap(columns, column * width, width)
                wanted[of_wanted, over] = self._cell(row, column)[of_cell, across]
        return wanted

    def _cell(self, row: int, column: int) -> np.ndarray:
        if (row, column) not in self._kept:
            slices = [
                slice(number * size, min((number + 1) * size, extent))
                for number, size, extent in zip((row, column), self._size, self._shape, strict=True)
            ]
            self._kept[row, column] = cell = self._read(*slices).astype(np.float32)
            self._bytes += cell.nbytes
            while self._bytes > _MOST_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        self._kept.move_to_end((row, column))
        return self._kept[row, column]


def _overlap(wanted: slice, start: int, size: int) -> tuple[slice, slice]:
    """What `wanted` takes of a cell: a slice of the cell, and one of what is wanted."""
    low, high = max(wanted.start, start), min(wanted.stop, start + size)
    return slice(low - start, high - start), slice(low - wanted.start, high - wanted.start)
