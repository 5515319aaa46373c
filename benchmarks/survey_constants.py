"""The command `python -m benchmarks.survey_constants`: what the parts of a survey cost here.

It scores a simulated survey with one worker, and measures the constants of
`benchmarks.survey_model` other than the row's time (`benchmarks.survey speed`): opening a tile,
writing and checking the file of a chunk, and the scheduler's time for a task.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.command import new_app, run_app
from keras_astroattn.report import markdown_table

from .survey.runs import command, run, simulated_survey

Positive = Annotated[int, Parameter(validator=Number(gte=1))]

app = new_app(name="python -m benchmarks.survey_constants")


@app.default
def measure(*, sources: Positive = 500, tiles: Positive = 5, tasks: Positive = 2000) -> None:
    """Print the constants of `benchmarks.survey_model` on this machine as a Markdown table.

    Args:
        sources: Number of simulated sources, all in one chunk.
        tiles: Number of tiles.
        tasks: Number of empty tasks of the scheduler.
    """
    with tempfile.TemporaryDirectory(prefix="survey-") as temporary:
        folder = Path(temporary)
        simulated = simulated_survey(folder, sources, tiles, point_share=0.0)
        output = folder / "result"
        run(command(simulated.catalogue, folder / "survey" / "tiles", output,
                    "--workers", 1, "--chunk-size", sources))  # fmt: skip
        figures = {
            "--open-time": open_time(simulated.tiles),
            **part_figures(output, folder / "again.parquet"),
        }
    figures["--task-time"] = task_time(tasks)
    names = {
        "--open-time": "to open a tile, s",
        "--part-time": f"to write the file of {sources} rows, s",
        "--result-bytes": "bytes of a row in the output",
        "--task-time": "scheduler and client, for a task, s",
    }
    print(markdown_table(["", "", "option"], [
        [names[option], f"{value:.4g}", option] for option, value in figures.items()
    ]))  # fmt: skip


def open_time(tiles: tuple[Path, ...]) -> float:
    """Return the median processor time to open a tile, s."""
    from keras_astroattn.survey.tiles import MapOptions

    options = MapOptions()

    def open_and_close(path: Path) -> None:
        with options.open(str(path)):
            pass

    open_and_close(tiles[0])  # the first one loads astropy
    return statistics.median(_processor_time(lambda p=path: open_and_close(p)) for path in tiles)


def part_figures(output: Path, copy: Path) -> dict[str, float]:
    """Return the median processor time to write the output's first part again, and its bytes."""
    import pyarrow.parquet as pq

    from keras_astroattn.survey.parts import part_paths

    path = part_paths(output)[0]
    table = pq.read_table(path)

    def write() -> None:
        pq.write_table(table, copy, compression="zstd")

    return {
        "--part-time": statistics.median(_processor_time(write) for _ in range(5)),
        "--result-bytes": path.stat().st_size / table.num_rows,
    }


def task_time(tasks: int) -> float:
    """Return the processor time of an empty task in the scheduler, the client and a worker, s.

    All three run in this process, and the client submits as `astroattn survey` does.
    """
    from distributed import Client, wait

    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as one:
        wait([one.submit(int, 0, pure=False)])
        return _processor_time(lambda: wait(_submit(one, tasks))) / tasks


def _submit(client, tasks: int) -> list:
    return [client.submit(int, number, pure=False, priority=-number) for number in range(tasks)]


def _processor_time(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(run_app(app))
