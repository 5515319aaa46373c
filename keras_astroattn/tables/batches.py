"""Groups of rows, column by column, as the writers take them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from .columns import Column

Values = "list[str | None] | np.ma.MaskedArray"
"""Values of a column in a group of rows: texts, or numbers of which some are masked."""

Batch = Sequence
"""The `Values` of all columns, in their order."""

ROWS = 5000
"""Number of rows of a group."""


def batches_of(
    columns: Sequence[Column], rows: Iterable[Mapping], size: int = ROWS
) -> Iterator[Batch]:
    """Yield rows in groups, as the writers take them.

    Args:
        columns: columns of the table.
        rows: values by the names of the columns; None is unknown.
        size: largest number of rows of a group.

    Yields:
        The values of each column for a group of rows.
    """
    group: list[Mapping] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield [_values(column, group) for column in columns]
            group = []
    if group:
        yield [_values(column, group) for column in columns]


def _values(column: Column, group: list[Mapping]):
    values = [row.get(column.name) for row in group]
    if column.dtype == "str":
        return values
    mask = [value is None for value in values]
    filled = [0 if value is None else value for value in values]
    return np.ma.MaskedArray(np.array(filled, column.dtype), mask)
