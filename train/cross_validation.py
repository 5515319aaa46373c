"""Five folds over all confident sources of MiraBest: every source predicted out of fold."""

import sys
from pathlib import Path
from typing import Literal

import cyclopts
import numpy as np
from rich.console import Console
from sklearn.model_selection import StratifiedKFold

from keras_astroattn.command import run_app
from keras_astroattn.datasets import Sources, load_sources

from .named_configurations import epochs_of, training_options
from .predictions import Predictions, trained, turned_logits

app = cyclopts.App(
    name="python -m train.cross_validation",
    help="Train on part of MiraBest and predict the rest, so that every source is predicted once.",
    version_flags=[],
)

OUTPUT = Path("runs/benchmark-accuracy")

FOLDS = 5
FOLD_SEED = 0
"""The folds are the same for every configuration and seed, so that they can be paired."""

Split = Literal["folds", "halves"]
"""`folds` are drawn; `halves` are the near and the far sources, by redshift."""

_PART = {"folds": "fold", "halves": "half"}


def folds(labels: np.ndarray) -> list[np.ndarray]:
    """The rows held out in each fold, classes in proportion."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=FOLD_SEED)
    return [held_out for _, held_out in splitter.split(labels, labels)]


def held_out_rows(sources: Sources, split: Split) -> list[np.ndarray]:
    """The rows of confident sources held out in each part; every row in one of them."""
    if split == "folds":
        return folds(sources.label)
    near = sources.redshift <= np.median(sources.redshift)
    return [np.flatnonzero(~near), np.flatnonzero(near)]


def fold_path(
    output: Path, configuration: str, epochs: int, seed: int, part: int, split: Split = "folds"
) -> Path:
    """Where the predictions of a run are kept."""
    return output / configuration / f"epochs{epochs}-seed{seed}-{_PART[split]}{part}.npz"


def run_folds(
    sources: Sources,
    output: Path,
    configurations: list[str],
    epochs: int | None,
    seeds: range,
    console: Console,
    split: Split = "folds",
) -> None:
    """Train what is not there yet, a fold at a time, seed by seed.

    The folds are of the confident sources. A configuration that is trained on all of MiraBest
    also gets the uncertain ones: in every fold, but of the halves those on the same side alone.
    """
    passes = {name: epochs_of(name, epochs) for name in configurations}
    confident, uncertain = np.flatnonzero(sources.confident), np.flatnonzero(~sources.confident)
    held_out = held_out_rows(sources.select(confident), split)
    wanted = [
        (seed, configuration, part)
        for seed in seeds
        for configuration in configurations
        for part in range(len(held_out))
    ]
    for number, (seed, configuration, part) in enumerate(wanted, start=1):
        path = fold_path(output, configuration, passes[configuration], seed, part, split)
        if path.exists():
            continue
        console.print(
            f"run {number} of {len(wanted)}: {configuration}, seed {seed}, {_PART[split]} {part}",
            highlight=False,
        )
        config = training_options(configuration, epochs, seed)
        rows = held_out[part]
        training = np.delete(confident, rows)
        if config.data == "mirabest":
            taught = uncertain
            if split == "halves":
                seen = sources.redshift[training]
                z = sources.redshift[uncertain]
                taught = uncertain[(z >= seen.min()) & (z <= seen.max())]
            training = np.concatenate([training, taught])
        network = trained(config, sources.select(training), console)
        Predictions(rows, turned_logits(network, sources.image[confident[rows]])).save(path)


def finished_seeds(
    output: Path, configuration: str, epochs: int, split: Split = "folds"
) -> list[int]:
    """The seeds all folds of which are there."""
    found = (output / configuration).glob(f"epochs{epochs}-seed*-{_PART[split]}0.npz")
    seeds = sorted(int(path.stem.split("-")[1].removeprefix("seed")) for path in found)
    return [
        seed
        for seed in seeds
        if all(path.exists() for path in _paths(output, configuration, epochs, seed, split))
    ]


def out_of_fold(
    output: Path,
    configuration: str,
    epochs: int,
    seed: int,
    count: int,
    split: Split = "folds",
) -> np.ndarray:
    """(turns, n, 2) logits of all sources, each by the network that did not see it."""
    parts = [Predictions.load(path) for path in _paths(output, configuration, epochs, seed, split)]
    logits = np.full((len(parts[0].logits), count, 2), np.nan, np.float32)
    for part in parts:
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
    output: Path = OUTPUT,
    data_dir: Path | None = None,
) -> None:
    """Train on four fifths of MiraBest's confident sources and predict the other, five times.

    Or on the half of less redshift and predict that of more, and the other way round. Runs
    that are done are not repeated.

    Args:
        configuration: what to compare; once for each.
        epochs: passes over the training images; by default the configuration's own number.
        seeds: runs of every fold.
        split: five folds that are drawn, or the near and the far half.
        output: folder of the predictions.
        data_dir: folder of the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`.
    """
    sources = load_sources("mirabest", "all", data_dir)
    run_folds(sources, output, configuration, epochs, range(seeds), Console(), split)


if __name__ == "__main__":
    sys.exit(run_app(app))
