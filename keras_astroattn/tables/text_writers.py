"""Write tables as CSV, and as JSON: the columns, then one object for each row."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from .batches import Batch
from .columns import Column
from .provenance import Provenance


def write_csv(
    path: Path, columns: Sequence[Column], batches: Iterable[Batch], provenance: Provenance
) -> None:
    """Write a table as CSV; unknown values are empty, numbers have the digits of their column.

    Programs disagree about comments in CSV, so it holds no provenance.
    """
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        stream_csv(file, columns, batches)


def stream_csv(file: IO[str], columns: Sequence[Column], batches: Iterable[Batch]) -> None:
    """Write a table as CSV to an open file."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.name for column in columns)
    digits = [column.digits for column in columns]
    for row in _rows(batches):
        writer.writerow(map(_cell, row, digits))


def _cell(value, digits: str | None):
    if value is None:
        return ""
    return value if digits is None else format(value, digits)


def write_json(
    path: Path, columns: Sequence[Column], batches: Iterable[Batch], provenance: Provenance
) -> None:
    """Write a table as strict JSON; unknown and infinite values are null."""
    names = [column.name for column in columns]
    notes = [
        {"name": c.name, "unit": c.unit, "ucd": c.ucd, "description": c.description}
        for c in columns
    ]
    between = "\n"
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write('{"provenance": ' + json.dumps(provenance) + ",\n")
        file.write('"columns": ' + json.dumps(notes) + ',\n"sources": [')
        for row in _rows(batches):
            file.write(between + json.dumps(dict(zip(names, map(_finite, row), strict=True))))
            between = ",\n"
        file.write("\n]}\n")


def _finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rows(batches: Iterable[Batch]) -> Iterator[tuple]:
    """Yield the values of one row at a time."""
    for batch in batches:
        yield from zip(*(v if isinstance(v, list) else v.tolist() for v in batch), strict=True)
