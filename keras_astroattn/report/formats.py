"""Format tables as Markdown and CSV, and numbers as cells."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Record = dict[str, str | int | float]
"""One row of a results file, by the name of the column."""


def csv_table(records: Iterable[Mapping[str, object]]) -> str:
    """Write records as CSV in full precision, under a header.

    Args:
        records: at least one record; the columns are those of all records, in the order of
            their first occurrence. A missing value is left empty.
    """
    records = list(records)
    text = io.StringIO()
    columns = list(dict.fromkeys(name for record in records for name in record))
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[object]], text: int = 1) -> str:
    """Write a Markdown table.

    Args:
        headers: titles of the columns.
        rows: cells of each row.
        text: number of leftmost columns that hold text; the others are aligned right.
    """
    rules = ["---"] * text + ["---:"] * (len(headers) - text)
    # An unescaped bar would end its cell.
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n"
        for line in (headers, rules, *rows)
    )


def with_interval(
    record: Mapping[str, float], name: str, digits: int, *, factor: float = 1, signed: bool = False
) -> str:
    """Format a value with its interval, such as `0.912 (0.857 to 0.948)`.

    Args:
        record: record with the value under `name` and the bounds under `name_low` and
            `name_high`.
        name: name of the value.
        digits: number of digits after the decimal point.
        factor: factor of the value and the bounds; 100 for percent.
        signed: whether to write a plus sign.
    """
    sign = "+" if signed else ""
    value, low, high = (
        f"{factor * record[name + end]:{sign}.{digits}f}" for end in ("", "_low", "_high")
    )
    return f"{value} ({low} to {high})"


def percentage(share: float, bounds: tuple[float, float], digits: int = 1) -> str:
    """Format a share and its interval in percent; the bounds have no decimals."""
    low, high = bounds
    return f"{100 * share:.{digits}f} ({100 * low:.0f} to {100 * high:.0f})"


def mean_and_spread(values: Sequence[float] | np.ndarray, digits: int) -> str:
    """Format a mean and the sample standard deviation, which a single value does not have."""
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"
