"""Peak memory of the processes that score a catalogue of a million rows."""

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.datasets.simulation.survey import SimulatedSurvey
from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.errors import InputError

from .runs import Positive, command, folder_or_temporary, run, simulated_survey

_INTERVAL = 0.25  # seconds between looks at the memory
_MIB = 2**20


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
    with folder_or_temporary(folder) as here:
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
