"""Evaluation on the official test sets, with a log of every result."""

import csv
import functools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from sklearn.metrics import roc_auc_score

from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.datasets.archives import data_folder
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    EnsemblePrediction,
    calibrated,
    combined,
    evaluate_predictions,
)
from keras_astroattn.files import write_text
from keras_astroattn.models.loading import load_network
from keras_astroattn.report import markdown_table, mean_and_spread
from train.configuration import TrainConfig, read_run
from train.named_configurations import training_options
from train.predictions import Predictions, trained, view_logits
from train.runner import Training, run_trainings

READINGS_FILE = "readings.jsonl"
SHARED_SOURCES_FILE = "in_mirabest.csv"

HYBRIDS = "mirabest-hybrid"
"""Sources of neither class, on which a network should be uncertain."""

UNSEEN_FRDEEP = "frdeep-not-in-mirabest"
"""Sources of FR-DEEP that are not in MiraBest."""

TRAINED_ON = {
    "mirabest-confident": ("mirabest-confident", UNSEEN_FRDEEP, HYBRIDS),
    "mirabest": ("mirabest", "mirabest-confident", UNSEEN_FRDEEP, HYBRIDS),
    "frdeep": ("frdeep",),
}
"""Test sets by the training data of a network."""


@dataclass(frozen=True)
class LoggedResult:
    """The result of one network on one test set, a line of readings.jsonl.

    Attributes:
        configuration: name of the configuration.
        epochs: passes over the training images.
        seed: seed of the training; None for the mean probabilities of several networks.
        trained_on: name of the training data.
        tested_on: name of the test set.
        sources: number of sources in the test set.
        accuracy: share of correct predictions.
        auc: area under the ROC curve.
        log_loss: mean log loss, nats.
        uncertainty_calibration_error: see `keras_astroattn.evaluation.uncertainty_bins`.
        hybrid_auroc: probability that a hybrid has a larger entropy than a source of the test
            set; None if the hybrids were not predicted.
        hybrid_auroc_of_disagreement: the same for the mutual information; None for a single
            network.
        read: time of the prediction, UTC.
    """

    configuration: str
    epochs: int
    seed: int | None
    trained_on: str
    tested_on: str
    sources: int
    accuracy: float
    auc: float
    log_loss: float
    uncertainty_calibration_error: float
    hybrid_auroc: float | None
    hybrid_auroc_of_disagreement: float | None
    read: str


def read_test_sets(
    output: Path,
    configuration: str,
    epochs: int,
    seeds: range,
    trained_on: list[str],
    data_dir: Path | None,
    console: Console,
    runs: Sequence[Path] = (),
) -> list[LoggedResult]:
    """Train on the training sources of each data set, and test once.

    Finished networks are not trained or tested again.

    Args:
        output: folder of the predictions and of the log.
        configuration: name of the configuration.
        epochs: passes over the training images.
        seeds: seeds of the networks.
        trained_on: names of the training data.
        data_dir: folder with the archives of the data sets.
        console: console for the progress.
        runs: folders of finished runs with the same options, whose networks are tested instead
            of new ones.

    Raises:
        InputError: A data set is unknown, a file is missing, or the options of a run differ.
    """
    for name in set(trained_on) - set(TRAINED_ON):
        raise InputError(f"no training data {name!r}: choose from {', '.join(TRAINED_ON)}")
    folder = output / configuration
    tests = {
        data: {name: load_test_set(name, data_dir) for name in TRAINED_ON[data]}
        for data in trained_on
    }
    wanted = {
        (seed, data): _options(training_options(configuration, epochs, seed), data)
        for seed in seeds
        for data in trained_on
    }
    finished = {}
    for run in runs:
        config, data = read_run(run)
        finished[_options(config, data["name"])] = run
        if _options(config, data["name"]) not in wanted.values():
            raise InputError(f"{run} is not a run of {configuration} with these seeds and data")
    trainings = []
    for seed, data in wanted:
        paths = {name: _path(folder, data, name, epochs, seed) for name in tests[data]}
        if not all(path.exists() for path in paths.values()):
            run = finished.get(wanted[seed, data])
            config = training_options(configuration, epochs, seed)
            network = functools.partial(_network, config, data, data_dir, run, console)
            trainings.append(
                (Training(f"{configuration}, seed {seed}, on {data}", network), data, paths)
            )
    results = run_trainings([training for training, *_ in trainings], console)
    for (_, data, paths), (_, network) in zip(trainings, results, strict=True):
        _test(network, tests[data], paths)
    members = [(configuration, [seed], False) for seed in seeds]
    members += [(f"{configuration}, mean of its views", [seed], True) for seed in seeds]
    if len(seeds) > 1:
        members.append((f"{configuration}, {len(seeds)} networks averaged", list(seeds), False))
    results = [
        _result(name, epochs, several, mean_view, data, tested_on, tests[data], folder)
        for name, several, mean_view in members
        for data in trained_on
        for tested_on in tests[data]
        if tested_on != HYBRIDS
    ]
    _log(output / READINGS_FILE, results)
    return results


def _network(
    config: TrainConfig, data: str, data_dir: Path | None, run: Path | None, console: Console
) -> keras.Model:
    """Return the network of a finished run, or a new one."""
    if run is not None:
        return load_network(run)
    return trained(config, load_sources(data, "train", data_dir), console)


def _path(folder: Path, trained_on: str, tested_on: str, epochs: int, seed: int) -> Path:
    return folder / f"test-{trained_on}-{tested_on}-epochs{epochs}-seed{seed}.npz"


def _options(config: TrainConfig, data: str) -> str:
    """Return all options that change the trained network, as text."""
    return json.dumps({**config.to_json(), "data": data, "evaluate": None})


def _test(network: keras.Model, tests: dict[str, Sources], paths: dict[str, Path]) -> None:
    images = np.concatenate([sources.image for sources in tests.values()])
    logits = view_logits(network, images)
    first = 0
    for name, sources in tests.items():
        part = slice(first, first + len(sources))
        Predictions(np.arange(len(sources)), logits[:, part]).save(paths[name])
        first += len(sources)


def load_test_set(name: str, data_dir: Path | None) -> Sources:
    """Return the sources of a test set: the hybrids, a test split, or `UNSEEN_FRDEEP`.

    Raises:
        InputError: The data set, or the list of the sources that both hold, is not there.
    """
    if name == HYBRIDS:
        return load_sources(name, "all", data_dir)
    if name != UNSEEN_FRDEEP:
        return load_sources(name, "test", data_dir)
    sources = load_sources("frdeep", "all", data_dir)
    known = _sources_in_mirabest(data_dir)
    keys = zip(sources.batch, sources.name, sources.label, strict=True)
    return sources.select(np.array([tuple(map(str, key)) not in known for key in keys]))


def _sources_in_mirabest(data_dir: Path | None) -> set[tuple[str, str, str]]:
    folder = data_folder(data_dir)
    found = [] if folder is None else sorted(Path(folder).rglob(SHARED_SOURCES_FILE))
    if not found:
        raise InputError(
            f"{SHARED_SOURCES_FILE}, the FR-DEEP sources that MiraBest holds too, is not in the "
            "data folder: put it there (columns frdeep_batch, frdeep_file and frdeep_label)"
        )
    with found[0].open(newline="") as file:
        return {
            (row["frdeep_batch"], row["frdeep_file"].removesuffix(".png"), row["frdeep_label"])
            for row in csv.DictReader(file)
        }


def _result(
    name: str,
    epochs: int,
    seeds: list[int],
    mean_view: bool,
    trained_on: str,
    tested_on: str,
    tests: dict[str, Sources],
    folder: Path,
) -> LoggedResult:
    paths = [_path(folder, trained_on, tested_on, epochs, seed) for seed in seeds]
    read = max(path.stat().st_mtime for path in paths)
    labels, said = tests[tested_on].label, _predictions(paths, mean_view)
    found = evaluate_predictions(
        labels, said.probabilities.astype(np.float32), protocol="one clean pass"
    )
    of_entropy = of_disagreement = None
    if HYBRIDS in tests:
        paths = [_path(folder, trained_on, HYBRIDS, epochs, seed) for seed in seeds]
        hybrids = _predictions(paths, mean_view)
        of_entropy = _auroc(hybrids.entropy, said.entropy)
        if len(seeds) > 1:
            of_disagreement = _auroc(hybrids.mutual_information, said.mutual_information)
    return LoggedResult(
        name,
        epochs,
        seeds[0] if len(seeds) == 1 else None,
        trained_on,
        tested_on,
        len(labels),
        found.accuracy,
        found.auc,
        found.log_loss,
        found.uncertainty_calibration_error,
        of_entropy,
        of_disagreement,
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(read)),
    )


def _predictions(paths: list[Path], mean_view: bool) -> EnsemblePrediction:
    """Return the ensemble's prediction of the original images or of the mean view."""
    logits = [Predictions.load(path).logits for path in paths]
    taken = [each.mean(axis=0) if mean_view else each[0] for each in logits]
    return combined(np.stack([calibrated(each, 1.0) for each in taken]))


def _auroc(hybrids: np.ndarray, others: np.ndarray) -> float:
    is_hybrid = np.repeat([1, 0], [len(hybrids), len(others)])
    return float(roc_auc_score(is_hybrid, np.concatenate([hybrids, others])))


def _log(path: Path, results: list[LoggedResult]) -> None:
    """Append new results to the log, one JSON object a line."""
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = [json.dumps(result.__dict__) for result in results]
    write_text(path, "\n".join([*known, *(line for line in lines if line not in known)]) + "\n")


def results_table(results: list[LoggedResult]) -> str:
    """Return a Markdown table of mean and spread over seeds, by training and test set."""
    rows = []
    for pair in dict.fromkeys((r.configuration, r.trained_on, r.tested_on) for r in results):
        group = [r for r in results if (r.configuration, r.trained_on, r.tested_on) == pair]
        accuracy = 100 * np.array([r.accuracy for r in group])
        rows.append(
            [
                *pair,
                str(group[0].sources),
                str(len(group)),
                mean_and_spread(accuracy, 1),
                f"{np.mean([r.auc for r in group]):.3f}",
                f"{np.mean([r.log_loss for r in group]):.3f}",
                f"{100 * np.mean([r.uncertainty_calibration_error for r in group]):.1f}",
                _mean([r.hybrid_auroc for r in group]),
                _mean([r.hybrid_auroc_of_disagreement for r in group]),
            ]
        )
    header = ["", "trained on", "tested on", "sources", "seeds", "accuracy %", "AUC", "log loss"]
    return markdown_table([*header, "UCE %", "AUROC of hybrids", "by disagreement"], rows, text=3)


def _mean(values: list[float | None]) -> str:
    return "" if None in values else f"{np.mean(values):.3f}"
