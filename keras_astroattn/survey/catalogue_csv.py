"""Read CSV and ECSV catalogues, and PyBDSF's lists in ASCII.

The type of a column is the type of all its values. An identifier with leading zeros
stays text, and one of 64 bits stays an integer.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from keras_astroattn.errors import InputError

from .astropy_header import Notes, table_notes
from .catalogue_file import CatalogueFile

_BLOCK = 4 * 2**20
_LONGEST_HEADER = 64 * 2**20
_DELIMITERS = ",\t;|"
_INTEGER = r"^\s*[+-]?(0|[1-9]\d{0,18})\s*$"
# No leading zeros, because 00123.5 may be a padded name.
_FLOAT = r"^\s*[+-]?(((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?|(?i:nan|inf|infinity))\s*$"
_LONG = r"^\s*[+-]?\d{16,}\s*$"  # an integer that a float would round
_LONGEST = r"\d{19}"  # an integer that may exceed 64 bits
_MARGINS = r"^\s*\+?|\s+$"  # Arrow's parser accepts neither spaces nor a plus
_ECSV = "# %ECSV"


class CsvReader:
    """Reader of a CSV file, in two passes: for the types of its columns, and for its rows.

    Blank lines and lines that begin with # are skipped before the header; those of ECSV are read,
    and the last one is the header if its names stand above the numbers, as PyBDSF writes it.
    Empty fields are nulls. Fields are separated by commas, tabs, semicolons or bars, in ECSV also
    by spaces, and by any number of spaces below such a header of PyBDSF. A first column without a
    name, as pandas writes it, is named `index`.

    Args:
        file: the file.
    """

    def __init__(self, file: CatalogueFile):
        self._file = file
        self._header = _read_header(file)
        names, notes = self._header.names, self._header.notes
        self.rows = 0
        stays_text = [notes.get(name, {}).get("datatype") == "string" for name in names]
        integer, number = ~np.array(stays_text), ~np.array(stays_text)
        seen = np.zeros(len(names), bool)
        for batch in self._texts(names):
            self.rows += batch.num_rows
            seen |= [column.null_count < len(column) for column in batch.columns]
            some = np.flatnonzero(integer | number)
            if some.size and batch.num_rows:
                columns = batch.columns
                found = _kinds_of([columns[i] for i in some])
                integer[some] &= found[0]
                number[some] &= found[1]
        kinds = [
            pa.int64() if i and s else pa.float64() if n and s else pa.string()
            for i, n, s in zip(integer, number, seen, strict=True)
        ]
        self.schema = pa.schema(
            [
                pa.field(
                    name,
                    kind,
                    metadata={k: v for k, v in notes.get(name, {}).items() if k != "datatype"}
                    or None,
                )
                for name, kind in zip(names, kinds, strict=True)
            ],
            metadata={"frame": self._header.frame} if self._header.frame else None,
        )

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, with the given part of the schema's columns."""
        for batch in self._texts(schema.names):
            columns = batch.columns
            for kind in (pa.int64(), pa.float64()):
                places = [i for i, one in enumerate(schema.types) if one == kind]
                if places:
                    flat = _converted(pa.concat_arrays([columns[i] for i in places]), kind)
                    for number, place in enumerate(places):
                        start = number * batch.num_rows
                        columns[place] = flat.slice(start, batch.num_rows)
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _texts(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with self._file.opened() as stream:
            stream.seek(self._header.end)
            if not stream.read(1):
                return
            stream.seek(self._header.end)
            if self._header.is_padded:
                stream = io.BufferedReader(_SingleSpaces(stream), _BLOCK)
            reader = pa_csv.open_csv(
                pa.PythonFile(stream, "r"),
                pa_csv.ReadOptions(block_size=_BLOCK, column_names=self._header.names),
                pa_csv.ParseOptions(delimiter=self._header.delimiter),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(self._header.names, pa.string()),
                    include_columns=list(names),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            yield from reader


class _SingleSpaces(io.RawIOBase):
    """The lines of a file with one space between words, and none around them."""

    def __init__(self, stream: BinaryIO):
        self._stream, self._left = stream, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._left:
            lines = self._stream.read(_BLOCK) + self._stream.readline()
            if not lines:
                return 0
            self._left = re.sub(rb"(?m)^ +| +(?=\r?$)", b"", re.sub(rb"[ \t]+", b" ", lines))
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


class _Header(NamedTuple):
    """Names of the columns, their separator, and the start of the rows (bytes)."""

    names: list[str]
    delimiter: str
    end: int
    frame: str | None
    notes: Notes
    is_padded: bool  # any number of spaces separates two fields


def _read_header(file: CatalogueFile) -> _Header:
    with file.opened() as stream:
        comments, line, start = _first_lines(stream)
        end = stream.tell()
    if not line:
        raise InputError(f"catalogue {file.path} has no header")
    frame, notes, delimiter = None, {}, max(_DELIMITERS, key=line.count)
    is_padded = bool(comments) and not line.count(delimiter) and _is_header(comments[-1], line)
    if is_padded:
        line, end, delimiter = " ".join(comments[-1].removeprefix("#").split()), start, " "
    elif comments and _is_header(comments[-1], line, delimiter):
        line, end = comments[-1].removeprefix("#"), start
    if comments and comments[0].startswith(_ECSV):
        yaml = [comment.removeprefix("#").removeprefix(" ") for comment in comments[1:]]
        try:
            frame, notes = table_notes(yaml)
        except InputError as error:
            raise InputError(f"catalogue {file.path}: {error}") from None
        stated = [text for text in yaml if text.startswith("delimiter:")]
        delimiter = stated[0].split(":", 1)[1].strip(" '\"") or " " if stated else " "
        delimiter = {"\\t": "\t"}.get(delimiter, delimiter)
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        raise InputError(
            f"catalogue {file.path}: its header {line[:100]!r} is no line of a table: give a text "
            "file with the line ends of Unix or Windows"
        ) from None
    if names and not names[0] and "index" not in names:
        names[0] = "index"
    if not all(names):
        raise InputError(
            f"catalogue {file.path}: a column has no name: its header is {line[:100]!r}"
        )
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise InputError(f"catalogue {file.path}: two columns are named {name!r}: rename one")
    return _Header(names, delimiter, end, frame, notes, is_padded)


def _first_lines(stream: BinaryIO) -> tuple[list[str], str, int]:
    """Return the comments before the first line that is none, this line, and its offset."""
    comments: list[str] = []
    start = 0
    while line := stream.readline(_LONGEST_HEADER):
        text = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace").rstrip("\r\n")
        if text.startswith("#"):
            comments.append(text)
        elif text.strip():
            return comments, text, start
        start = stream.tell()
        if start > _LONGEST_HEADER:
            break
    return comments, "", start


def _is_header(comment: str, line: str, delimiter: str | None = None) -> bool:
    """Return whether a comment names the columns: no number in it, and numbers below it.

    Without a delimiter, fields are separated by any number of spaces.
    """
    names = [name.strip() for name in comment.removeprefix("#").split(delimiter)]
    values = line.split(delimiter)
    return (
        len(names) == len(values) > 1
        and all(names)
        and not any(map(_is_number, names))
        and 2 * sum(map(_is_number, values)) >= len(values)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _kinds_of(columns: list[pa.Array]) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the (n,) columns of text that hold only integers, and only numbers.

    All columns are matched as one, because compiling an expression takes as long as a thousand
    rows.
    """
    flat, rows = pa.concat_arrays(columns), len(columns[0])

    def matches(pattern: str, missing: bool) -> np.ndarray:
        found = pc.fill_null(pc.match_substring_regex(flat, pattern), missing)
        return found.to_numpy(zero_copy_only=False).reshape(-1, rows)

    integer = matches(_INTEGER, True).all(axis=1)
    number = matches(_FLOAT, True).all(axis=1) & ~matches(_LONG, False).any(axis=1)
    for place in np.flatnonzero(integer & matches(_LONGEST, False).any(axis=1)):
        try:
            _converted(columns[place], pa.int64())
        except pa.ArrowInvalid:  # an integer beyond 64 bits
            integer[place] = False
    return integer, number


def _converted(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.cast(pc.replace_substring_regex(column, _MARGINS, ""), kind)
