"""The command `python -m benchmarks.survey_model`: how long a survey takes on many workers.

A model on paper of `astroattn survey`. The catalogue is planned by one process. Then chunks of
rows are scored by workers, which share one scheduler and one storage:

    time = start + rows / plan_rate + max(compute, scheduler, storage) + last chunk
    compute = rows x row_time / workers
    scheduler = chunks x task_time
    storage = rows x field_bytes x read_again / bandwidth

The largest term names the limit. The constants are those of `docs/notes/survey_speed.md`;
measure yours by `python -m benchmarks.survey speed` and `memory`.
"""

import math
import sys
from dataclasses import dataclass, replace
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import run_app
from keras_astroattn.survey.settings import CHUNK_SIZE

WORKERS = (1, 10, 30, 100, 300, 1000)

Positive = Annotated[float, Parameter(validator=Number(gt=0))]

app = cyclopts.App(name="python -m benchmarks.survey_model", version_flags=[])


@dataclass(frozen=True)
class Survey:
    """Constants of a survey.

    Attributes:
        rows: rows of the catalogue.
        workers: worker processes, one thread each.
        chunk_size: rows of a chunk, which is one task and one output file.
        row_time: processor time of a row on one worker, s.
        plan_rate: rows that one process plans in a second.
        start: time until the workers are ready, s.
        task_time: scheduler's time for a task, s.
        field_bytes: bytes of the pixels around a source.
        read_again: how often a pixel is read from the storage in the mean.
        bandwidth: bytes a second of the storage, all workers together.
    """

    rows: float
    workers: int
    chunk_size: int
    row_time: float
    plan_rate: float
    start: float
    task_time: float
    field_bytes: float
    read_again: float
    bandwidth: float

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return math.ceil(self.rows / self.chunk_size)

    def parts(self) -> dict[str, float]:
        """Return the duration of each part by its name, s."""
        return {
            "planning": self.rows / self.plan_rate,
            "compute": self.rows * self.row_time / min(self.workers, self.chunks),
            "scheduler": self.chunks * self.task_time,
            "storage": self.rows * self.field_bytes * self.read_again / self.bandwidth,
        }

    def duration(self) -> float:
        """Return the duration of the survey, s."""
        parts = self.parts()
        scoring = max(parts["compute"], parts["scheduler"], parts["storage"])
        last_chunk = self.chunk_size * self.row_time if self.workers > 1 else 0.0
        return self.start + parts["planning"] + scoring + last_chunk


@app.default
def model(
    *,
    rows: Positive = 70e6,
    chunk_size: Annotated[int, Parameter(validator=Number(gte=1))] = CHUNK_SIZE,
    row_time: Positive = 9.8e-3,
    plan_rate: Positive = 1e6 / 12,
    start: Positive = 5.0,
    task_time: Positive = 1e-3,
    field_bytes: Positive = 300 * 300 * 4,
    read_again: Positive = 1.0,
    bandwidth: Positive = 1e9,
) -> None:
    """Print the duration of a survey on 1 to 1000 workers, and the limit.

    Args:
        rows: Rows of the catalogue.
        chunk_size: Rows of a chunk (`astroattn survey --chunk-size`).
        row_time: Processor time of a row, s.
        plan_rate: Rows that are planned in a second.
        start: Start of the workers, s.
        task_time: Time of the scheduler for a task, s.
        field_bytes: Bytes of the pixels around a source.
        read_again: How often a pixel is read.
        bandwidth: Bytes a second of the storage.
    """
    one = Survey(
        rows, 1, chunk_size, row_time, plan_rate, start, task_time, field_bytes, read_again,
        bandwidth,
    )  # fmt: skip
    title = f"{rows:.3g} rows, {one.chunks} chunks of {chunk_size} rows (tasks and files)"
    table = Table(title=title)
    names = ("workers", "hours", "speed-up", "efficiency", "limited by", *one.parts())
    for name in names:
        table.add_column(name, justify="right")
    for workers in WORKERS:
        survey = replace(one, workers=workers)
        parts = survey.parts()
        speed_up = one.duration() / survey.duration()
        table.add_row(
            str(workers), f"{survey.duration() / 3600:.2f}", f"{speed_up:.0f}",
            f"{speed_up / workers:.0%}", max(parts, key=parts.get),
            *(f"{seconds / 3600:.2f}" for seconds in parts.values()),
        )  # fmt: skip
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(run_app(app))
