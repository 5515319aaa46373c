"""Five folds over all confident sources of MiraBest: every source predicted out of fold."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from sklearn.model_selection import StratifiedKFold

from keras_astroattn.datasets import Sources

from .configurations import training_options
from .runs import Predictions, symmetric_logits, trained

FOLDS = 5
FOLD_SEED = 0
"""The folds are the same for every configuration and seed, so that they can be paired."""


def folds(labels: np.ndarray) -> list[np.ndarray]:
    """The rows held out in each fold, classes in proportion."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=FOLD_SEED)
    return [held_out for _, held_out in splitter.split(labels, labels)]


def fold_path(output: Path, configuration: str, epochs: int, seed: int, fold: int) -> Path:
    """Where the predictions of a run are kept."""
    return output / configuration / f"epochs{epochs}-seed{seed}-fold{fold}.npz"


def run_folds(
    sources: Sources,
    output: Path,
    configurations: list[str],
    epochs: int | None,
    seeds: range,
    console: Console,
) -> None:
    """Train what is not there yet, a fold at a time, seed by seed.

    The folds are of the confident sources. A configuration that is trained on all of MiraBest
    also gets the uncertain ones, in every fold.
    """
    options = {name: training_options(name, epochs, 0) for name in configurations}
    wanted = [
        (seed, configuration, fold)
        for seed in seeds
        for configuration in configurations
        for fold in range(FOLDS)
    ]
    confident, uncertain = np.flatnonzero(sources.confident), np.flatnonzero(~sources.confident)
    held_out = folds(sources.label[confident])
    for number, (seed, configuration, fold) in enumerate(wanted, start=1):
        path = fold_path(output, configuration, options[configuration].epochs, seed, fold)
        if path.exists():
            continue
        console.print(
            f"run {number} of {len(wanted)}: {configuration}, seed {seed}, fold {fold}",
            highlight=False,
        )
        config = replace(options[configuration], seed=seed)
        rows = held_out[fold]
        training = np.delete(confident, rows)
        if config.data == "mirabest":
            training = np.concatenate([training, uncertain])
        network = trained(config, sources.select(training), console)
        Predictions(rows, symmetric_logits(network, sources.image[confident[rows]])).save(path)


def finished_seeds(output: Path, configuration: str, epochs: int) -> list[int]:
    """The seeds all folds of which are there."""
    found = (output / configuration).glob(f"epochs{epochs}-seed*-fold0.npz")
    seeds = sorted(int(path.stem.split("-")[1].removeprefix("seed")) for path in found)
    return [
        seed
        for seed in seeds
        if all(fold_path(output, configuration, epochs, seed, k).exists() for k in range(FOLDS))
    ]


def out_of_fold(output: Path, configuration: str, epochs: int, seed: int, count: int) -> np.ndarray:
    """(8, n, 2) logits of all sources, each by the network that did not see it."""
    logits = np.full((8, count, 2), np.nan, np.float32)
    for part in _parts(output, configuration, epochs, seed):
        logits[:, part.rows] = part.logits
    return logits


def _parts(output: Path, configuration: str, epochs: int, seed: int) -> Iterator[Predictions]:
    for fold in range(FOLDS):
        yield Predictions.load(fold_path(output, configuration, epochs, seed, fold))
