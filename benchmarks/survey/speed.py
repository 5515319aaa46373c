"""Rows per second of a survey with one worker and with two, from files that are not cached.

The survey has no point sources, so that every row runs the network. It is compared with the bare
network in as many processes.
"""

import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.errors import InputError

from .runs import Positive, command, folder_or_temporary, repeated, run, simulated_survey


def speed(
    *,
    sources: Positive = 400,
    tiles: Positive = 10,
    rows: Positive = 4000,
    rounds: Positive = 2,
    model: str = DEFAULT_PRESET,
    folder: Path | None = None,
) -> None:
    """Measure rows per second with one worker and with two, and those of the bare network.

    Args:
        sources: Number of simulated radio galaxies.
        tiles: Number of tiles of the survey.
        rows: Number of rows of the catalogue, in which each source occurs many times.
        rounds: Number of alternating measurements; the best one counts.
        model: Name of a preset, or path of a .tflite file.
        folder: Folder for the files; by default a temporary one.
    """
    with folder_or_temporary(folder) as here:
        simulated = simulated_survey(here, sources, tiles, point_share=0.0)
        catalogue = repeated(simulated, here / "catalogue.csv", rows)
        best: dict[str, float] = {}

        def keep(name: str, rate: float) -> None:
            best[name] = max(rate, best.get(name, 0.0))

        for number in range(rounds):
            for workers in (1, 2):
                keep(f"network, {workers}", bare_rate(workers, 300, model))
                output = here / f"result-{number}-{workers}"
                forget(here / "survey")
                seconds = run(
                    command(catalogue, here / "survey" / "tiles", output, "--workers", workers,
                            "--model", model, "--chunk-size", 200)
                )  # fmt: skip
                summary = json.loads((output / "_summary.json").read_text())
                if summary["labels"].get("error", 0) or summary["rows"] != rows:
                    raise InputError(f"not every row was scored: {summary['labels']}")
                keep(f"command, {workers}", rows / seconds)
                keep(f"scoring, {workers}", summary["last_session"]["rows_per_second"])
    table = Table(title=f"{rows} rows, {tiles} tiles, cold files; best of {rounds}")
    for name in ("rows/s", "1 worker", "2 workers", "2 over 1"):
        table.add_column(name, justify="right" if name != "rows/s" else "left")
    for name in ("network", "command", "scoring"):
        one, two = best[f"{name}, 1"], best[f"{name}, 2"]
        table.add_row(name, f"{one:.1f}", f"{two:.1f}", f"{two / one:.2f}")
    for name in ("command", "scoring"):
        shares = (best[f"{name}, {w}"] / best[f"network, {w}"] for w in (1, 2))
        table.add_row(f"{name} / network", *(f"{share:.0%}" for share in shares), "")
    Console().print(table)


def bare_rate(processes: int, images: int, model: str) -> float:
    """Return images per second of the bare network in several processes of one thread."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    queue = context.Queue()
    workers = [
        context.Process(target=_predict, args=(barrier, queue, images, model))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    times = [queue.get() for _ in workers]
    for worker in workers:
        worker.join()
    return processes * images / max(times)


def _predict(barrier, queue, images: int, model: str) -> None:
    classifier = Classifier(model)
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (1, 150, 150, 1)).astype(np.float32)
    for _ in range(20):
        classifier.predict(image)
    barrier.wait()
    begun = time.perf_counter()
    for _ in range(images):
        classifier.predict(image)
    queue.put(time.perf_counter() - begun)


def forget(folder: Path) -> None:
    """Remove the files of a folder from the system's cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
