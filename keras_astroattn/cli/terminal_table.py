"""Print classified sources as a table to read on a terminal."""

from collections.abc import Callable, Iterable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_astroattn.outputs import probability_text
from keras_astroattn.tables import printable

_NUMBERS = {
    "P(FRI)": ("p_fri", probability_text),
    "P(FRII)": ("p_frii", probability_text),
    "size\n(arcsec)": ("largest_angular_size_arcsec", "{:.0f}".format),
    "peak /\nnoise": ("peak_snr", "{:.0f}".format),
}
"""Column of each number and how it is written, by its heading."""

_NARROWEST = 80
"""Least width of the table; a narrower terminal breaks its lines."""


def print_sources(rows: Iterable[Mapping[str, str | float | None]]) -> None:
    """Print the name, label, probabilities, size, brightness and flags of sources.

    Explanations follow the table, if the rows have them. A file that another program reads holds
    all columns; see `write_csv_rows`.

    Args:
        rows: rows of a table; numbers may be texts, and missing ones None or "".
    """
    table = Table()
    table.add_column("name", overflow="fold")
    table.add_column("label", no_wrap=True)
    for heading in _NUMBERS:
        table.add_column(heading, no_wrap=True)
    table.add_column("flags", overflow="fold")
    explanations = []
    for row in rows:
        name = printable(str(row["name"]))
        numbers = [_written(row[column], write) for column, write in _NUMBERS.values()]
        flags = str(row["flags"] or "").replace(";", ", ")
        table.add_row(Text(name), str(row["label"]), *numbers, flags)
        if row.get("explanation"):
            explanations.append(f"{name}: {row['explanation']}")
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, _NARROWEST)
    console.print(table)
    for text in explanations:
        console.print(text, soft_wrap=True)


def _written(number: str | float | None, write: Callable[[float], str]) -> str:
    return "" if number in (None, "") else write(float(number))
