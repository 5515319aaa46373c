"""Tables of results as CSV, JSON, VOTable or Parquet, written row by row.

Rows come from an iterator and are never all in memory. A file stands under its name only
when it is complete.
"""

import csv
import importlib.util
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.tables import COLUMNS, PICTURE, Row, encodable, xml_cell

_COLUMNS = (*COLUMNS, PICTURE)
_PARQUET_ROWS = 5000


def require_writable(path: Path) -> None:
    """Refuse a results file that cannot be written, before anything is computed.

    Raises:
        InputError: Its ending is of no known format, what the format needs is not
            installed, or its folder cannot be written to.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise InputError(f"--output {path}: its name must end in one of {', '.join(WRITERS)}")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise InputError("Parquet needs pyarrow: pip install 'keras-astroattn[parquet]'")
    if path.is_dir():
        raise InputError(f"--output {path} is a folder: name a file")
    try:
        with atomic_path(path.with_name(f"{path.name}.probe")) as probe:
            probe.touch()
            path.with_name(f"{path.name}.probe").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"--output {path} cannot be written: {error.strerror}") from None
    path.with_name(f"{path.name}.probe").unlink(missing_ok=True)


def write_results(path: Path, rows: Iterable[Row]) -> None:
    """Write a table in the format that the ending of `path` names, atomically.

    Raises:
        InputError: The file cannot be written (the disk is full, say).
    """
    try:
        with atomic_path(path) as temporary:
            WRITERS[path.suffix.lower()](temporary, rows)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}; mend that, then add --resume"
        ) from None


def write_csv_rows(file: IO[str], rows: Iterable[Row]) -> None:
    """Write a table as CSV to an open file; what is not known is empty."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.name for column in _COLUMNS)
    for row in rows:
        writer.writerow("" if row[c.name] is None else row[c.name] for c in _COLUMNS)


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        write_csv_rows(file, rows)


def _write_json(path: Path, rows: Iterable[Row]) -> None:
    columns = [{"name": c.name, "unit": c.unit, "description": c.description} for c in _COLUMNS]
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write('{"columns": ' + json.dumps(columns) + ',\n"sources": [')
        for number, row in enumerate(rows):
            finite = {
                name: None if isinstance(value, float) and not math.isfinite(value) else value
                for name, value in row.items()
            }
            file.write((",\n" if number else "\n") + json.dumps(finite))
        file.write("\n]}\n")


def _write_votable(path: Path, rows: Iterable[Row]) -> None:
    # By hand, because astropy's writer holds the whole table in memory.
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
            '<RESOURCE type="results">\n<TABLE name="classification">\n'
        )
        for column in _COLUMNS:
            kind = (
                'datatype="double"'
                if column.type is float
                else 'datatype="unicodeChar" arraysize="*"'
            )
            unit = f" unit={quoteattr(column.unit)}" if column.unit else ""
            file.write(
                f"<FIELD name={quoteattr(column.name)} {kind}{unit}>"
                f"<DESCRIPTION>{escape(column.description)}</DESCRIPTION></FIELD>\n"
            )
        file.write("<DATA><TABLEDATA>\n")
        for row in rows:
            cells = "".join(f"<TD>{xml_cell(row[c.name])}</TD>" for c in _COLUMNS)
            file.write(f"<TR>{cells}</TR>\n")
        file.write("</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n")


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            pa.field(
                column.name,
                pa.float64() if column.type is float else pa.string(),
                metadata={"description": column.description, "unit": column.unit or ""},
            )
            for column in _COLUMNS
        ]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for group in _groups(rows, _PARQUET_ROWS):
            columns = {c.name: [encodable(row[c.name]) for row in group] for c in _COLUMNS}
            writer.write_table(pa.table(columns, schema=schema))


def _groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


WRITERS = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".vot": _write_votable,
    ".parquet": _write_parquet,
}
"""By the ending of the file's name."""
