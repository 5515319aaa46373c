"""FITS tables as Arrow, some rows at a time."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from keras_astroattn.errors import InputError
from keras_astroattn.images.quiet import quiet

_ROWS = 65536
_ELEMENTS = {
    "L": pa.bool_(), "A": pa.string(), "B": pa.uint8(), "I": pa.int16(), "J": pa.int32(),
    "K": pa.int64(), "E": pa.float32(), "D": pa.float64(),
}  # fmt: skip


class FitsReader:
    """Reads the first table of a FITS file.

    Integers that equal the column's TNULL are nulls, padding of text is taken off, vectors
    are lists.
    """

    def __init__(self, path: Path):
        self._path = path
        with _open_table(path) as table:
            self.rows = int(table.header["NAXIS2"])
            self._names = list(table.columns.names)
            part = table.data[: min(self.rows, 1)]
            arrays = [_as_arrow(part, table.columns[name]) for name in self._names]
            self.schema = pa.schema(
                [
                    pa.field(name, array.type, metadata=_notes(table, name, number))
                    for number, (name, array) in enumerate(
                        zip(self._names, arrays, strict=True), start=1
                    )
                ]
            )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in order."""
        for start in range(0, self.rows, _ROWS):
            # Opened anew each time: pages of a mapped file count as memory of this process
            # until it is closed.
            with _open_table(self._path) as table:
                part = table.data[start : start + _ROWS]
                arrays = [
                    _as_arrow(part, table.columns[name]).cast(kind)
                    for name, kind in zip(self._names, self.schema.types, strict=True)
                ]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


@contextlib.contextmanager
def _open_table(path: Path) -> Iterator:
    """The first table HDU of a file."""
    from astropy.io import fits

    # Opened here, because astropy leaves a broken file open.
    with quiet(), open(path, "rb") as file:
        try:
            with fits.open(file, memmap=True) as hdus:
                tables = [h for h in hdus if isinstance(h, fits.BinTableHDU | fits.TableHDU)]
                tables = [h for h in tables if not isinstance(h, fits.CompImageHDU)]
                if not tables:
                    raise InputError(f"catalogue {path} holds no table")
                yield tables[0]
        except InputError:
            raise
        except Exception as error:  # astropy raises a dozen kinds for broken files
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"catalogue {path} cannot be read as FITS: {reason}") from None


def _notes(table, name: str, number: int) -> dict[str, str]:
    notes = {
        "unit": table.columns[name].unit,
        "description": table.header.get(f"TCOMM{number}"),
    }
    return {key: str(value) for key, value in notes.items() if value}


def _as_arrow(part, column) -> pa.Array:
    values = part.field(column.name)
    if isinstance(values, np.ndarray) and values.dtype.kind in "SU":
        if values.ndim > 1:
            return pa.array([[_text(v) for v in row] for row in values.tolist()], _texts())
        return pa.array([_text(value) for value in values.tolist()], pa.string())
    if values.dtype.kind == "O":  # of variable length
        element = _ELEMENTS[re.search(r"[PQ]([A-Z])", str(column.format))[1]]
        return pa.array([np.asarray(v).tolist() for v in values], pa.list_(element))
    if values.dtype.kind == "c":
        values = np.stack([values.real, values.imag], axis=-1)
    native = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if native.ndim > 1:
        flat = native.reshape(len(native), -1)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
    return pa.array(native, mask=_nulls(native, column))


def _texts() -> pa.DataType:
    return pa.list_(pa.string())


def _text(value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return text.rstrip(" \0")


def _nulls(values: np.ndarray, column) -> np.ndarray | None:
    if column.null in (None, "") or values.dtype.kind not in "iu":
        return None
    try:
        stored = int(column.null)
    except ValueError:
        return None
    return values == stored + int(column.bzero or 0)
