"""`python -m train.studies.recipe`: what the default recipe reaches, and in how much time.

Each run is `python -m train.run` in a process of its own: on all training images of
MiraBest* (the recipe was chosen on validation images; none are held out here) and tested
by one clean pass over its test batch, once a run, which the table logs. Runs that are
done are not repeated.
"""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.plots import accuracy_time_figure, save_figure
from keras_astroattn.report import csv_table, mean_and_spread

PAPER_ACCURACY = 0.917
"""MiraBest*, 360 transforms pooled (Bowles et al. 2020)."""

CORES_OF_A_LAPTOP = 2
"""The time on the wall of a machine that does nothing else: two cores are kept busy."""

RESULTS_FILE = "results.csv"

app = cyclopts.App(name="python -m train.studies.recipe", help=__doc__.split("\n\n")[1])


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
    """Train, test, and print the table.

    Args:
        output: folder of the runs and of results.csv.
        data_dir: folder of the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`.
        seeds: runs of each length.
        epochs: lengths of the runs.
        parallel: runs at once, the processor's cores shared between them.
        train: with --no-train, show the runs that are there.
    """
    console = Console()
    output.mkdir(parents=True, exist_ok=True)
    wanted = [(length, seed) for length in sorted(epochs) for seed in range(seeds)]
    rows = _read(output / RESULTS_FILE)
    missing = [run for run in wanted if train and run not in rows]
    for start in range(0, len(missing), parallel):
        together = missing[start : start + parallel]
        console.print(f"training (epochs, seed) {', '.join(map(str, together))}", highlight=False)
        started = [_start(output, data_dir, *run, parallel) for run in together]
        for run, process in zip(together, started, strict=True):
            rows[run] = _finish(output, *run, *process)
            _write(output / RESULTS_FILE, rows)
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


def _start(
    output: Path, data_dir: Path | None, epochs: int, seed: int, parallel: int
) -> tuple[subprocess.Popen, float]:
    threads = str(max(1, len(os.sched_getaffinity(0)) // parallel))
    command = [sys.executable, "-m", "train.run", "--data", "mirabest-confident"]
    command += ["--validation-fraction", "0", "--evaluate", "test"]
    command += [
        "--epochs",
        str(epochs),
        "--seed",
        str(seed),
        "--output",
        str(_folder(output, epochs, seed)),
    ]
    if data_dir is not None:
        command += ["--data-dir", str(data_dir)]
    if _folder(output, epochs, seed).exists():
        command += ["--resume"]
    environment = {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
    }
    log = (output / f"epochs{epochs}-seed{seed}.log").open("w")
    return subprocess.Popen(command, stdout=log, stderr=log, env=environment), time.perf_counter()


def _finish(
    output: Path, epochs: int, seed: int, process: subprocess.Popen, started: float
) -> dict[str, float]:
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status != 0:
        raise InputError(f"a run failed: see {output / f'epochs{epochs}-seed{seed}.log'}")
    saved = json.loads((_folder(output, epochs, seed) / "evaluation.json").read_text())["clean"]
    return {
        "epochs": epochs,
        "seed": seed,
        "accuracy": saved["accuracy"],
        "auc": saved["auc"],
        "wall_minutes": wall / 60,
        "core_minutes": (usage.ru_utime + usage.ru_stime) / 60,
        "peak_gb": usage.ru_maxrss * 1024 / 1e9,
        "tested": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
    }


def _folder(output: Path, epochs: int, seed: int) -> Path:
    return output / f"epochs{epochs}-seed{seed}"


_WRITTEN_AS = {"tested": str, "epochs": int, "seed": int}
"""Columns of results.csv that are not fractions."""


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


def _write(path: Path, rows: dict[tuple[int, int], dict]) -> None:
    write_text(path, csv_table(rows[run] for run in sorted(rows)))


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
