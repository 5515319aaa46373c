"""Take a simulated survey through the report, its labels, and the recalibration.

`python -m train.studies.recalibrated_survey` simulates a survey, runs `astroattn survey`,
`astroattn report` and `astroattn recalibrate` on it as a user does, and labels the sources that
the report chooses by their true classes. It then compares the table before and after with the
truth.
"""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation.survey import simulate_survey
from keras_astroattn.edge import DEFAULT_PRESET, Result, open_model, read_result
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.recalibration import calibration_error
from keras_astroattn.recalibration.labels import NO_GALAXY
from keras_astroattn.report import markdown_table

HEAD = ("", "before", "after", "estimate before", "estimate after")
"""Titles of the columns of the table."""

app = new_app(
    name="python -m train.studies.recalibrated_survey",
    help=__doc__.splitlines()[0],
)


@dataclass(frozen=True)
class State:
    """A table of the survey, before or after the recalibration.

    Attributes:
        kind: (n,) true kind of each row.
        labels: (n,) label of each row.
        probabilities: (n, 2) P(FRI) and P(FRII); NaN without a class.
        estimates: what `astroattn recalibrate` estimated for it.
    """

    kind: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    estimates: dict


@app.default
def study(
    *,
    output: Path,
    sources: Annotated[int, Parameter(validator=Number(gte=1))] = 3000,
    tiles: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    beam: float = 15.0,
    fri_share: float = 0.8,
    labels: Annotated[int, Parameter(validator=Number(gte=1))] = 200,
    choose: Literal["random", "stratified"] = "random",
    model: str = DEFAULT_PRESET,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
) -> int:
    """Print purity, completeness and calibration error of a survey before and after 200 labels.

    Args:
        output: New folder for the survey, its results and `table.md`.
        sources: Number of sources; a third are point sources.
        tiles: Number of tiles.
        beam: Beam of the survey, arcsec.
        fri_share: Share of FRIs among the sources that are no point sources.
        labels: Number of labels.
        choose: How the sources to label are chosen.
        model: Name of a preset, or path of a .tflite file.
        seed: Seed of the survey and of the choice.
    """
    console = Console(highlight=False, soft_wrap=True)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"--output {output} is not an empty folder: name another one")
    open_model(model)  # an error here comes before the survey is simulated
    with console.status("simulating"):
        survey = simulate_survey(
            output / "survey", sources, tiles, seed, fri_share=fri_share, beam=beam
        )
    scored, page, answers = (output / name for name in ("scored", "report.html", "labels.csv"))
    astroattn(
        console,
        *("survey", "--catalogue", survey.catalogue, "--images", output / "survey/tiles/*.fits"),
        *("--output", scored, "--model", model),
    )
    astroattn(
        console,
        *("report", scored, "--output", page, "--choose", choose, "--to-label", labels),
        *("--sources", labels, "--seed", seed),
    )
    write_labels(page, survey.kind, answers)
    after = output / "recalibrated.parquet"
    fitted = output / "calibration.json"
    astroattn(
        console,
        *("recalibrate", scored, "--labels", answers, "--apply", after, "--output", fitted),
    )
    estimates = json.loads(fitted.read_text(encoding="utf-8"))["estimates"]
    states = [
        state_of(read_result(path), survey.kind, estimates[name])
        for name, path in (("before", scored), ("after", after))
    ]
    table = markdown_table(HEAD, rows_of(states), text=1)
    console.print(table, markup=False)
    write_text(output / "table.md", table)
    return 0


def state_of(result: Result, kind: np.ndarray, estimates: dict) -> State:
    """Return a table with the true kind of each row; the rows may have any order.

    Args:
        result: the table.
        kind: (catalogue's rows,) true kind of each row of the catalogue.
        estimates: what `astroattn recalibrate` estimated for it.
    """
    rows = [row_of(source) for source in result.sources]
    return State(kind[rows], np.array(result.labels), result.probabilities, estimates)


def row_of(source: str) -> int:
    """Return the row of the catalogue from the text that identifies a source of a survey."""
    return int(source.split(":")[0])


def astroattn(console: Console, *arguments: object) -> None:
    """Run `astroattn` in its own process, after the command is shown.

    Raises:
        InputError: The command failed.
    """
    words = [str(one) for one in arguments]
    console.print(f"astroattn {' '.join(words)}", markup=False)
    command = [sys.executable, "-m", "keras_astroattn.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"astroattn {words[0]} failed: {done.stderr.strip()[-300:]}")


def write_labels(page: Path, kind: np.ndarray, path: Path) -> None:
    """Label the sources that a report chose by their true classes.

    Args:
        page: the report of a survey.
        kind: (n,) true kind of each row of the catalogue; point sources are no radio galaxies.
        path: file for the labels, as the page would download it.
    """
    text = page.read_text(encoding="utf-8")
    data = json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["source", "label", "labeller", "time", "part", "inclusion_probability"])
        for values in data["sources"]:
            one = dict(zip(data["fields"], values, strict=True))
            if one["part"]:
                true = str(kind[row_of(one["source"])])
                label = true if true in CLASS_NAMES else NO_GALAXY
                lines.writerow([one["source"], label, "truth", "", one["part"], one["inclusion"]])


def rows_of(states: Sequence[State]) -> list[list[str]]:
    """Return the rows of the table: counts, purity, completeness and calibration error.

    Args:
        states: the survey before and after.
    """
    rows = []
    for label in (*CLASS_NAMES, "uncertain"):
        counts = [str(int((one.labels == label).sum())) for one in states]
        rows.append([f"rows {label}", *counts, "", ""])
    for place, quantity in enumerate(("purity", "completeness")):
        for label in CLASS_NAMES:
            true = [true_share(one, label)[place] for one in states]
            estimated = [
                next(
                    share
                    for share in one.estimates["shares"]
                    if (share["quantity"], share["label"]) == (quantity, label)
                )
                for one in states
            ]
            shown = [f"{100 * value:.1f} %" for value in true]
            rows.append([f"{quantity} of {label}", *shown, *map(_estimate, estimated)])
    errors = [f"{100 * true_error(one):.1f} %" for one in states]
    estimated = [f"{100 * one.estimates['calibration_error']:.1f} %" for one in states]
    rows.append(["calibration error", *errors, *estimated])
    return rows


def true_share(state: State, label: str) -> tuple[float, float]:
    """Return purity and completeness of a label among the sources with probabilities."""
    known = np.isfinite(state.probabilities).all(axis=1)
    stated, true = (state.labels == label) & known, (state.kind == label) & known
    both = (stated & true).sum()
    return float(both / max(stated.sum(), 1)), float(both / max(true.sum(), 1))


def true_error(state: State) -> float:
    """Return the calibration error over the FRIs and FRIIs with probabilities."""
    known = np.isfinite(state.probabilities).all(axis=1) & np.isin(state.kind, CLASS_NAMES)
    return calibration_error(
        state.probabilities[known], state.kind[known] == CLASS_NAMES[1], np.ones(int(known.sum()))
    )


def _estimate(share: dict) -> str:
    if share["value"] is None:
        return f"too few labels ({share['count']})"
    low, high = share["interval"]
    return f"{100 * share['value']:.1f} ({100 * low:.1f} to {100 * high:.1f}) %"


if __name__ == "__main__":
    raise SystemExit(run_app(app))
