"""The tables of a sweep: every run, and mean and spread over seeds."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.report import (
    Record,
    csv_table,
    evaluation_markdown,
    spread_markdown,
    spread_records,
    spread_table,
)

from .configuration import saved_config
from .sources import DATA_TITLES
from .training import RunResult

RUNS_TABLE = "runs.csv"
SUMMARY = "summary"


def write_summary(folder: Path, results: Mapping[Path, RunResult], console: Console) -> None:
    """Write runs.csv, summary.csv and summary.md, and show the summary.

    Args:
        folder: the folder of the sweep.
        results: results by the folder of the run.
        console: console for the summary.

    Raises:
        InputError: The folder cannot be written to.
    """
    records = [record for result in results.values() for record in _records(result)]
    spread = spread_records(records)
    text = (
        "# Mean and standard deviation over seeds\n\n"
        f"{spread_markdown(spread)}\n# Runs\n\n{evaluation_markdown(records)}"
    )
    try:
        write_text(folder / RUNS_TABLE, csv_table(records))
        write_text(folder / f"{SUMMARY}.csv", csv_table(spread))
        write_text(folder / f"{SUMMARY}.md", text)
    except OSError as error:
        raise InputError(f"cannot write the table in {folder} ({error.strerror})") from None
    console.print(spread_table(spread))


def _records(result: RunResult) -> list[Record]:
    config = saved_config(result.folder)
    columns = {
        "model": result.folder.name,
        "gates": config.gates,
        "normalization": config.normalization if config.gates else "",
        "aggregation": config.aggregation if config.gates else "",
        "trained_on": DATA_TITLES.get(config.data, config.data),
        "seed": config.seed,
    }
    # The confident labels are part of the clean pass, and only some seeds hold out uncertain ones.
    return [
        columns | evaluation.record()
        for protocol, evaluation in result.evaluations.items()
        if protocol != "confident"
    ]
