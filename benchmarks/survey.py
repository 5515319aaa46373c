"""The command `python -m benchmarks.survey`: speed and memory of `astroattn survey`.

`speed` scores a simulated survey with one worker and with two, from files that are not in the
system's cache, and compares it with the bare network in as many processes. The survey has no
point sources, so that every row runs the network. `memory` scores a catalogue of a million rows
and measures the memory of the processes. `agree` compares the local cluster with workers that
were started separately.
"""

import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
import psutil
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import run_app
from keras_astroattn.datasets.simulation.survey import SimulatedSurvey, simulate_survey
from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.errors import InputError

COMMAND = (sys.executable, "-m", "keras_astroattn.cli")
_INTERVAL = 0.25  # seconds between looks at the memory
_MIB = 2**20

Positive = Annotated[int, Parameter(validator=Number(gte=1))]

app = cyclopts.App(name="python -m benchmarks.survey", version_flags=[])


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


def repeated(simulated: SimulatedSurvey, path: Path, rows: int) -> Path:
    """Write a CSV catalogue of `rows` rows that repeats the sources."""
    with path.open("w") as file:
        file.write("id,ra,dec\n")
        for row in range(rows):
            number = row % len(simulated.name)
            file.write(
                f"{row:09d},{float(simulated.ra[number])!r},{float(simulated.dec[number])!r}\n"
            )
    return path


def command(catalogue: Path, tiles: Path, output: Path, *more: object) -> list[str]:
    """Return the command line of a survey."""
    return [*COMMAND, "survey", "--catalogue", str(catalogue), "--images", str(tiles),
            "--output", str(output), *map(str, more)]  # fmt: skip


def run(arguments: list[str]) -> float:
    """Run a command and return its duration in seconds.

    Raises:
        InputError: The command fails.
    """
    begun = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"the survey ended with status {done.returncode}: {done.stderr[-500:]}")
    return time.perf_counter() - begun


@app.command
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
    with _folder(folder) as here:
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


class Watch:
    """Measure the peak resident memory of a process and of its workers, MiB.

    Attributes:
        command: peak of the process.
        worker: peak of the largest worker.
    """

    def __init__(self, process: subprocess.Popen):
        self.command = self.worker = 0.0
        self._process = psutil.Process(process.pid)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while True:
            try:
                self.command = max(self.command, self._process.memory_info().rss / _MIB)
                children = self._process.children(recursive=True)
            except psutil.NoSuchProcess:
                return
            for child in children:
                try:
                    if "spawn_main" in " ".join(child.cmdline()):
                        self.worker = max(self.worker, child.memory_info().rss / _MIB)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(_INTERVAL)


@app.command
def memory(
    *,
    rows: Positive = 1_000_000,
    on_tiles: Annotated[float, Parameter(validator=Number(gte=0, lte=1))] = 0.02,
    sources: Positive = 400,
    tiles: Positive = 10,
    workers: Positive = 2,
    chunk_size: Positive = 2000,
    model: str = DEFAULT_PRESET,
    folder: Path | None = None,
) -> None:
    """Measure the peak memory of a large run, and the time to resume it when it is finished.

    Args:
        rows: Number of rows of the catalogue.
        on_tiles: Share of the rows that lie on a tile. The others are spread over the sky.
        sources: Number of simulated sources on the tiles.
        tiles: Number of tiles.
        workers: Number of worker processes.
        chunk_size: Number of rows in a file.
        model: Name of a preset, or path of a .tflite file.
        folder: Folder for the files; by default a temporary one.
    """
    with _folder(folder) as here:
        simulated = simulated_survey(here, sources, tiles)
        catalogue = here / "million.parquet"
        _scattered(simulated, catalogue, rows, on_tiles)
        output = here / "result-million"
        arguments = command(catalogue, here / "survey" / "tiles", output, "--workers", workers,
                            "--model", model, "--chunk-size", chunk_size)  # fmt: skip
        begun = time.perf_counter()
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        watch = Watch(process)
        errors = process.communicate()[1]
        if process.returncode:
            raise InputError(f"the survey failed: {errors[-500:]}")
        seconds = time.perf_counter() - begun
        summary = json.loads((output / "_summary.json").read_text())
        before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
        resumed = run([*arguments, "--resume"])
        touched = {path: path.stat().st_mtime_ns for path in output.rglob("*")} != before
        _require_each_row_once(output, rows)
    table = Table(title=f"{rows} rows, {on_tiles:.1%} of them on a tile", show_header=False)
    table.add_row("command, peak", f"{watch.command:.0f} MiB")
    table.add_row("largest worker, peak", f"{watch.worker:.0f} MiB")
    table.add_row("planned in", f"{summary['last_session']['planning_seconds']:.0f} s")
    table.add_row("all in", f"{seconds:.0f} s")
    table.add_row("labels", str(summary["labels"]))
    table.add_row("resuming when finished", f"{resumed:.2f} s, files touched: {touched}")
    Console().print(table)


def _scattered(simulated: SimulatedSurvey, path: Path, rows: int, on_tiles: float) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    schema = None
    writer = None
    for start in range(0, rows, 100_000):
        count = min(100_000, rows - start)
        inside = rng.random(count) < on_tiles
        which = rng.integers(0, len(simulated.name), count)
        ra = np.where(inside, simulated.ra[which], rng.uniform(0, 360, count))
        dec = np.where(
            inside, simulated.dec[which], np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
        )
        number = np.arange(start, start + count)
        table = pa.table(
            {
                "Source_Name": [f"ILTJ{n:012d}.00+000000.0" for n in number],
                "RA": ra,
                "DEC": dec,
                **{f"value_{k}": rng.random(count) for k in range(12)},
                "Mosaic_ID": [f"P{n % 360:03d}+{n % 90:02d}" for n in number],
            }
        )
        if writer is None:
            schema = table.schema
            writer = pq.ParquetWriter(path, schema)
        writer.write_table(table)
    writer.close()


def _require_each_row_once(output: Path, rows: int) -> None:
    from keras_astroattn.survey.parts import read_parts

    seen = np.zeros(rows, np.int8)
    for table in read_parts(output, ["aa_row"]):
        np.add.at(seen, table.column("aa_row").to_numpy(), 1)
    if not (seen == 1).all():
        raise InputError(f"{int((seen != 1).sum())} rows do not stand in the table exactly once")


@app.command
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
    with _folder(folder) as here:
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


def simulated_survey(
    folder: Path, sources: int, tiles: int, point_share: float = 1 / 3
) -> SimulatedSurvey:
    """Simulate a survey in the subfolder `survey` of a folder, which is replaced."""
    shutil.rmtree(folder / "survey", ignore_errors=True)
    return simulate_survey(folder / "survey", sources, tiles, seed=7, point_share=point_share)


@contextlib.contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    """Yield the named folder, or a temporary one that is removed afterwards."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="survey-") as temporary:
        yield Path(temporary)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
