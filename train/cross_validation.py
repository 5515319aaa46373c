"""The command `python -m train.cross_validation`: predict every source out of fold."""

import dataclasses
import functools
import itertools
import sys
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from sklearn.model_selection import StratifiedKFold

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.files import atomic_path

from .configuration import TrainConfig
from .named_configurations import (
    configuration_before,
    epochs_of,
    training_options,
    with_those_before,
)
from .predictions import Predictions, trained, view_logits
from .run_folder import make_writable
from .runner import Training, run_trainings

app = new_app(
    name="python -m train.cross_validation",
    help="Train on part of MiraBest and predict the rest, so that every source is predicted once.",
)

OUTPUT = Path("runs/benchmark-accuracy")

FOLDS = 5
FOLD_SEED = 0
"""All configurations and seeds have the same folds, which allows paired differences."""

Split = Literal["folds", "halves"]
"""`folds` are drawn at random; `halves` are the near and the far sources, by redshift."""

_PART = {"folds": "fold", "halves": "half"}


def folds(labels: np.ndarray, count: int = FOLDS, seed: int = FOLD_SEED) -> list[np.ndarray]:
    """Return the rows held out in each fold, stratified by class."""
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    return [held_out for _, held_out in splitter.split(labels, labels)]


def held_out_rows(sources: Sources, split: Split) -> list[np.ndarray]:
    """Return the rows of confident sources held out in each part; each row is in one part."""
    if split == "folds":
        return folds(sources.label)
    near = sources.redshift <= np.median(sources.redshift)
    return [np.flatnonzero(~near), np.flatnonzero(near)]


def fold_path(
    output: Path, configuration: str, epochs: int, seed: int, part: int, split: Split = "folds"
) -> Path:
    """Return the file of the predictions of a run; that of its network has the suffix .keras."""
    return output / configuration / f"epochs{epochs}-seed{seed}-{_PART[split]}{part}.npz"


def run_folds(
    sources: Sources,
    output: Path,
    configurations: list[str],
    epochs: int | None,
    seeds: range,
    console: Console,
    split: Split = "folds",
    parts: int | None = None,
) -> None:
    """Train the missing runs, seed by seed and fold by fold.

    The confident sources are divided into parts. A configuration that trains on all of MiraBest
    also trains on the uncertain sources: on all of them in each fold, and on those in the same
    range of redshift in each half. A configuration that continues another one does so in each
    part, so that the other one is trained too.

    Args:
        sources: sources of MiraBest.
        output: folder of the predictions.
        configurations: names of the configurations.
        epochs: epochs of each run of these; None for the configuration's own number.
        seeds: seeds of the runs.
        console: console for the progress.
        split: division of the sources.
        parts: train on the first parts only; None for all.

    Raises:
        InputError: The folder is not writable.
    """
    every = with_those_before(configurations)
    options = {name: epochs if name in configurations else None for name in every}
    confident, uncertain = np.flatnonzero(sources.confident), np.flatnonzero(~sources.confident)
    held_out = held_out_rows(sources.select(confident), split)[:parts]
    trainings = []

    def path_of(name: str, seed: int, part: int) -> Path:
        return fold_path(output, name, epochs_of(name, options[name]), seed, part, split)

    for seed, part, name in itertools.product(seeds, range(len(held_out)), every):
        path = path_of(name, seed, part)
        if not (path.exists() and path.with_suffix(".keras").exists()):
            config = training_options(name, options[name], seed)
            before = configuration_before(name)
            if before is not None:
                start = path_of(before, seed, part).with_suffix(".keras")
                config = dataclasses.replace(config, initial_weights=str(start))
            rows = held_out[part]
            training = np.delete(confident, rows)
            if config.data == "mirabest":
                more = uncertain
                if split == "halves":
                    seen, z = sources.redshift[training], sources.redshift[uncertain]
                    more = uncertain[(z >= seen.min()) & (z <= seen.max())]
                training = np.concatenate([training, more])
            run = functools.partial(
                _held_out, config, sources, training, confident, rows, path, console
            )
            trainings.append((path, Training(f"{name}, seed {seed}, {_PART[split]} {part}", run)))
    if trainings:
        make_writable(output)
    results = run_trainings([training for _, training in trainings], console)
    for (path, _), (_, predictions) in zip(trainings, results, strict=True):
        predictions.save(path)


def _held_out(
    config: TrainConfig,
    sources: Sources,
    training: np.ndarray,
    confident: np.ndarray,
    rows: np.ndarray,
    path: Path,
    console: Console,
) -> Predictions:
    """Train on some rows of the sources, and predict the held-out rows of the confident ones.

    The network is saved next to `path`, the file for the predictions.
    """
    network = trained(config, sources.select(training), console)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path.with_suffix(".keras")) as temporary:
        network.save(temporary)
    return Predictions(rows, view_logits(network, sources.image[confident[rows]]))


def finished_seeds(
    output: Path,
    configuration: str,
    epochs: int,
    split: Split = "folds",
    parts: int | None = None,
) -> list[int]:
    """Return the seeds with predictions of all parts, or of the first `parts`."""
    found = (output / configuration).glob(f"epochs{epochs}-seed*-{_PART[split]}0.npz")
    seeds = sorted(int(path.stem.split("-")[1].removeprefix("seed")) for path in found)
    return [
        seed
        for seed in seeds
        if all(path.exists() for path in _paths(output, configuration, epochs, seed, split)[:parts])
    ]


def out_of_fold(
    output: Path,
    configuration: str,
    epochs: int,
    seed: int,
    count: int,
    split: Split = "folds",
    parts: int | None = None,
) -> np.ndarray:
    """Return (views, n, 2) logits of all sources, each by the network not trained on it.

    With `parts`, those of the sources that are not in the first parts are NaN.
    """
    paths = _paths(output, configuration, epochs, seed, split)[:parts]
    found = [Predictions.load(path) for path in paths]
    logits = np.full((len(found[0].logits), count, 2), np.nan, np.float32)
    for part in found:
        logits[:, part.rows] = part.logits
    return logits


def _paths(output: Path, configuration: str, epochs: int, seed: int, split: Split) -> list[Path]:
    parts = {"folds": FOLDS, "halves": 2}[split]
    return [fold_path(output, configuration, epochs, seed, k, split) for k in range(parts)]


@app.default
def cross_validate(
    *,
    configuration: list[str] = ["plain", "p4m"],  # noqa: B006
    epochs: int | None = None,
    seeds: int = 3,
    split: Split = "folds",
    parts: Annotated[int | None, Parameter(validator=Number(gte=1, lte=FOLDS))] = None,
    output: Path = OUTPUT,
    data_dir: Path | None = None,
) -> None:
    """Train on four fifths of the confident sources of MiraBest and predict the other fifth.

    This is done five times, so that each source is predicted once for each seed. With
    `--split halves`, the half at lower redshift predicts the other half, and vice versa.
    Finished runs are not repeated. The networks are saved next to the predictions. A configuration
    that continues another one, such as `alone-survey`, trains that one first.

    Args:
        configuration: Name of a configuration; repeat the option for several.
        epochs: Passes over the training images; by default the configuration's own number.
        seeds: Number of runs of each part.
        split: `folds` for five random folds, `halves` for near and far sources.
        parts: Train for the first parts only, and predict their sources.
        output: Folder of the predictions.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
    """
    sources = load_sources("mirabest", "all", data_dir)
    run_folds(sources, output, configuration, epochs, range(seeds), Console(), split, parts)


if __name__ == "__main__":
    sys.exit(run_app(app))
