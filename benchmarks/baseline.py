"""The command `python -m benchmarks.baseline`: `survey` and `classify` against another checkout.

It runs `astroattn survey` on a simulated survey and `astroattn classify` on a folder of FITS
fields, with this checkout and with another one, for example that of an earlier commit
(`git worktree add ../earlier COMMIT`). The commands alternate. On a machine with other load,
compare processor times.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation.survey import simulate_survey
from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.errors import InputError

from .classify import DIFFERENT, Cost, cost_of, make_folders
from .survey.runs import command, repeated

HERE = Path(__file__).resolve().parents[1]

Positive = Annotated[int, Parameter(validator=Number(gte=1))]

app = new_app(name="python -m benchmarks.baseline")


@app.default
def benchmark(
    checkout: Path,
    /,
    *,
    rows: Positive = 2000,
    count: Annotated[int, Parameter(validator=Number(gte=DIFFERENT))] = 1000,
    sources: Positive = 200,
    tiles: Positive = 4,
    workers: Positive = 2,
    rounds: Positive = 3,
    model: str = DEFAULT_PRESET,
) -> None:
    """Time `survey` and `classify` with this checkout and another one.

    Args:
        checkout: The other checkout.
        rows: Rows of the catalogue of the survey, in which each source occurs many times.
        count: Number of FITS fields of 300 x 300 pixels that are classified.
        sources: Number of simulated radio galaxies of the survey.
        tiles: Number of tiles of the survey.
        workers: Number of processes.
        rounds: Number of alternating runs of each command.
        model: Name of a preset of both checkouts, or path of a .tflite file.
    """
    if not (checkout / "keras_astroattn" / "survey").is_dir():
        raise InputError(f"{checkout} is not a checkout of keras-astroattn")
    checkouts = {"this checkout": HERE, "baseline": checkout.resolve()}
    costs: dict[tuple[str, str], list[Cost]] = {}
    more = ("--workers", workers, "--model", model)
    with tempfile.TemporaryDirectory(prefix="baseline-") as temporary:
        folder = Path(temporary)
        simulated = simulate_survey(folder / "sky", sources, tiles, seed=7, point_share=0.0)
        catalogue = repeated(simulated, folder / "catalogue.csv", rows)
        make_folders(folder, ("fits",), count)
        for number in range(rounds):
            for name, place in checkouts.items():
                output = folder / f"result-{number}-{name}"
                commands = {
                    "survey": command(catalogue, folder / "sky" / "tiles", output, *more),
                    "classify": [
                        sys.executable, "-m", "keras_astroattn.cli", "classify",
                        str(folder / f"fits-{count}"), "--output", f"{output}.csv",
                        *map(str, more),
                    ],
                }  # fmt: skip
                for what, arguments in commands.items():
                    cost = cost_of(
                        [arguments], cwd=place, env=os.environ | {"PYTHONPATH": str(place)}
                    )
                    costs.setdefault((what, name), []).append(cost)
    Console().print(_table(costs, {"survey": rows, "classify": count}))


def _table(costs: dict[tuple[str, str], list[Cost]], images: dict[str, int]) -> Table:
    """Return medians of the rates and processor times, and their ratios to the baseline's."""
    table = Table(title="medians; ratios to the baseline")
    for title in ("", "", "images/s", "ratio", "processor\nms/image", "ratio"):
        table.add_column(title, justify="right")
    for what, name in costs:
        wall, wall_before = _medians(costs, what, name, "wall")
        processor, processor_before = _medians(costs, what, name, "processor")
        table.add_row(
            what, name,
            f"{images[what] / wall:.0f}", f"{wall_before / wall:.2f}",
            f"{1e3 * processor / images[what]:.2f}", f"{processor / processor_before:.2f}",
        )  # fmt: skip
    return table


def _medians(
    costs: dict[tuple[str, str], list[Cost]], what: str, name: str, attribute: str
) -> list[float]:
    """Return the median of an attribute for one checkout, and for the baseline, s."""
    return [
        statistics.median(getattr(cost, attribute) for cost in costs[what, which])
        for which in (name, "baseline")
    ]


if __name__ == "__main__":
    sys.exit(run_app(app))
