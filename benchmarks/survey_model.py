"""The command `python -m benchmarks.survey_model`: how long a survey takes on many workers.

A model on paper of `astroattn survey`. One process indexes the tiles and plans the catalogue.
Then workers score chunks of rows and share one scheduler and one storage:

    time = start + planning + max(compute, scheduler, storage) + last chunk
    planning = tiles x open_time + rows / plan_rate
    compute = (rows x row_time + openings x open_time + chunks x part_time) / workers
    scheduler = chunks x task_time
    storage = (read bytes x read_again + rows x result_bytes) / bandwidth

The rows of a chunk follow each other on their tiles. Each chunk opens its tiles itself: there are
tiles + chunks openings. A source needs its field's rows of pixels, rounded up to whole strips
(`TileCache`), over the width of the tile. Sources of a chunk share them; the next chunk on a tile
reads those at the border again. So

    read bytes = min(rows x field, tiles x side + chunks x field) x side x pixel_bytes

with field = 300 + 64 rows of pixels. The constants are those of `docs/notes/survey_speed.md`;
`python -m benchmarks.survey_constants` and `python -m benchmarks.survey speed` measure yours.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.survey.settings import CHUNK_SIZE

WORKERS = (1, 10, 30, 100, 300, 1000)
CHUNK_SIZES = (30, 100, 300, 1000, 3000, 10_000)

FIELD_ROWS = 300 + 64
"""Rows of pixels that a source needs: its field, rounded up to whole strips of 64 rows."""

SETTINGS = {
    "planning": "a part of the catalogue each in several surveys",
    "compute": "more workers",
    "scheduler": "a larger --chunk-size",
    "storage": "tiles on the disks of the workers",
    "last chunk": "a smaller --chunk-size",
}
"""The setting against each limit."""

Positive = Annotated[float, Parameter(validator=Number(gt=0))]

app = new_app(name="python -m benchmarks.survey_model")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Survey:
    """Constants of a survey."""

    rows: Positive = 70e6
    """Rows of the catalogue."""

    workers: Annotated[int, Parameter(validator=Number(gte=1))] = 100
    """Worker processes, one thread each, in the table of chunk sizes."""

    chunk_size: Annotated[int, Parameter(validator=Number(gte=1))] = CHUNK_SIZE
    """Rows of a chunk, which is one task and one output file (`astroattn survey --chunk-size`)."""

    row_time: Positive = 9.8e-3
    """Processor time of a row on one worker, s."""

    plan_rate: Positive = 1e6 / 12
    """Rows that one process plans in a second."""

    start: Positive = 5.0
    """Time until the workers are ready, s."""

    task_time: Positive = 1e-3
    """Scheduler's time for a task, s."""

    open_time: Positive = 1e-3
    """Processor time to open a tile, s."""

    part_time: Positive = 5e-3
    """Processor time to write the file of a chunk, s."""

    result_bytes: Positive = 160.0
    """Bytes of a row in the output files."""

    tiles: Positive = 14_000
    """Number of tiles."""

    side: Positive = 8000
    """Height and width of a tile, pixels."""

    pixel_bytes: Positive = 4
    """Bytes of a pixel in the storage."""

    read_again: Positive = 1.0
    """How often a pixel is read from the storage, beyond what chunks share; above 1 if the cache
    of 48 MiB a tile does not hold the strips of a source."""

    bandwidth: Positive = 1e9
    """Bytes a second of the storage, all workers together."""

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return math.ceil(self.rows / self.chunk_size)

    def read_bytes(self) -> float:
        """Return the bytes of all pixels that are read."""
        apart = self.rows * FIELD_ROWS
        together = self.tiles * self.side + self.chunks * FIELD_ROWS
        return min(apart, together) * self.side * self.pixel_bytes * self.read_again

    def parts(self) -> dict[str, float]:
        """Return the duration of each part by its name, s."""
        work = self.rows * self.row_time
        work += (self.tiles + self.chunks) * self.open_time + self.chunks * self.part_time
        stored = self.read_bytes() + self.rows * self.result_bytes
        return {
            "planning": self.tiles * self.open_time + self.rows / self.plan_rate,
            "compute": work / min(self.workers, self.chunks),
            "scheduler": self.chunks * self.task_time,
            "storage": stored / self.bandwidth,
            "last chunk": self.chunk_size * self.row_time if self.workers > 1 else 0.0,
        }

    def duration(self) -> float:
        """Return the duration of the survey, s."""
        parts = self.parts()
        scoring = max(parts["compute"], parts["scheduler"], parts["storage"])
        return self.start + parts["planning"] + scoring + parts["last chunk"]

    def limit(self) -> str:
        """Return the part that takes longest."""
        parts = self.parts()
        return max(parts, key=parts.get)


@app.default
def model(*, survey: Survey | None = None) -> None:
    """Print the duration of a survey on 1 to 1000 workers, and for chunks of 30 to 10,000 rows.

    Args:
        survey: Constants of the survey.
    """
    survey = survey or Survey()
    console = Console(width=150)
    console.print(_workers_table([replace(survey, workers=count) for count in WORKERS]))
    console.print(_chunks_table([replace(survey, chunk_size=size) for size in CHUNK_SIZES]))


def _workers_table(surveys: Sequence[Survey]) -> Table:
    one = surveys[0]
    table = Table(
        title=f"{one.rows:.3g} rows on {one.tiles:.3g} tiles, {one.chunks} chunks of "
        f"{one.chunk_size} rows (tasks and files), {one.read_bytes() / 1e12:.2f} TB read"
    )
    names = ("workers", "hours", "speed-up", "efficiency", "limited by", *one.parts())
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("setting")
    for survey in surveys:
        speed_up = one.duration() / survey.duration()
        table.add_row(
            str(survey.workers), f"{survey.duration() / 3600:.2f}", f"{speed_up:.0f}",
            f"{speed_up / survey.workers:.0%}", survey.limit(),
            *(f"{seconds / 3600:.2f}" for seconds in survey.parts().values()),
            SETTINGS[survey.limit()],
        )  # fmt: skip
    return table


def _chunks_table(surveys: Sequence[Survey]) -> Table:
    table = Table(title=f"--chunk-size, {surveys[0].workers} workers")
    names = (
        "rows",
        "files",
        "MB a file",
        "TB read",
        "hours",
        "limited by",
        "lost with a worker, s",
    )
    for name in names:
        table.add_column(name, justify="right")
    for survey in surveys:
        table.add_row(
            str(survey.chunk_size), str(survey.chunks),
            f"{survey.chunk_size * survey.result_bytes / 1e6:.2f}",
            f"{survey.read_bytes() / 1e12:.2f}", f"{survey.duration() / 3600:.2f}",
            survey.limit(), f"{survey.chunk_size * survey.row_time:.0f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(run_app(app))
