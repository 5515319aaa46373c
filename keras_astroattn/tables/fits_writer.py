"""Write tables as FITS binary tables of any size.

The widths of texts and the values that represent nulls are known only after all rows have been
read, so the rows go to a temporary file first.
"""

import pickle
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError

from .batches import Batch
from .columns import Column
from .provenance import Provenance
from .text import ascii_text, unit_in

_BLOCK = 2880
_MOST_COLUMNS = 999
_FORMS = {"bool": "L", "uint8": "B", "int16": "I", "int32": "J", "int64": "K", "float32": "E",
          "float64": "D"}  # fmt: skip
_STORED = {"L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_KEYWORDS = {"creator": "CREATOR", "command": "COMMAND", "model": "MODEL",
             "model_sha256": "MODELSHA", "date": "DATE"}  # fmt: skip
_WIDER = {"B": "I", "I": "J", "J": "K"}


def write_fits(
    path: Path, columns: Sequence[Column], batches: Iterable[Batch], provenance: Provenance
) -> None:
    """Write a table as the first extension of a FITS file.

    Unknown integers are TNULL, unknown numbers NaN, unknown logical values 0. Header texts are
    transcribed to ASCII; a non-ASCII character of a cell is escaped.

    Args:
        path: path of the file.
        columns: columns of the table.
        batches: values, from `batches_of`.
        provenance: provenance of the table.

    Raises:
        InputError: There are more columns than a FITS table can have.
        OSError: The file is not writable.
    """
    if len(columns) > _MOST_COLUMNS:
        raise InputError(
            f"a FITS table holds at most {_MOST_COLUMNS} columns, not {len(columns)}: "
            "write VOTable or Parquet"
        )
    found = [_Range() for _ in columns]
    rows = 0
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        for batch in batches:
            values = [_ascii(v) if isinstance(v, list) else v for v in batch]
            for one, value in zip(found, values, strict=True):
                one.add(value)
            rows += len(values[0])
            pickle.dump(values, spool, protocol=pickle.HIGHEST_PROTOCOL)
        forms = [one.form(column.dtype) for one, column in zip(found, columns, strict=True)]
        dtype = np.dtype([(f"c{i}", kind) for i, (_, kind, _) in enumerate(forms)])
        spool.seek(0)
        with path.open("wb") as file:
            file.write(_headers(columns, forms, dtype.itemsize, rows, provenance))
            for _ in range(0, rows and len(found[0].batches)):
                records = _records(pickle.load(spool), forms, dtype)
                file.write(records.tobytes())
            file.write(b"\0" * (-rows * dtype.itemsize % _BLOCK))


class _Range:
    """Range of the values of a column, from which its form follows."""

    def __init__(self):
        self.batches: list[int] = []
        self._width, self._has_null = 1, False
        self._low, self._high = 0, 0

    def add(self, values) -> None:
        self.batches.append(len(values))
        if isinstance(values, list):
            self._width = max(self._width, max(map(len, values), default=1))
        elif values.dtype.kind in "iu":
            self._has_null |= bool(np.ma.getmaskarray(values).any())
            if values.count():
                self._low = min(self._low, int(values.min()))
                self._high = max(self._high, int(values.max()))

    def form(self, dtype: str) -> tuple[str, str, int | None]:
        """Return TFORM, NumPy's type, and TNULL."""
        if dtype == "str":
            return f"{self._width}A", f"S{self._width}", None
        form = _FORMS[dtype]
        if not self._has_null:
            return form, _STORED[form], None
        if form == "B":
            form = "I"
        while True:
            limits = np.iinfo(_STORED[form])
            for null in (int(limits.min), int(limits.max)):
                if null < self._low or null > self._high:
                    return form, _STORED[form], null
            if form == "K":
                raise InputError("a column of 64-bit integers leaves no value for its nulls")
            form = _WIDER[form]


def _ascii(texts: list[str | None]) -> list[bytes]:
    return [(text or "").encode("ascii", "backslashreplace") for text in texts]


def _records(values: list, forms: list, dtype: np.dtype) -> np.ndarray:
    records = np.zeros(len(values[0]), dtype)
    for place, (value, (form, _, null)) in enumerate(zip(values, forms, strict=True)):
        if isinstance(value, list):
            records[f"c{place}"] = value
        elif form == "L":
            letters = np.where(value.data, ord("T"), ord("F"))
            records[f"c{place}"] = np.where(np.ma.getmaskarray(value), 0, letters)
        elif form in "ED":
            records[f"c{place}"] = value.filled(np.nan)
        elif null is None:
            records[f"c{place}"] = value.data
        else:
            mask = np.ma.getmaskarray(value)
            records[f"c{place}"] = np.where(mask, null, value.data.astype(np.int64))
    return records


def _headers(
    columns: Sequence[Column], forms: list, width: int, rows: int, provenance: Provenance
) -> bytes:
    from astropy.io import fits

    header = fits.Header()
    header["XTENSION"], header["BITPIX"], header["NAXIS"] = "BINTABLE", 8, 2
    header["NAXIS1"], header["NAXIS2"] = width, rows
    header["PCOUNT"], header["GCOUNT"], header["TFIELDS"] = 0, 1, len(columns)
    names: set[str] = set()
    for number, (column, (form, _, null)) in enumerate(zip(columns, forms, strict=True), start=1):
        header[f"TTYPE{number}"] = _unique(ascii_text(column.name).strip(), names)
        header[f"TFORM{number}"] = form
        if null is not None:
            header[f"TNULL{number}"] = null
        texts = {
            "TUNIT": unit_in(column.unit, "fits"),
            "TUCD": column.ucd,
            "TCOMM": column.description,
        }
        for key, text in texts.items():
            if text:
                header[f"{key}{number}"] = ascii_text(text)
    for key, text in provenance.items():
        header[_KEYWORDS[key]] = ascii_text(text)
    if any(len(card.image) > 80 for card in header.cards):
        header["LONGSTRN"] = "OGIP 1.0"
    header["EXTNAME"] = "SOURCES"
    text = fits.PrimaryHDU().header.tostring() + header.tostring()
    return text.encode("ascii")


def _unique(name: str, taken: set[str]) -> str:
    """Return a name that differs from the taken ones, regardless of case."""
    found, number = name, 1
    while found.lower() in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found.lower())
    return found
