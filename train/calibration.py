"""The command `python -m train.calibration`: temperature and threshold of a training run."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import calibrated, confidence_threshold, fit_temperature
from keras_astroattn.files import write_text

from .configuration import CALIBRATION_FILE, CONFIG_FILE, Calibration, read_run
from .cross_validation import FOLDS, OUTPUT, finished_seeds, out_of_fold
from .named_configurations import epochs_of, training_options

app = new_app(
    name="python -m train.calibration",
    help="Fit the temperature and the `uncertain` threshold of a training run.",
)


def fit_calibration(
    output: Path,
    configuration: str,
    epochs: int,
    error_rate: float,
    sources: Sources,
    parts: int = FOLDS,
) -> Calibration:
    """Fit temperature and threshold on the out-of-fold logits of all finished seeds.

    Args:
        output: folder of the predictions of `train.cross_validation`.
        configuration: name of the configuration.
        epochs: passes over the training images.
        error_rate: accepted share of wrong predictions above the threshold.
        sources: the confident sources of MiraBest.
        parts: use the sources of the first parts only.

    Returns:
        The calibration.

    Raises:
        InputError: No cross-validation of the configuration is complete.
    """
    seeds = finished_seeds(output, configuration, epochs, parts=parts)
    if not seeds:
        raise InputError(
            f"{output} holds no complete cross-validation of {configuration} at {epochs} epochs: "
            "run python -m train.cross_validation first"
        )
    logits = [
        out_of_fold(output, configuration, epochs, seed, len(sources), parts=parts)[0]
        for seed in seeds
    ]
    held_out = np.isfinite(logits[0]).all(axis=-1)
    labels = np.tile(sources.label[held_out], len(seeds))
    logits = np.concatenate([one[held_out] for one in logits])
    temperature = fit_temperature(labels, logits)
    limit = confidence_threshold(labels, calibrated(logits, temperature), error_rate)
    return Calibration(
        temperature,
        limit.confidence,
        f"{FOLDS}-fold out-of-fold logits of {held_out.sum()} confident MiraBest sources"
        f"{'' if parts == FOLDS else f' in {parts} of the folds'}, "
        f"{len(seeds)} seed{'s' if seeds[1:] else ''}; {100 * error_rate:.3g} % of the "
        f"{100 * limit.coverage:.1f} % that are not uncertain are wrong",
    )


def require_configuration(run: Path, configuration: str, epochs: int | None) -> None:
    """Check that a run was trained with the options of a named configuration.

    Args:
        run: folder of the run.
        configuration: name of the configuration.
        epochs: passes over the training images; None for the configuration's own number.

    Raises:
        InputError: There is no run, or options differ; the error names them.
    """
    if not (run / CONFIG_FILE).exists():
        raise InputError(f"{run} holds no training run: name the folder of one")
    config, data = read_run(run)
    wanted = training_options(configuration, epochs, config.seed)
    mine, theirs = config.to_json(), wanted.to_json()
    mine["data"] = wanted.data if wanted.data == "auto" else data["name"]
    differing = [name for name in mine if name not in _FREE and mine[name] != theirs[name]]
    if differing:
        found = ", ".join(f"{name} {mine[name]}, not {theirs[name]}" for name in differing)
        raise InputError(f"{run} is no run of {configuration}: it has {found}")


_FREE = ("initial_weights", "validation_fraction", "evaluate", "protocol_repeats")
"""Options that may differ: the run before may lie anywhere, and networks of cross-validation have
no validation sources."""


@app.default
def calibrate(
    run: Path,
    *,
    configuration: str = "p4m",
    epochs: int | None = None,
    error_rate: float = 0.02,
    parts: Annotated[int, Parameter(validator=Number(gte=1, lte=FOLDS))] = FOLDS,
    output: Path = OUTPUT,
    data_dir: Path | None = None,
) -> None:
    """Write calibration.json to a training run, from the out-of-fold logits of its configuration.

    Args:
        run: Folder of the training run.
        configuration: Name of the configuration that the run was trained with.
        epochs: Passes over the training images; by default the configuration's own number.
        error_rate: Accepted share of wrong predictions; less confident ones are `uncertain`.
        parts: Use the first parts of the cross-validation only.
        output: Folder of the predictions of `python -m train.cross_validation`.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
    """
    require_configuration(run, configuration, epochs)
    sources = load_sources("mirabest-confident", "all", data_dir)
    calibration = fit_calibration(
        output, configuration, epochs_of(configuration, epochs), error_rate, sources, parts
    )
    write_text(run / CALIBRATION_FILE, json.dumps(asdict(calibration), indent=1) + "\n")
    Console().print(calibration)


if __name__ == "__main__":
    sys.exit(run_app(app))
