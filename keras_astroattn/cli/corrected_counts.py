"""`astroattn survey-summary --selection`: counts corrected by the selection function."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.survey.corrected_counts import CorrectedCounts, correct
from keras_astroattn.survey.response import (
    RATIO_EDGES,
    SIZE_EDGES,
    Response,
    read_response,
    survey_counts,
)
from keras_astroattn.tables import Column, batches_of, write_table

FILE = "_corrected_counts.csv"
"""Table of the corrected counts, in the output of the survey."""

# fmt: off
COLUMNS = (
    Column("class", "str", "FRI or FRII", None, "meta.code.class"),
    Column("size_low", "float64", "least measured size, beams", digits=".3g"),
    Column("size_high", "float64", "largest measured size, beams", digits=".3g"),
    Column("ratio_low", "float64", "least measured peak over noise", None, "stat.snr",
           digits=".3g"),
    Column("ratio_high", "float64", "largest measured peak over noise", None, "stat.snr",
           digits=".3g"),
    Column("labelled", "int64", "number of rows with this label", None, "meta.number"),
    Column("injected", "int64", "number of injected sources of this class", None, "meta.number"),
    Column("corrected", "float64", "corrected number of sources of this class", None, "meta.number",
           digits=".2f"),
    Column("low", "float64", "lower end of the 95 % interval", None, "stat.min", digits=".2f"),
    Column("high", "float64", "upper end of the 95 % interval", None, "stat.max", digits=".2f"),
    Column("left_out", "str", "reason why the cell is not corrected", None, "meta.note"),
)
"""Columns of the corrected counts."""
# fmt: on


def correct_survey(folder: Path, selection: Path, summary: dict, console: Console) -> None:
    """Correct the counts of a survey, print the totals, and write the table of the cells.

    Args:
        folder: output folder of the survey.
        selection: `selection.json` of `astroattn check --inject`.
        summary: summary of the survey.
        console: console to print on.

    Raises:
        InputError: The selection function cannot be read, or is of another model; or the table is
            not writable.
    """
    response = read_response(selection)
    _require_same_network(selection, response, summary)
    counts, outside = survey_counts(folder)
    found = correct(counts, response.counts)
    path = folder / FILE
    try:
        write_table(path, COLUMNS, batches_of(COLUMNS, _rows_of(found)))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    console.print(_totals(found, outside.tolist(), selection), markup=False)
    for reason in sorted(set(found.reasons.flat) - {""}):
        cells = found.reasons == reason
        rows = " and ".join(
            f"{found.labelled[index][cells].sum()} {name}" for index, name in enumerate(CLASS_NAMES)
        )
        console.print(
            f"left out, {reason}: {cells.sum()} of {cells.size} cells with {rows}", markup=False
        )
    console.print(str(path), markup=False)


def _require_same_network(selection: Path, response: Response, summary: dict) -> None:
    identity = summary["identity"]
    if identity["calibration"] is not None:
        raise InputError(
            f"--selection {selection} is for labels without --calibration and --prior, but the "
            "survey was scored with one: score it again without"
        )
    tta = identity["tta"]
    name = summary["model"]["name"] + (f" (tta {tta})" if tta > 1 else "")
    if (response.model, response.model_sha256) != (name, identity["model"]):
        raise InputError(
            f"--selection {selection} is of the model {response.model}, but the survey was scored "
            f"with {name}: run astroattn check --inject with that model and --tta"
        )


def _totals(found: CorrectedCounts, outside: list[int], selection: Path) -> Table:
    table = Table(title=f"corrected by {selection}")
    for heading in ("", "corrected", "95 % interval", "labelled there", "cells left out",
                    "outside the cells"):  # fmt: skip
        table.add_column(heading, justify="right" if heading else "left")
    kept = found.reasons == ""
    for index, name in enumerate(CLASS_NAMES):
        number, low, high = found.total[index].tolist()
        labelled = found.labelled[index]
        table.add_row(
            name,
            f"{number:.0f}" if kept.any() else "-",
            f"{low:.0f} to {high:.0f}" if kept.any() else "-",
            str(labelled[kept].sum()),
            str(labelled[~kept].sum()),
            str(outside[index]),
        )
    return table


def _rows_of(found: CorrectedCounts) -> Iterator[dict]:
    """Yield the values of each class and cell by the name of its column."""
    sizes = list(itertools.pairwise(SIZE_EDGES))[1:]
    ratios = list(itertools.pairwise(RATIO_EDGES))
    for index, name in enumerate(CLASS_NAMES):
        for (i, size), (j, ratio) in itertools.product(enumerate(sizes), enumerate(ratios)):
            cell = (index, i, j)
            corrected, low, high = (
                None if math.isnan(values[cell]) else float(values[cell])
                for values in (found.corrected, found.low, found.high)
            )
            yield {
                "class": name, "size_low": size[0], "size_high": size[1],
                "ratio_low": ratio[0], "ratio_high": ratio[1],
                "labelled": int(found.labelled[cell]), "injected": int(found.injected[cell]),
                "corrected": corrected, "low": low, "high": high,
                "left_out": found.reasons[i, j] or None,
            }  # fmt: skip
