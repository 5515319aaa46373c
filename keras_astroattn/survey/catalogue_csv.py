"""CSV catalogues: the type of a column is what all of its values are, not the first thousand.

An identifier with leading zeros stays text, a 64-bit one an integer.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from keras_astroattn.errors import InputError

_BLOCK = 4 * 2**20
_DELIMITERS = ",\t;|"
_INTEGER = r"^\s*[+-]?(0|[1-9]\d{0,18})\s*$"
# No leading zeros: 00123.5 may be a padded name.
_FLOAT = r"^\s*[+-]?(((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?|(?i:nan|inf|infinity))\s*$"
_LONG = r"^\s*[+-]?\d{16,}\s*$"  # an integer that a float would round
_MARGINS = r"^\s*\+?|\s+$"  # Arrow's parser takes neither spaces nor a plus


class CsvReader:
    """Reads a CSV file twice: for the types of its columns, and for its rows.

    Lines that begin with # before the header are left out (ECSV, TOPCAT); empty fields are
    nulls. Commas, tabs, semicolons or bars divide the fields.
    """

    def __init__(self, path: Path):
        self._path = path
        self._comments, self._names, self._delimiter = _header(path)
        self.rows = 0
        candidates = {name: [pa.int64(), pa.float64()] for name in self._names}
        seen = dict.fromkeys(self._names, False)
        for batch in self._texts():
            self.rows += batch.num_rows
            for name, column in zip(self._names, batch.columns, strict=True):
                seen[name] = seen[name] or column.null_count < len(column)
                candidates[name] = [kind for kind in candidates[name] if _is_all(column, kind)]
        kinds = [
            candidates[name][0] if candidates[name] and seen[name] else pa.string()
            for name in self._names
        ]
        self.schema = pa.schema(list(zip(self._names, kinds, strict=True)))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in order."""
        for batch in self._texts():
            columns = [
                column if kind == pa.string() else _converted(column, kind)
                for column, kind in zip(batch.columns, self.schema.types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _texts(self) -> Iterator[pa.RecordBatch]:
        with pa.input_stream(self._path, compression="detect") as stream:
            reader = pa_csv.open_csv(
                stream,
                pa_csv.ReadOptions(
                    block_size=_BLOCK, skip_rows=self._comments + 1, column_names=self._names
                ),
                pa_csv.ParseOptions(delimiter=self._delimiter),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(self._names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            yield from reader


def _header(path: Path) -> tuple[int, list[str], str]:
    """Lines before the header, the names in it, and what divides them."""
    with pa.input_stream(path, compression="detect") as stream:
        text = stream.read(2**20).decode("utf-8-sig", errors="replace")
    lines = text.splitlines()
    comments = 0
    while comments < len(lines) and lines[comments].startswith("#"):
        comments += 1
    if comments == len(lines):
        raise InputError(f"catalogue {path} has no header")
    header = lines[comments]
    delimiter = max(_DELIMITERS, key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    if not all(names):
        raise InputError(f"catalogue {path}: a column has no name: its header is {header[:100]!r}")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"catalogue {path}: two columns are named {name!r}: rename one")
    return comments, names, delimiter


def _is_all(column: pa.Array, kind: pa.DataType) -> bool:
    pattern = _INTEGER if kind == pa.int64() else _FLOAT
    if pc.all(pc.match_substring_regex(column, pattern)).as_py() is False:
        return False
    if kind == pa.float64() and pc.any(pc.match_substring_regex(column, _LONG)).as_py():
        return False
    try:
        _converted(column, kind)
    except pa.ArrowInvalid:  # an integer beyond 64 bits
        return False
    return True


def _converted(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.cast(pc.replace_substring_regex(column, _MARGINS, ""), kind)
