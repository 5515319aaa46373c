"""Rows as a table of astropy, with the units, descriptions and UCDs of their columns."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .batches import batches_of
from .columns import Column, Row

if TYPE_CHECKING:
    from astropy.table import Table


def to_astropy(columns: Sequence[Column], rows: Iterable[Row]) -> "Table":
    """Return rows as a table of astropy; unknown values are masked.

    Args:
        columns: columns of the table.
        rows: values by the names of the columns; None is unknown.

    Returns:
        A table with one `MaskedColumn` for each column. Its `meta["ucd"]` is the UCD.

    Example:
        >>> table = to_astropy((Column("size", "float64", unit="arcsec"),), [{"size": 12.0}])
        >>> table["size"].quantity
        <Quantity [12.] arcsec>
    """
    from astropy.table import MaskedColumn, Table

    rows = list(rows)
    (values,) = batches_of(columns, rows, size=len(rows)) if rows else ([[]] * len(columns),)
    table = Table(masked=True)
    for column, one in zip(columns, values, strict=True):
        if column.dtype == "str":
            texts = np.array(["" if value is None else value for value in one], dtype=str)
            one = np.ma.MaskedArray(texts, [value is None for value in one])
        table[column.name] = MaskedColumn(
            one,
            dtype=None if column.dtype == "str" else column.dtype,
            unit=column.unit,
            description=column.description,
            format=None if column.digits is None else f"%{column.digits}",
            meta={} if column.ucd is None else {"ucd": column.ucd},
        )
    return table
