"""The table of a sweep: every run, and mean and spread over seeds."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text

from .configuration import saved_config
from .paper.catalogue import DATA_TITLES
from .paper.tables import (
    SPREAD_BY,
    Row,
    csv_table,
    evaluation_markdown,
    row_configuration,
    spread_markdown,
    spread_rows,
)
from .training import RunResult

RUNS_TABLE = "runs.csv"
SUMMARY = "summary"


def write_summary(folder: Path, results: Mapping[Path, RunResult], console: Console) -> None:
    """Write runs.csv, summary.csv and summary.md, and show the summary.

    Args:
        folder: Of the sweep.
        results: By the folder of the run.
        console: Where to show it.

    Raises:
        InputError: the folder cannot be written to.
    """
    rows = [row for result in results.values() for row in _rows(result)]
    spread = spread_rows(rows, SPREAD_BY)
    text = (
        "# Mean and standard deviation over seeds\n\n"
        f"{spread_markdown(spread)}\n# Runs\n\n{evaluation_markdown(rows)}"
    )
    try:
        write_text(folder / RUNS_TABLE, csv_table(rows))
        write_text(folder / f"{SUMMARY}.csv", csv_table(spread))
        write_text(folder / f"{SUMMARY}.md", text)
    except OSError as error:
        raise InputError(f"cannot write the table in {folder} ({error.strerror})") from None
    console.print(_table(spread))


def _rows(result: RunResult) -> list[Row]:
    config = saved_config(result.folder)
    columns = {
        "model": result.folder.name,
        "gates": config.gates,
        "normalization": config.normalization if config.gates else "",
        "aggregation": config.aggregation if config.gates else "",
        "trained_on": DATA_TITLES.get(config.data, config.data),
        "seed": config.seed,
    }
    # Confident labels alone are a part of the clean pass, and not every seed holds out others.
    return [
        columns | evaluation.record()
        for protocol, evaluation in result.evaluations.items()
        if protocol != "confident"
    ]


def _table(rows: list[Row]) -> Table:
    table = Table(title="mean and spread over seeds", title_justify="left")
    for name in ("network", "data", "evaluated on"):
        table.add_column(name)
    for name in ("seeds", "accuracy %", "AUC"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = []
        for metric, factor, digits in (("accuracy", 100, 1), ("AUC", 1, 3)):
            mean, spread = row[f"{metric}_mean"], row[f"{metric}_spread"]
            text = f"{factor * mean:.{digits}f}"
            cells.append(text if spread == "" else f"{text} ± {factor * spread:.{digits}f}")
        table.add_row(
            row_configuration(row), row["trained_on"], row["protocol"], str(row["seeds"]), *cells
        )
    return table
