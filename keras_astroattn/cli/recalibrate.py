"""`astroattn recalibrate`: fit the probabilities of a table to labels of its sources."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import Result, read_result
from keras_astroattn.edge.calibration import FORMAT, Calibration, read_calibration
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.recalibration import (
    Agreed,
    agree,
    calibration_error,
    estimate_shares,
    fit_calibration,
    read_labels,
    recalibrate_table,
)
from keras_astroattn.recalibration.apply import (
    recalibrated_labels,
    require_model,
    require_one_model,
)
from keras_astroattn.recalibration.estimates import error_by_chance
from keras_astroattn.recalibration.fit import ERROR_RATE
from keras_astroattn.recalibration.labels import FRI, FRII, require_sources
from keras_astroattn.recalibration.sample import RANDOM
from keras_astroattn.tables import command_line, require_writer, utc_now, write_table

from .result_files import beside, require_folder


def recalibrate(
    result: Path,
    /,
    *,
    labels: list[Path] | None = None,
    labeller: str | None = None,
    calibration: Path | None = None,
    output: Path | None = None,
    apply: Path | None = None,
    error_rate: Annotated[float, Parameter(validator=Number(gt=0, lt=0.5))] = ERROR_RATE,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Fit the probabilities of a table to labels of its sources.

    Prints purity and completeness before and after, and writes a calibration file, which
    `astroattn classify` and `astroattn survey` take with --calibration. The images are not read.

    Args:
        result: Table of `astroattn classify` or `astroattn survey`.
        labels: `labels.csv` of a report, exports of Label Studio (.json) or Zooniverse (.csv).
        labeller: Use only the labels of this person. By default, the majority counts.
        calibration: Apply this calibration instead of fitting one.
        output: Calibration file. By default, the name of the table with the suffix
            .calibration.json.
        apply: File for the recalibrated table (.csv, .ecsv, .json, .vot, .fits or .parquet).
        error_rate: Accepted share of wrong classes among the sources that are not uncertain.
        overwrite: Replace existing files.
    """
    if (labels is None) == (calibration is None):
        raise InputError("give --labels to fit a calibration, or --calibration to apply one")
    if calibration is not None and apply is None:
        raise InputError("--calibration needs --apply: name the file of the new table")
    output = output or beside(result, ".calibration.json")
    if apply is not None:
        require_writer(apply, "--apply")
        _require_new(apply, "--apply", overwrite)
    if labels is not None:
        _require_new(output, "--output", overwrite)
    found = read_result(result, whole=apply is not None)
    require_one_model(found)
    if calibration is not None:
        fitted = read_calibration(calibration)
        require_model(found, fitted)
    else:
        given = [one for path in labels for one in read_labels(path)]
        require_sources(given, found.sources, result)
        fitted = _fit(found, agree(given, labeller), error_rate, output)
    if apply is None:
        return
    table = recalibrate_table(found, fitted)
    provenance = {"command": command_line(), "model": fitted.name, "date": utc_now()}
    try:
        write_table(apply, table.columns, table.batches(), provenance)
    except OSError as error:
        raise InputError(f"--apply {apply} cannot be written: {error.strerror or error}") from None
    Console(highlight=False, soft_wrap=True).print(f"{apply}: {len(table)} rows", markup=False)


def _require_new(path: Path, option: str, overwrite: bool) -> None:
    if path.exists() and (path.is_dir() or not overwrite):
        raise InputError(f"{option} {path} exists already: add --overwrite, or name another file")
    require_folder(path, option)


def _fit(result: Result, agreed: Agreed, error_rate: float, output: Path) -> Calibration:
    place = {source: row for row, source in enumerate(result.sources)}
    given = list(agreed.labels.values())
    rows = [place[one.source] for one in given]
    fitted = fit_calibration(
        result.model,
        result.probabilities,
        rows,
        [one.label for one in given],
        error_rate,
        [one.inclusion for one in given],
    )
    console = Console(highlight=False, soft_wrap=True)
    if agreed.disagreed:
        console.print(f"{len(agreed.disagreed)} sources are left out: the labellers disagree")
    after = fitted.apply(result.probabilities)
    new_labels = recalibrated_labels(result, after, fitted.uncertain_below)
    classified = np.isfinite(result.probabilities).all(axis=1)
    random = [
        (row, one)
        for row, one in zip(rows, given, strict=True)
        if one.part == RANDOM and classified[row]
    ]
    estimates = {}
    for name, labels, probabilities in (
        ("before", result.labels, result.probabilities),
        ("after", new_labels, after),
    ):
        estimates[name] = _estimates(random, labels, probabilities)
    _print(console, estimates, result, new_labels, fitted)
    text = {
        "format": FORMAT,
        "model": fitted.model,
        "temperature": fitted.temperature,
        "shift": fitted.shift,
        "uncertain_below": fitted.uncertain_below,
        "error_rate": error_rate,
        "labels": {
            name: sum(one.label == name for one in given)
            for name in sorted({one.label for one in given})
        },
        "random_part": len(random),
        "estimates": estimates,
    }
    try:
        write_text(output, json.dumps(text, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"--output {output} cannot be written: {error.strerror}") from None
    console.print(
        f"{output}: temperature {fitted.temperature:.2f}, shift {fitted.shift:+.2f}, uncertain "
        f"below {fitted.uncertain_below:.3f}, from {len(given)} labels",
        markup=False,
    )
    return fitted


def _estimates(random: list, labels: list[str], probabilities: np.ndarray) -> dict:
    """Return the estimates from the random part as values for JSON."""
    if not random:
        return {"shares": [], "calibration_error": None, "calibration_error_by_chance": None}
    inclusion = np.array([one.inclusion for _, one in random])
    shares = estimate_shares(
        [labels[row] for row, _ in random], [one.label for _, one in random], inclusion
    )
    sure = np.array([one.label in (FRI, FRII) for _, one in random])
    error = chance = None
    if sure.any():
        rows = np.array([row for row, _ in random])[sure]
        is_frii = np.array([one.label == FRII for _, one in random])[sure]
        error = calibration_error(probabilities[rows], is_frii, 1 / inclusion[sure])
        chance = error_by_chance(probabilities[rows], 1 / inclusion[sure])
    return {
        "shares": [vars(one) for one in shares],
        "calibration_error": error,
        "calibration_error_by_chance": chance,
    }


def _print(
    console: Console, estimates: dict, result: Result, labels: list[str], fitted: Calibration
) -> None:
    table = Table(title=f"{result.path}: {len(result)} rows, {fitted.model}")
    table.add_column("")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    for name in sorted({*result.labels, *labels}):
        table.add_row(f"rows {name}", str(result.labels.count(name)), str(labels.count(name)))
    table.add_section()
    before, after = estimates["before"], estimates["after"]
    for one, two in zip(before["shares"], after["shares"], strict=True):
        table.add_row(f"{one['quantity']} of {one['label']}", _share(one), _share(two))
    if before["calibration_error"] is not None:
        for title, name in (
            ("calibration error", "calibration_error"),
            ("by chance alone", "calibration_error_by_chance"),
        ):
            table.add_row(title, f"{before[name]:.1%}", f"{after[name]:.1%}")
    console.print(table)
    if not before["shares"]:
        console.print("no label is of the random part: purity and completeness cannot be estimated")


def _share(one: dict) -> str:
    if one["value"] is None:
        return f"too few labels ({one['count']})"
    low, high = one["interval"]
    return f"{one['value']:.1%} ({low:.1%} to {high:.1%})"
