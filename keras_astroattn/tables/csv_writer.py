"""Write tables as CSV."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from .batches import Batch
from .columns import Column


def write_csv(path: Path, columns: Sequence[Column], batches: Iterable[Batch]) -> None:
    """Write a table as CSV; unknown values are empty."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        stream_csv(file, columns, batches)


def stream_csv(file: IO[str], columns: Sequence[Column], batches: Iterable[Batch]) -> None:
    """Write a table as CSV to an open file."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.name for column in columns)
    for batch in batches:
        lists = (v if isinstance(v, list) else v.tolist() for v in batch)
        for row in zip(*lists, strict=True):
            writer.writerow("" if value is None else value for value in row)
