"""The command `python -m train.studies.recipe`: accuracy and cost of the default recipe.

It measures the accuracy and the computing time of the default recipe on MiraBest*. Each run is
`python -m train.run` in its own process. It trains on all training images, and is evaluated once,
by one clean pass over the test images. Finished runs are not repeated.
"""

import csv
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.plots import accuracy_time_figure, save_figure
from keras_astroattn.process import available_cores
from keras_astroattn.report import csv_table, mean_and_spread

from ..runner import Training, run_trainings

PAPER_ACCURACY = 0.917
"""Accuracy on MiraBest*, pooled over 360 transforms (Bowles et al. 2021)."""

CORES_OF_A_LAPTOP = 2
"""Cores of the machine whose wall time the figure shows."""

RESULTS_FILE = "results.csv"

app = new_app(
    name="python -m train.studies.recipe",
    help=__doc__.split("\n\n")[1],
)


@app.default
def benchmark(
    *,
    output: Path = Path("runs/benchmark-recipe"),
    data_dir: Path | None = None,
    seeds: int = 5,
    epochs: Annotated[list[int], Parameter(consume_multiple=True)] = [30],  # noqa: B006
    parallel: int = 1,
    train: bool = True,
) -> int:
    """Train and evaluate the missing runs, and print a table of all runs.

    Args:
        output: Folder of the runs and of results.csv.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        seeds: Number of runs of each length.
        epochs: Lengths of the runs.
        parallel: Number of runs at a time, which share the cores.
        train: With --no-train, only show the finished runs.
    """
    console = Console()
    output.mkdir(parents=True, exist_ok=True)
    wanted = [(length, seed) for length in sorted(epochs) for seed in range(seeds)]
    rows = _read(output / RESULTS_FILE)
    missing = [run for run in wanted if train and run not in rows]
    trainings = [
        Training(
            f"{length} epochs, seed {seed}",
            functools.partial(_train, output, data_dir, length, seed, parallel),
        )
        for length, seed in missing
    ]
    results = run_trainings(trainings, console, parallel)
    for run, (_, row) in zip(missing, results, strict=True):
        rows[run] = row
        write_text(output / RESULTS_FILE, csv_table(rows[key] for key in sorted(rows)))
    _report(output, rows, wanted, console)
    return 0


def _report(output: Path, rows: dict, wanted: list[tuple[int, int]], console: Console) -> None:
    chosen = {run: rows[run] for run in wanted if run in rows}
    console.print(_table(chosen))
    groups: dict[str, list[tuple[float, float]]] = {}
    for (epochs, _), row in sorted(chosen.items()):
        minutes = row["core_minutes"] / CORES_OF_A_LAPTOP
        groups.setdefault(f"{epochs} epochs", []).append((minutes, row["accuracy"]))
    figure = accuracy_time_figure(
        groups,
        ("Bowles et al. 2021, pooled", PAPER_ACCURACY),
        f"core minutes / {CORES_OF_A_LAPTOP}",
    )
    for path in save_figure(figure, output / "accuracy_time.png", formats=("png",)):
        console.print(f"the curve: {path}", highlight=False)


def _train(
    output: Path, data_dir: Path | None, epochs: int, seed: int, parallel: int
) -> dict[str, float | str]:
    """Train in a separate process, and return the measures of the run."""
    folder = _folder(output, epochs, seed)
    options: dict[str, object] = {
        "data": "mirabest-confident",
        "validation-fraction": 0,
        "evaluate": "test",
        "epochs": epochs,
        "seed": seed,
        "output": folder,
    }
    if data_dir is not None:
        options["data-dir"] = data_dir
    command = [sys.executable, "-m", "train.run"]
    command += [f"--{name}={value}" for name, value in options.items()]
    if folder.exists():
        command += ["--resume"]
    threads = str(max(1, available_cores() // parallel))
    environment = {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
    }
    log = folder.with_suffix(".log")
    started = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status != 0:
        raise InputError(f"a run failed: see {log}")
    clean = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["clean"]
    return {
        "epochs": epochs,
        "seed": seed,
        "accuracy": clean["accuracy"],
        "auc": clean["auc"],
        "wall_minutes": wall / 60,
        "core_minutes": (usage.ru_utime + usage.ru_stime) / 60,
        "peak_gb": usage.ru_maxrss * 1024 / 1e9,
        "tested": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
    }


def _folder(output: Path, epochs: int, seed: int) -> Path:
    return output / f"epochs{epochs}-seed{seed}"


_WRITTEN_AS = {"tested": str, "epochs": int, "seed": int}
"""Types of the columns of results.csv that are not floats."""


def _read(path: Path) -> dict[tuple[int, int], dict]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (int(row["epochs"]), int(row["seed"])): {
            name: _WRITTEN_AS.get(name, float)(value) for name, value in row.items()
        }
        for row in rows
    }


def _table(rows: dict[tuple[int, int], dict]) -> Table:
    table = Table(title="MiraBest* test (104 sources), one clean pass, recipe fast, 729 sources")
    for column in (
        "epochs",
        "seeds",
        "accuracy %",
        "each",
        "AUC",
        "minutes",
        "core minutes",
        "peak GB",
    ):
        table.add_column(column, justify="right")
    for epochs in sorted({run[0] for run in rows}):
        group = [row for run, row in rows.items() if run[0] == epochs]
        accuracy = 100 * np.array([row["accuracy"] for row in group])
        table.add_row(
            str(epochs),
            str(len(group)),
            mean_and_spread(accuracy, 1),
            " ".join(f"{value:.1f}" for value in accuracy),
            f"{np.mean([row['auc'] for row in group]):.3f}",
            f"{np.mean([row['wall_minutes'] for row in group]):.1f}",
            f"{np.mean([row['core_minutes'] for row in group]):.1f}",
            f"{max(row['peak_gb'] for row in group):.2f}",
        )
    table.caption = f"the paper: {100 * PAPER_ACCURACY:.1f} % (360 transforms pooled)"
    return table


if __name__ == "__main__":
    sys.exit(run_app(app))
