"""The files of the result: one a chunk, complete or absent."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from keras_astroattn.files import atomic_path
from keras_astroattn.tables import COLUMNS, Column, Row, encodable

from .catalogue import RESERVED
from .plan import SECOND, STATE, TILE

SUMMARY = "_summary.json"
"""What a complete survey says of itself."""

_LABELS = b"aa_labels"
_TILE_PATH = "tile that the source was cut from"

RESULTS: tuple[Column, ...] = tuple(
    replace(
        column,
        name=RESERVED + column.name,
        description=_TILE_PATH if column.name == "path" else column.description,
    )
    for column in COLUMNS
)
"""Our columns of the table: those of `astroattn classify`, prefixed."""


def part_path(folder: Path, chunk: int) -> Path:
    """The file of a chunk."""
    return folder / f"part-{chunk:06d}.parquet"


def part_paths(folder: Path) -> list[Path]:
    """Files of all chunks that are done, in order."""
    return sorted(folder.glob("part-*.parquet"))


def write_part(folder: Path, chunk: int, table: pa.Table, rows: Sequence[Row]) -> None:
    """Write a chunk: the catalogue's own columns, then ours.

    Args:
        folder: Of the output.
        chunk: Its number.
        table: The planned rows.
        rows: What was found, in their order.

    Raises:
        OSError: It cannot be written; nothing is left of it then.
    """
    table = table.drop_columns([TILE, SECOND, STATE])
    for name, column in zip((c.name for c in COLUMNS), RESULTS, strict=True):
        kind = pa.float64() if column.type is float else pa.string()
        metadata = {"description": column.description, "unit": column.unit or ""}
        values = pa.array([encodable(row[name]) for row in rows], kind)
        table = table.append_column(pa.field(column.name, kind, metadata=metadata), values)
    labels = Counter(str(row["label"]) for row in rows)
    table = table.replace_schema_metadata({_LABELS: json.dumps(labels)})
    with atomic_path(part_path(folder, chunk)) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def labels_of(path: Path, rows: int | None = None) -> Counter[str] | None:
    """How many rows of a part have each label; None where the file is not whole.

    Args:
        path: Of the part.
        rows: How many it should have, where that is known.
    """
    try:
        metadata = pq.read_metadata(path)
        labels = Counter(json.loads(metadata.metadata[_LABELS]))
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError):
        return None
    whole = metadata.num_rows == labels.total() and rows in (None, metadata.num_rows)
    return labels if whole else None


def read_parts(folder: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """All parts of a result in order, one in memory at a time.

    Args:
        folder: Of the output.
        columns: Those that are wanted; None: all.
    """
    for path in part_paths(folder):
        with pq.ParquetFile(path) as file:
            yield file.read(columns=None if columns is None else list(columns))
