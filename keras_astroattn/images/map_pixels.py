"""Read sections of a map's pixels in the fastest way that its file allows."""

import math
import os
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from keras_astroattn.errors import InputError

from .beam import PIXELS_PER_BEAM
from .conventions import FIELD_SIZE
from .fits_file import HduHeader
from .map_planes import Planes
from .tile_cache import TileCache

_BLOCK_ROWS = 1024
_LONG_ROW = 2**14  # bytes: shorter rows are read whole
_FINEST = 9  # pixels a beam: finer maps are averaged in blocks while reading
_FLOATS = {-32: ">f4", -64: ">f8"}
_SCALED = {16: ">i2"}  # integers that are scaled in float32, as astropy does


class MapPixels:
    """Reader of sections of one plane of an image.

    Args:
        file: open, unpacked file.
        header: header of the HDU.
        planes: the plane that is the map.
        open_hdu: function that opens the HDU with astropy, for pixels that must be converted.
        in_memory: whether the file has no file descriptor of its own.
    """

    def __init__(
        self,
        file: BinaryIO,
        header: HduHeader,
        planes: Planes,
        open_hdu: Callable[[], object],
        in_memory: bool,
    ):
        self._file, self._header, self._planes, self._open = file, header, planes, open_hdu
        self._hdu = None
        self._plain = None if in_memory else self._as_stored()
        self._pixels = self._reader()

    def close(self) -> None:
        """Free the pixels: reference cycles are not freed at once."""
        self._pixels = self._open = self._hdu = None

    def section(self, rows: slice, columns: slice) -> np.ndarray:
        """Return the pixels of two slices.

        Args:
            rows: slice of rows on the map.
            columns: slice of columns on the map.

        Returns:
            (height, width) float32.

        Raises:
            InputError: The file is cut short.
        """
        return self._pixels(rows, columns).astype(np.float32, copy=False)

    def blocks(self, low: list[int], high: list[int], block: int) -> np.ndarray:
        """Return pixels [low, high), averaged in blocks.

        Args:
            low: (x, y) of the first pixel.
            high: (x, y) after the last pixel.
            block: pixels of a block along each axis.

        Returns:
            (height, width) float32.

        Raises:
            InputError: There is no whole block, or the file is truncated.
        """
        width, height = ((b - a) // block * block for a, b in zip(low, high, strict=True))
        if width <= 0 or height <= 0:
            raise InputError("almost all of the frame is outside the map here")
        rows = max(_BLOCK_ROWS // block, 1) * block
        parts = []
        for top in range(low[1], low[1] + height, rows):
            bottom = min(top + rows, low[1] + height)
            part = self.section(slice(top, bottom), slice(low[0], low[0] + width))
            if block > 1:
                part = in_blocks(part, ((bottom - top) // block, width // block), block)
            parts.append(part)
        return np.concatenate(parts) if parts[1:] else parts[0]

    def _reader(self) -> Callable[[slice, slice], np.ndarray]:
        planes = self._planes
        if self._header.is_compressed_image:
            tile = self._header.tile_shape[::-1]
            block = [tile[axis] for axis in (planes.row_axis, planes.column_axis)]
            return TileCache(self._converted, planes.shape, block).section
        if self._plain is None:
            return self._converted
        if math.prod(planes.shape) <= FIELD_SIZE**2:  # a map of one source needs no cache
            return self._stored
        if planes.shape[1] * self._plain[0].itemsize > _LONG_ROW:
            return self._stored
        return TileCache(self._stored, planes.shape, (1, planes.shape[1])).section

    def _converted(self, rows: slice, columns: slice) -> np.ndarray:
        """Return the pixels through astropy: decompressed, scaled, of any plane."""
        if self._hdu is None:
            self._hdu = self._open()
        planes = self._planes
        index: list = list(planes.index)
        index[planes.row_axis], index[planes.column_axis] = rows, columns
        values = np.asarray(self._hdu.section[tuple(index)])
        if planes.row_axis > planes.column_axis:
            values = values.T
        if values.shape != (rows.stop - rows.start, columns.stop - columns.start):
            raise InputError("the file is truncated: fetch it again")
        return values

    def _as_stored(self) -> tuple[np.dtype, int] | None:
        """Return dtype and offset of the plane's first pixel if it is not converted by astropy."""
        header, planes = self._header, self._planes
        axes, bits = len(planes.index), header.values["BITPIX"]
        is_scaled = not {"BSCALE", "BZERO"}.isdisjoint(header.values)
        kinds = _SCALED if is_scaled else _FLOATS
        if (
            header.is_compressed_image
            or bits not in kinds
            or (is_scaled and not self._is_simply_scaled())
            or (planes.row_axis, planes.column_axis) != (axes - 2, axes - 1)
        ):
            return None
        kind = np.dtype(kinds[bits])
        plane = 0
        for number, extent in zip(planes.index[:-2], header.shape[:1:-1], strict=True):
            plane = plane * extent + number
        return kind, header.data_start + plane * math.prod(planes.shape) * kind.itemsize

    def _is_simply_scaled(self) -> bool:
        """Return whether all integers are brightness: BSCALE v + BZERO, without a BLANK."""
        values = self._header.values
        stated = [values.get(key, 0.0) for key in ("BSCALE", "BZERO")]
        is_number = all(isinstance(value, float) and math.isfinite(value) for value in stated)
        return is_number and "BLANK" not in values

    def _stored(self, rows: slice, columns: slice) -> np.ndarray:
        """Return pixels read directly from the file.

        astropy makes an array of every row, which takes 5 ms for a cutout. The file is not
        memory-mapped, because a file that is cut short meanwhile would end the process.
        """
        kind, start = self._plain
        width, height = columns.stop - columns.start, rows.stop - rows.start
        pace, length = self._planes.shape[1] * kind.itemsize, width * kind.itemsize
        first = start + rows.start * pace + columns.start * kind.itemsize
        descriptor = self._file.fileno()
        if length == pace:
            content = os.pread(descriptor, height * length, first)
        else:
            parts = [os.pread(descriptor, length, first + row * pace) for row in range(height)]
            content = b"".join(parts)
        if len(content) != height * length:
            raise InputError("the file is truncated: fetch it again")
        values = np.frombuffer(content, kind).reshape(height, width)
        return values if kind.kind == "f" else self._scaled(values)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        """Return BSCALE v + BZERO in float32, rounded as by astropy."""
        scaled = values.astype(np.float32)
        scaled *= self._header.values.get("BSCALE", 1.0)
        scaled += self._header.values.get("BZERO", 0.0)
        return scaled


def block_size(step: tuple[float, float] | None) -> int:
    """Return the number of pixels to average along each axis while reading.

    A map with a hundred pixels a beam would need gigabytes around one source. Blocks of a ninth
    of the target beam widen it by 0.3 %.

    Args:
        step: (x, y) distance of the network's pixels, in pixels of the map; None: equal.
    """
    return 1 if step is None else max(int(min(step) * PIXELS_PER_BEAM / _FINEST), 1)


def in_blocks(values: np.ndarray, shape: tuple[int, int], block: int) -> np.ndarray:
    """Return the means of blocks of pixels.

    Args:
        values: (height, width) pixels.
        shape: number of blocks along the axes.
        block: pixels of a block along each axis.
    """
    rows, columns = (extent * block for extent in shape)
    whole = values[:rows, :columns]
    return whole.reshape(shape[0], block, shape[1], block).mean(axis=(1, 3))
