"""The local cluster against workers that were started separately: their tables must be equal."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from keras_astroattn.datasets.simulation.survey import SimulatedSurvey
from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.errors import InputError

from .runs import Positive, command, folder_or_temporary, run, simulated_survey


def agree(
    *,
    sources: Positive = 2000,
    tiles: Positive = 20,
    workers: Positive = 2,
    model: str = DEFAULT_PRESET,
    folder: Path | None = None,
) -> None:
    """Score a simulated survey on a local cluster and on separate workers, and compare.

    A third of the sources are point sources. The table also compares the labels with the truth.

    Args:
        sources: Number of simulated radio galaxies and point sources.
        tiles: Number of tiles that they lie on.
        workers: Number of processes of each cluster.
        model: Preset or path of the network.
        folder: Where the files are written; by default a temporary folder.
    """
    with folder_or_temporary(folder) as here:
        simulated = simulated_survey(here, sources, tiles)
        where = here / "survey" / "tiles"
        local, attached = here / "result-local", here / "result-attached"
        more = ("--model", model)
        run(command(simulated.catalogue, where, local, "--workers", workers, *more))
        with _Cluster(workers, here) as address:
            run(command(simulated.catalogue, where, attached, "--scheduler", address,
                        "--chunk-size", 333, *more))  # fmt: skip
        one, other = (_rows(output) for output in (local, attached))
        if one != other or len(one) != sources:
            raise InputError("the two tables differ")
        _tell_truth(simulated, one)


class _Cluster:
    """Context that starts a scheduler and workers as processes, and gives the address."""

    def __init__(self, workers: int, folder: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._workers, self._folder = workers, folder
        self._processes: list[subprocess.Popen] = []

    def __enter__(self) -> str:
        address = f"tcp://127.0.0.1:{self._port}"
        dask = (sys.executable, "-m", "dask")
        commands = [
            (*dask, "scheduler", "--host", "127.0.0.1", "--port", str(self._port),
             "--no-dashboard"),
            *[(*dask, "worker", address, "--nthreads", "1", "--no-dashboard")] * self._workers,
        ]  # fmt: skip
        for one in commands:
            self._processes.append(
                subprocess.Popen(
                    one,
                    cwd=self._folder,
                    env=os.environ | {"PYTHONPATH": os.getcwd()},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            time.sleep(2)
        return address

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()


def _rows(output: Path) -> list[dict]:
    from keras_astroattn.survey.parts import read_parts

    rows = [row for table in read_parts(output) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row["aa_row"])


def _tell_truth(simulated: SimulatedSurvey, rows: list[dict]) -> None:
    kind = dict(zip(simulated.name.tolist(), simulated.kind.tolist(), strict=True))
    labels = sorted({row["aa_label"] for row in rows})
    table = Table(title=f"{len(rows)} rows, the same from both clusters")
    for name in ("truth", *labels):
        table.add_column(name, justify="right" if name != "truth" else "left")
    for true in ("FRI", "FRII", "point"):
        counts = [
            sum(kind[row["Source_Name"]] == true and row["aa_label"] == label for row in rows)
            for label in labels
        ]
        table.add_row(true, *map(str, counts))
    Console().print(table)
