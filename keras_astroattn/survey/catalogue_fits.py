"""Read FITS tables as Arrow, some rows at a time."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from keras_astroattn.errors import InputError
from keras_astroattn.images.fits_file import BLOCK, HduHeader, read_headers
from keras_astroattn.images.quiet import quiet

from .catalogue_file import BATCH_ROWS, CatalogueFile
from .coordinates import stated_frame

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

_BATCH_BYTES = 64 * 2**20
_LARGEST_HEAP = 2**30
_STORED = {"L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8"}
_ELEMENTS = {
    "L": pa.bool_(), "A": pa.string(), "B": pa.uint8(), "I": pa.int16(), "J": pa.int32(),
    "K": pa.int64(), "E": pa.float32(), "D": pa.float64(),
}  # fmt: skip


class FitsReader:
    """Reader of the first table of a FITS file that has rows.

    Integers whose stored value is the column's TNULL are nulls, as are logical values other than
    T and F. Padding of text is removed. Vectors become lists.

    Args:
        file: the file.
    """

    def __init__(self, file: CatalogueFile):
        self._file = file
        with file.opened() as stream, _one_error(file):
            headers = read_headers(stream)
        self._header = _table_of(file, headers)
        self.rows = self._header.whole("NAXIS2")
        self._width = self._header.whole("NAXIS1")
        if not self._header.is_complete:
            raise InputError(f"catalogue {file.path} is truncated: fetch it again")
        with self._table(0, min(self.rows, 1)) as (table, content):
            self.schema = pa.schema(
                [
                    pa.field(
                        name,
                        _as_arrow(table, content, name).type,
                        metadata=_notes(self._header.values, number),
                    )
                    for number, name in enumerate(table.columns.names, start=1)
                ],
                metadata=_frame(headers[0].values, self._header.values),
            )

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, with the given part of the schema's columns."""
        count = max(min(BATCH_ROWS, _BATCH_BYTES // max(self._width, 1)), 1)
        for start in range(0, self.rows, count):
            with self._table(start, min(count, self.rows - start)) as (table, content):
                arrays = [
                    _as_arrow(table, content, field.name).cast(field.type) for field in schema
                ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    @contextlib.contextmanager
    def _table(self, start: int, count: int) -> Iterator[tuple["BinTableHDU", bytes]]:
        """Yield some rows as a table, and as their stored bytes."""
        from astropy.io import fits

        header = self._header
        place = header.data_start + start * self._width
        with self._file.opened() as stream:
            stream.seek(place)
            content = stream.read(count * self._width)
            heap = self._heap(stream)
        cards = [card for card in header.cards if card[:8] not in _SIZES]
        sizes = {"NAXIS2": count, "PCOUNT": len(heap), "GCOUNT": 1}
        at = next(i for i, card in enumerate(cards) if card[:8] == b"NAXIS1  ") + 1
        cards[at:at] = [
            f"{name:8}= {value:>20}".ljust(80).encode() for name, value in sizes.items()
        ]
        text = b"".join([*cards, b"END".ljust(80)])
        data = content + heap
        whole = text + b" " * (-len(text) % BLOCK) + data + b"\0" * (-len(data) % BLOCK)
        with quiet(), _one_error(self._file):
            yield fits.BinTableHDU.fromstring(whole), content

    def _heap(self, stream) -> bytes:
        """Return the content of the columns of variable length."""
        header = self._header
        rows = self.rows * self._width
        gap = header.whole("THEAP", rows) - rows
        size = header.whole("PCOUNT", 0) - gap
        if gap < 0 or size <= 0:
            return b""
        if size > _LARGEST_HEAP:
            raise InputError(
                f"catalogue {self._file.path}: columns of variable length hold "
                f"{size / 2**30:.0f} GiB: remove them"
            )
        stream.seek(header.data_start + rows + gap)
        return stream.read(size)


_SIZES = (b"NAXIS2  ", b"PCOUNT  ", b"GCOUNT  ", b"THEAP   ", b"CHECKSUM", b"DATASUM ")


def _table_of(file: CatalogueFile, headers: list[HduHeader]) -> HduHeader:
    """Return the first table with rows, otherwise the first table."""
    tables = [
        header
        for header in headers
        if str(header.values.get("XTENSION")).strip() in ("BINTABLE", "A3DTABLE", "TABLE")
        and not header.is_compressed_image
    ]
    if not tables:
        raise InputError(f"catalogue {file.path} holds no table")
    return next((table for table in tables if table.values.get("NAXIS2")), tables[0])


@contextlib.contextmanager
def _one_error(file: CatalogueFile) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # astropy raises many types for broken files
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"catalogue {file.path} cannot be read as FITS: {reason}") from None


def _frame(*headers: Mapping) -> dict[str, str] | None:
    """Return the frame that a table states, otherwise that of the primary header."""
    for values in reversed(headers):
        system = values.get("RADESYS", values.get("RADECSYS"))
        frame = stated_frame(system, values.get("EQUINOX"))
        if frame is not None:
            return {"frame": frame}
    return None


def _notes(values: Mapping, number: int) -> dict[str, str]:
    keys = {"unit": "TUNIT", "description": "TCOMM", "ucd": "TUCD"}
    notes = {name: values.get(f"{key}{number}") for name, key in keys.items()}
    return {name: str(value) for name, value in notes.items() if value not in (None, "")}


def _as_arrow(table: "BinTableHDU", content: bytes, name: str) -> pa.Array:
    column = table.columns[name]
    values = table.data.field(name)
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
    return pa.array(native, mask=_nulls(table, content, name))


def _texts() -> pa.DataType:
    return pa.list_(pa.string())


def _text(value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return text.rstrip(" \0")


def _nulls(table: "BinTableHDU", content: bytes, name: str) -> np.ndarray | None:
    """Return the mask of the null values of a column of integers or logicals."""
    column = table.columns[name]
    kind = re.fullmatch(r"1?([LBIJK])", str(column.format))
    if kind is None or not len(table.data) or str(table.header["XTENSION"]).strip() == "TABLE":
        return None
    offset, width = table.columns.dtype.fields[name][1], len(content) // len(table.data)
    stored = np.ndarray(
        (len(table.data),), _STORED[kind[1]], buffer=content, offset=offset, strides=(width,)
    )
    if kind[1] == "L":
        return (stored != ord("T")) & (stored != ord("F"))
    try:
        return None if column.null in (None, "") else stored == int(column.null)
    except ValueError:
        return None
