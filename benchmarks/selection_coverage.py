"""The command `python -m benchmarks.selection_coverage`: do stated intervals hold the truth?

It takes many injected sources as a population, whose shares are the truth. It draws small
injections from them with replacement, equally many of each kind, and counts how often the 95 %
interval that `astroattn check --inject` states for a draw holds the share of the population.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.cli.injection import selection
from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation.intervals import wilson_interval
from keras_astroattn.report import markdown_table
from keras_astroattn.survey.injection import KINDS, Injected

Positive = Annotated[int, Parameter(validator=Number(gte=1))]
Key = tuple[str, str]

app = new_app(name="python -m benchmarks.selection_coverage")


@app.default
def measure(
    population: Path,
    /,
    *,
    sources: Positive = 300,
    repeats: Positive = 1000,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
) -> None:
    """Print the coverage of the intervals over all sizes as a Markdown table.

    Args:
        population: `sources.csv` of `astroattn check --inject`, with many sources.
        sources: Number of sources of a draw.
        repeats: Number of draws.
        seed: Seed of the draws.
    """
    found = read_sources(population)
    truth, stated, held = coverage(found, sources, repeats, seed)
    rows = []
    for key, share in truth.items():
        if stated[key]:
            low, high = wilson_interval(held[key] / stated[key], stated[key])
            covered = f"{held[key] / stated[key]:.1%} ({low:.1%} to {high:.1%})"
            rows.append([*key, f"{share:.3f}", f"{stated[key]}", covered])
    print(f"{len(found)} sources; {repeats} draws of {sources}\n")
    print(markdown_table(["measure", "of", "truth", "draws with a share", "held"], rows))


def read_sources(path: Path) -> list[Injected]:
    """Read the injected sources of `sources.csv`.

    Raises:
        InputError: The file cannot be read, or lacks sources of a kind.
    """

    def number(text: str) -> float:
        return float(text) if text else float("nan")

    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = [
                Injected(
                    int(row["number"]), row["kind"], float(row["size"]), float(row["ratio"]),
                    row["tile"], float(row["ra"]), float(row["dec"]), row["label"],
                    *(float(row[name]) if row[name] else None for name in ("p_fri", "p_frii")),
                    number(row["measured_size"]), number(row["measured_ratio"]), (),
                )
                for row in csv.DictReader(file)
            ]  # fmt: skip
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no readable sources.csv: {error}") from None
    if {one.kind for one in found} != set(KINDS):
        raise InputError(f"{path} holds no sources of one of the kinds {', '.join(KINDS)}")
    return found


def coverage(
    found: Sequence[Injected], sources: int, repeats: int, seed: int
) -> tuple[dict[Key, float], Counter[Key], Counter[Key]]:
    """Count how often intervals hold the shares of a population.

    Args:
        found: the population.
        sources: number of sources of a draw.
        repeats: number of draws.
        seed: seed of the draws.

    Returns:
        By measure and kind: the share of the population, the number of draws that state a share,
        and the number whose interval holds the population's share.
    """
    rng = np.random.default_rng(seed)
    kinds = [[one for one in found if one.kind == kind] for kind in KINDS]
    # Equal numbers of each kind, as in an injection.
    smallest = min(map(len, kinds))
    truth = {
        key: row["share"]
        for key, row in _whole([one for some in kinds for one in some[:smallest]]).items()
        if row["share"] is not None
    }
    stated: Counter[Key] = Counter()
    held: Counter[Key] = Counter()
    for _ in range(repeats):
        drawn = [
            some[index]
            for some in kinds
            for index in rng.integers(smallest, size=sources // len(KINDS)).tolist()
        ]
        for key, row in _whole(drawn).items():
            if key in truth and row["share"] is not None:
                stated[key] += 1
                held[key] += row["low"] <= truth[key] <= row["high"]
    return truth, stated, held


def _whole(found: Sequence[Injected]) -> dict[Key, dict]:
    """Return the rows of all sizes, the first of each measure and kind, without calibration."""
    rows: dict[Key, dict] = {}
    for row in selection(found):
        if row["measure"] != "calibration":
            rows.setdefault((row["measure"], row["of"]), row)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
