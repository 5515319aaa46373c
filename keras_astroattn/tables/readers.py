"""Read back the tables that `classify`, `survey` and `survey-summary --export` write."""

import contextlib
import csv
import importlib.util
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from keras_astroattn.errors import InputError, reason_of

from .batches import ROWS, Batch, Values
from .columns import COLUMNS, EXPLANATION_COLUMNS, PICTURE, Column

if TYPE_CHECKING:
    import pyarrow as pa

SURVEY_PREFIX = "aa_"
"""Prefix of the result's columns in a table that holds the catalogue's columns too."""

_KNOWN = {column.name: column for column in (*COLUMNS, PICTURE, *EXPLANATION_COLUMNS)}
_POSITIONS = ("ra", "dec")
_NUMBERS = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}


@dataclass(frozen=True, eq=False)
class Table:
    """A table in memory.

    Attributes:
        columns: its columns.
        values: values by the names of the columns: texts, or masked numbers.
    """

    columns: tuple[Column, ...]
    values: Mapping[str, Values] = field(repr=False)

    def __len__(self) -> int:
        return len(self.values[self.columns[0].name]) if self.columns else 0

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in groups, as `write_table` takes them."""
        for start in range(0, len(self), ROWS):
            yield [self.values[column.name][start : start + ROWS] for column in self.columns]


Wanted = Callable[[str], bool]
"""Whether a column of this name is read."""


def read_table(path: Path, wanted: Wanted = lambda name: True) -> Table:
    """Read a table in the format of its suffix, or the folder of a survey.

    Args:
        path: CSV, ECSV, JSON, VOTable, FITS or Parquet file, or a folder of Parquet files.
        wanted: which columns to read.

    Returns:
        The table.

    Raises:
        InputError: The file does not exist, or is not such a table.
    """
    with _reading(path) as suffix:
        return _READERS[suffix](path, wanted)


def read_arrow(
    path: Path, wanted: Wanted = lambda name: True, repeated: Sequence[str] = ()
) -> "pa.Table":
    """Read a table of `read_table` as a table of Arrow, which holds millions of texts.

    Args:
        path: CSV, ECSV, JSON, VOTable, FITS or Parquet file, or a folder of Parquet files.
        wanted: which columns to read.
        repeated: columns of few different texts, which are stored once (dictionary-encoded).

    Raises:
        InputError: The file does not exist, or is not such a table.
    """
    with _reading(path) as suffix:
        import pyarrow as pa

        if suffix == ".parquet":
            return _read_parts(path, wanted, repeated).unify_dictionaries().combine_chunks()
        found = _READERS[suffix](path, wanted)
        arrays = {name: _arrow_array(values) for name, values in found.values.items()}
        for name in set(repeated) & set(arrays):
            arrays[name] = arrays[name].dictionary_encode()
        return pa.table(arrays)


def _arrow_array(values: Values) -> "pa.Array":
    import pyarrow as pa

    if isinstance(values, list):
        return pa.array(values, pa.string())
    return pa.array(values.data, mask=np.ma.getmaskarray(values))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[str]:
    """Yield the format of a table, and turn the errors of its library into an `InputError`."""
    suffix = ".parquet" if path.is_dir() else path.suffix.lower()
    if suffix not in _READERS:
        raise InputError(f"{path}: a table's name ends in one of {', '.join(_READERS)}")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise InputError("Parquet needs pyarrow: pip install 'keras-astroattn[parquet]'")
    try:
        yield suffix
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason_of(error)}") from None
    except Exception as error:  # a damaged file: each library has its own errors
        reason = reason_of(error, 150)
        raise InputError(f"{path} is not a readable {suffix} table: {reason}") from None


def _read_csv(path: Path, wanted: Wanted) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        # The lines before those of ECSV describe the columns, whose names are known.
        comments, first = _comments(file)
        rows = itertools.chain([first], file)
        lines = csv.reader(rows, strict=True, delimiter=_delimiter(comments))
        names = next(lines, None)
        if not names:
            raise InputError(f"{path} is empty: it has no line of column names")
        kept = [place for place, name in enumerate(names) if wanted(name)]
        cells: list[list[str | None]] = [[] for _ in kept]
        for line in lines:
            if len(line) != len(names):
                raise InputError(
                    f"{path}: line {lines.line_num} has {len(line)} cells, and {len(names)} "
                    "columns have names"
                )
            for one, place in zip(cells, kept, strict=True):
                one.append(line[place] or None)
    return _from_texts(path, [names[place] for place in kept], cells)


def _comments(lines: Iterable[str]) -> tuple[list[str], str]:
    """Return the lines that begin with # before the first other one, and this one."""
    comments = []
    for line in lines:
        if not line.startswith("#"):
            return comments, line
        comments.append(line.removeprefix("#").strip())
    return comments, ""


def _delimiter(comments: Sequence[str]) -> str:
    """Return the delimiter of CSV, or that of ECSV: a space unless its header states another."""
    if not (comments and comments[0].startswith("%ECSV")):
        return ","
    stated = (
        one.split(":", 1)[1].strip(" '\"") for one in comments if one.startswith("delimiter:")
    )
    return next(stated, "") or " "


def _read_json(path: Path, wanted: Wanted) -> Table:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not {"columns", "sources"} <= set(found):
        raise InputError(f"{path} holds no `columns` and `sources`: astroattn did not write it")
    columns, values = [], {}
    for notes in found["columns"]:
        name = notes["name"]
        if wanted(name):
            given = [row.get(name) for row in found["sources"]]
            dtype = _dtype_of(name) or _dtype_of_values(given)
            columns.append(_described(name, dtype, *map(notes.get, ("description", "unit", "ucd"))))
            values[name] = _column_values(given, dtype)
    return Table(tuple(columns), values)


def _read_astropy(path: Path, wanted: Wanted, **options) -> Table:
    from astropy.table import Table as AstropyTable

    from keras_astroattn.images.quiet import quiet

    with quiet():
        found = AstropyTable.read(path, **options)
    columns, values = [], {}
    for name in filter(wanted, found.colnames):
        one = found[name]
        dtype = _NUMBERS.get(one.dtype.kind, "str")
        given = one.tolist()
        if dtype == "str":
            given = [None if value is None else str(value) or None for value in given]
        unit = None if one.unit is None else str(one.unit)
        columns.append(_described(name, dtype, one.info.description, unit, None))
        values[name] = _column_values(given, dtype)
    return Table(tuple(columns), values)


def _read_fits(path: Path, wanted: Wanted) -> Table:
    return _read_astropy(path, wanted, format="fits", hdu=1)


def rows_elsewhere(votable: BinaryIO) -> str | None:
    """Return the address of rows that a VOTable does not hold itself; None if it holds all.

    astropy would open the address, a file of this machine or a network address, without asking.

    Args:
        votable: the VOTable, open for reading.

    Raises:
        xml.parsers.expat.ExpatError: It is not well-formed.
    """
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(" ")[2] == "STREAM" and "href" in attributes:
            found.append(attributes["href"])

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.ParseFile(votable)
    return found[0] if found else None


def _read_votable(path: Path, wanted: Wanted) -> Table:
    with path.open("rb") as file:
        _, root = next(ElementTree.iterparse(file, events=("start",)))
        if root.tag.rpartition("}")[2] != "VOTABLE":
            raise InputError(f"{path} is XML, but not a VOTable")
        file.seek(0)
        address = rows_elsewhere(file)
    if address is not None:
        raise InputError(f"{path} stores its rows elsewhere ({address[:100]}): give a whole table")
    return _read_astropy(path, wanted, format="votable")


def _read_parquet(path: Path, wanted: Wanted) -> Table:
    return table_of_arrow(_read_parts(path, wanted, ()))


def _read_parts(path: Path, wanted: Wanted, repeated: Sequence[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise InputError(f"{path} holds no Parquet file")
    names = [name for name in pq.read_schema(parts[0]).names if wanted(name)]
    repeated = [name for name in repeated if name in names]
    return pa.concat_tables(
        pq.ParquetFile(part, read_dictionary=repeated).read(columns=names) for part in parts
    )


def table_of_arrow(found: "pa.Table") -> Table:
    """Return a table of Arrow as a table of this package."""
    import pyarrow as pa

    columns, values = [], {}
    for one in found.schema:
        notes = {k.decode(): v.decode() for k, v in (one.metadata or {}).items()}
        kind = one.type.to_pandas_dtype() if pa.types.is_primitive(one.type) else object
        dtype = _NUMBERS.get(np.dtype(kind).kind, "str")
        given = found.column(one.name)
        if dtype == "str":
            texts = [None if v is None else str(v) for v in given.to_pylist()]
            values[one.name] = texts
        else:
            mask = given.is_null().to_numpy()
            filled = given.fill_null(False if dtype == "bool" else 0).to_numpy()
            values[one.name] = np.ma.MaskedArray(filled.astype(dtype), mask)
        columns.append(_described(one.name, dtype, *map(notes.get, ("description", "unit", "ucd"))))
    return Table(tuple(columns), values)


_READERS: dict[str, Callable[[Path, Wanted], Table]] = {
    ".csv": _read_csv,
    ".ecsv": _read_csv,
    ".json": _read_json,
    **dict.fromkeys((".vot", ".votable", ".xml"), _read_votable),
    ".fits": _read_fits,
    ".parquet": _read_parquet,
}


def _from_texts(path: Path, names: Sequence[str], cells: Sequence[list[str | None]]) -> Table:
    """Return a table of texts, whose known columns have their types."""
    columns, values = [], {}
    for name, texts in zip(names, cells, strict=True):
        # In the table of a survey, columns without the prefix are those of its catalogue.
        own = name.startswith(SURVEY_PREFIX) or f"{SURVEY_PREFIX}label" not in names
        dtype = (_dtype_of(name) if own else None) or "str"
        columns.append(_described(name, dtype, None, None, None))
        try:
            values[name] = _column_values(texts, dtype)
        except ValueError:
            raise InputError(f"{path}: column {name} holds a cell that is no number") from None
    return Table(tuple(columns), values)


def _described(
    name: str, dtype: str, description: str | None, unit: str | None, ucd: str | None
) -> Column:
    """Return a column; facts that the file lacks are those of the known column of this name."""
    known = _KNOWN.get(name.removeprefix(SURVEY_PREFIX), Column(name, dtype))
    return Column(
        name,
        dtype,
        description or known.description,
        unit or known.unit,
        ucd or known.ucd,
        known.digits,
    )


def _dtype_of(name: str) -> str | None:
    """Return the type of a column of the result; None for a column of the catalogue."""
    own = name.removeprefix(SURVEY_PREFIX)
    if own in _KNOWN:
        return _KNOWN[own].dtype
    if own in _POSITIONS:
        return "float64"
    return "int64" if name == f"{SURVEY_PREFIX}row" else None


def _dtype_of_values(given: Sequence) -> str:
    kinds = {type(value) for value in given} - {type(None)}
    for kind, dtype in (({bool}, "bool"), ({int}, "int64"), ({int, float}, "float64")):
        if kinds and kinds <= kind:
            return dtype
    return "str"


def _column_values(given: Sequence, dtype: str) -> Values:
    if dtype == "str":
        return [None if value is None else str(value) for value in given]
    mask = [value is None for value in given]
    filled = np.array([0 if value is None else value for value in given])
    return np.ma.MaskedArray(filled.astype(dtype), mask)
