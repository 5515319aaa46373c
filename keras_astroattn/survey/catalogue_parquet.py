"""Read Parquet catalogues, with astropy's notes in them."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .astropy_header import table_notes
from .catalogue_file import BATCH_ROWS, CatalogueFile


class ParquetReader:
    """Reader of a Parquet file, which reduces the types of text and numbers.

    Text of any kind (large, view, dictionary, binary) becomes `string`, half floats become
    `float`, decimal numbers `double`. Bytes that are not UTF-8 are escaped.

    Args:
        file: the file.
    """

    def __init__(self, file: CatalogueFile):
        self._file = file
        with file.opened() as stream, pq.ParquetFile(stream) as parquet:
            stored = parquet.schema_arrow
            self.rows = parquet.metadata.num_rows
        header = (stored.metadata or {}).get(b"table_meta_yaml", b"").decode("utf-8", "replace")
        frame, notes = table_notes(header.split("\n")) if header else (None, {})
        # The notes of pandas in the schema would not hold for the written table.
        self.schema = pa.schema(
            [
                pa.field(
                    one.name,
                    _plain(one.type),
                    metadata=_notes(one) | notes.get(one.name, {}),
                )
                for one in stored
            ],
            metadata={"frame": frame} if frame else None,
        )

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, with the given part of the schema's columns."""
        with self._file.opened() as stream, pq.ParquetFile(stream) as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=schema.names):
                columns = [
                    normalized(column, kind)
                    for column, kind in zip(batch.columns, schema.types, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _notes(field: pa.Field) -> dict[str, str]:
    kept = ("unit", "description", "ucd", "frame")
    notes = {k.decode("utf-8", "replace"): v for k, v in (field.metadata or {}).items()}
    return {key: notes[key].decode("utf-8", "replace") for key in kept if notes.get(key)}


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type to which a column is converted."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return pa.string()
    if _is_binary(kind):
        return pa.string()
    if types.is_float16(kind):
        return pa.float32()
    return pa.float64() if types.is_decimal(kind) else kind


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def normalized(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Convert a column to a type of the reader's schema.

    Args:
        column: the column as stored.
        kind: type in the reader's schema.

    Returns:
        The converted column.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    elif pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if column.type == kind:
        return column
    if _is_binary(column.type):
        texts = [
            None if value is None else value.decode("utf-8", "backslashreplace")
            for value in column.to_pylist()
        ]
        return pa.array(texts, pa.string())
    return pc.cast(column, kind)
