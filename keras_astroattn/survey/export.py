"""Write a scored survey as one file, part by part, for TOPCAT and similar tools."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from keras_astroattn.errors import InputError
from keras_astroattn.tables import (
    REGION_COLUMNS,
    Column,
    Provenance,
    Row,
    require_region_writer,
    require_writer,
    write_regions,
    write_table,
)

from .catalogue_file import RESERVED
from .parts import RESULTS, part_paths, read_parts

_DTYPES = {
    "bool": "bool", "int8": "int16", "int16": "int16", "int32": "int32", "int64": "int64",
    "uint8": "uint8", "uint16": "int32", "uint32": "int64", "float": "float32",
    "double": "float64", "halffloat": "float32",
}  # fmt: skip
_UCDS = {column.name: column.ucd for column in RESULTS}
_DIGITS = {column.name: column.digits for column in RESULTS}


def export_survey(folder: Path, path: Path, provenance: Provenance | None = None) -> int:
    """Write the table of a survey as one file, and return its number of rows.

    Columns that are neither numbers nor text (for example lists) are written as text.

    Args:
        folder: output folder of the survey.
        path: path of the file; its suffix decides the format.
        provenance: origin of the table, stated in the file.

    Returns:
        Number of rows.

    Raises:
        InputError: The suffix is not that of a known format, there are no rows, or the file is
            not writable.
    """
    require_writer(path, "--export")
    parts = part_paths(folder)
    if not parts:
        raise InputError(f"{folder} holds no rows: there is nothing to export")
    rows = sum(pq.read_metadata(part).num_rows for part in parts)
    columns = [_column(field) for field in pq.read_schema(parts[0])]
    try:
        write_table(path, columns, _batches(folder, columns), provenance)
    except OSError as error:
        raise InputError(f"--export {path} cannot be written: {error.strerror or error}") from None
    return rows


def export_regions(folder: Path, path: Path) -> int:
    """Write the sources of a survey as regions, and return their number.

    Args:
        folder: output folder of the survey.
        path: path of the file; its suffix decides the format.

    Raises:
        InputError: The suffix is not that of a known format, or the file is not writable.
    """
    require_region_writer(path, "--regions")
    try:
        return write_regions(path, _region_rows(folder), RESERVED)
    except OSError as error:
        raise InputError(f"--regions {path} cannot be written: {error.strerror or error}") from None


def _region_rows(folder: Path) -> Iterator[Row]:
    parts = part_paths(folder)
    known = pq.read_schema(parts[0]).names if parts else []
    wanted = [RESERVED + name for name in REGION_COLUMNS if RESERVED + name in known]
    for table in read_parts(folder, wanted):
        yield from table.to_pylist()


def _column(field: pa.Field) -> Column:
    notes = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return Column(
        field.name,
        _DTYPES.get(str(field.type), "str"),
        notes.get("description", ""),
        notes.get("unit") or None,
        notes.get("ucd") or _UCDS.get(field.name),
        _DIGITS.get(field.name),
    )


def _batches(folder: Path, columns: Sequence[Column]) -> Iterator[list]:
    for table in read_parts(folder):
        for batch in table.to_batches():
            yield [
                _texts(values) if column.dtype == "str" else _numbers(values, column.dtype)
                for column, values in zip(columns, batch.columns, strict=True)
            ]


def _texts(values: pa.Array) -> list[str | None]:
    if pa.types.is_nested(values.type):
        return [None if value is None else str(value) for value in values.to_pylist()]
    return pc.cast(values, pa.string()).to_pylist()


def _numbers(values: pa.Array, dtype: str) -> np.ma.MaskedArray:
    mask = values.is_null().to_numpy(zero_copy_only=False)
    filled = pc.fill_null(values, False if dtype == "bool" else 0) if mask.any() else values
    return np.ma.MaskedArray(filled.to_numpy(zero_copy_only=False).astype(dtype), mask)
