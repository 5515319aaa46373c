"""The files of the result: one Parquet file for each chunk, complete or absent."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from keras_astroattn.files import atomic_path
from keras_astroattn.tables import (
    COLUMNS,
    OF_CATALOGUE,
    Column,
    Row,
    astropy_metadata,
    encodable,
    longest_text,
    parquet_field,
)

from .catalogue_file import RESERVED
from .plan import Plan
from .runs import OTHERS, STATE, TILE

_LABELS = b"aa_labels"
_TILE_PATH = "tile that the source was cut from"

RESULTS: tuple[Column, ...] = tuple(
    replace(
        column,
        name=RESERVED + column.name,
        description=_TILE_PATH if column.name == "path" else column.description,
    )
    for column in COLUMNS
    if column.name not in OF_CATALOGUE
)
"""Columns of the result: those of `astroattn classify` with the prefix aa_."""


def part_path(folder: Path, chunk: int) -> Path:
    """Return the path of the file of a chunk."""
    return folder / f"part-{chunk:06d}.parquet"


def part_paths(folder: Path) -> list[Path]:
    """Return the paths of the files of all finished chunks, in order."""
    return sorted(folder.glob("part-*.parquet"))


def write_part(folder: Path, chunk: int, table: pa.Table, rows: Sequence[Row]) -> None:
    """Write the file of a chunk: the columns of the catalogue, then those of the result.

    Args:
        folder: the output folder.
        chunk: number of the chunk.
        table: rows of the chunk, in the order of the plan.
        rows: results, in the same order.

    Raises:
        OSError: The file is not writable; no part of it remains.
    """
    table = table.drop_columns([TILE, OTHERS, STATE])
    for column in RESULTS:
        field, name = parquet_field(column), column.name.removeprefix(RESERVED)
        values = pa.array([encodable(row[name]) for row in rows], field.type)
        table = table.append_column(field, values)
    labels = Counter(str(row["label"]) for row in rows)
    widths = {
        field.name: longest_text(table.column(field.name))
        for field in table.schema
        if pa.types.is_string(field.type)
    }
    metadata = astropy_metadata(table.schema, widths) | {_LABELS: json.dumps(labels)}
    table = table.replace_schema_metadata(metadata)
    with atomic_path(part_path(folder, chunk)) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def labels_of(path: Path, rows: int | None = None) -> Counter[str] | None:
    """Count the labels of a part; None if the file is incomplete.

    Args:
        path: path of the part.
        rows: number of rows that it must have; None: not checked.
    """
    try:
        metadata = pq.read_metadata(path)
        labels = Counter(json.loads(metadata.metadata[_LABELS]))
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError):
        return None
    whole = metadata.num_rows == labels.total() and rows in (None, metadata.num_rows)
    return labels if whole else None


def check_parts(plan: Plan) -> tuple[Counter[str], list[int]]:
    """Return the labels of all complete parts, and the chunks without a complete part."""
    labels: Counter[str] = Counter()
    waiting = []
    for chunk, rows in enumerate(plan.rows_of().tolist()):
        found = labels_of(part_path(plan.folder, chunk), rows)
        if found is None:
            waiting.append(chunk)
        else:
            labels.update(found)
    return labels, waiting


def read_parts(folder: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield all parts of a result in order, one in memory at a time.

    Args:
        folder: the output folder.
        columns: names of the columns to read; None: all.

    Yields:
        The table of each part.
    """
    for path in part_paths(folder):
        with pq.ParquetFile(path) as file:
            yield file.read(columns=None if columns is None else list(columns))
