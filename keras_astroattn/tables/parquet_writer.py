"""Write tables as Parquet, with the metadata for units and widths of texts that astropy reads."""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .batches import Batch
from .columns import Column
from .provenance import Provenance
from .text import encodable

if TYPE_CHECKING:
    import pyarrow as pa

_MASKED = 4  # letters of "None", which is how astropy reads a null text


def parquet_field(column: Column) -> "pa.Field":
    """Return a column as a field of an Arrow schema."""
    import pyarrow as pa

    kind = pa.string() if column.dtype == "str" else pa.from_numpy_dtype(column.dtype)
    notes = {"description": column.description, "unit": column.unit, "ucd": column.ucd}
    return pa.field(column.name, kind, metadata={k: v for k, v in notes.items() if v})


def astropy_metadata(
    schema: "pa.Schema", widths: Mapping[str, int], provenance: Provenance | None = None
) -> dict[str, str]:
    """Return the metadata of a Parquet file for `astropy.table.Table.read`.

    Args:
        schema: schema of the file; metadata of its fields may hold `unit` and `description`.
        widths: largest number of characters of each column of text.
        provenance: provenance of the table; it is the table's `meta` in astropy.

    Returns:
        The metadata by key.
    """
    columns = []
    for field in schema:
        stated = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        kept = {k: stated[k] for k in ("unit", "description") if stated.get(k)}
        columns.append({"name": field.name, "datatype": str(field.type), **kept})
    lengths = {f"table::len::{name}": str(max(width, _MASKED)) for name, width in widths.items()}
    notes = {"datatype": columns} | ({"meta": dict(provenance)} if provenance else {})
    return lengths | {"table_meta_yaml": json.dumps(notes)}  # JSON is valid YAML


def write_parquet(
    path: Path, columns: Sequence[Column], batches: Iterable[Batch], provenance: Provenance
) -> None:
    """Write a table as Parquet; unknown values are null.

    The widths of texts are part of the schema, which a file takes only at its beginning. So the
    rows go to a temporary file first.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([parquet_field(column) for column in columns])
    widths = {column.name: 0 for column in columns if column.dtype == "str"}
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        with pa.ipc.new_stream(spool, schema) as stream:
            for batch in batches:
                arrays = [
                    _array(values, field.type) for values, field in zip(batch, schema, strict=True)
                ]
                for field, array in zip(schema, arrays, strict=True):
                    if field.name in widths:
                        widths[field.name] = max(widths[field.name], longest_text(array))
                stream.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        spool.seek(0)
        schema = schema.with_metadata(
            astropy_metadata(schema, widths, provenance) | dict(provenance)
        )
        with pa.ipc.open_stream(spool) as stream, pq.ParquetWriter(path, schema) as writer:
            for batch in stream:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))


def longest_text(column: "pa.Array | pa.ChunkedArray") -> int:
    """Return the number of characters of the longest text of a column."""
    import pyarrow.compute as pc

    return pc.max(pc.utf8_length(column)).as_py() or 0


def _array(values, kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if isinstance(values, list):
        return pa.array([encodable(value) for value in values], kind)
    return pa.array(values.data, kind, mask=np.ma.getmaskarray(values))
