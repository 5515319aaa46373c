"""The official test sets, read once a run by one command, which logs each reading."""

import csv
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
from train.predictions import Predictions, trained, turned_logits

READINGS_FILE = "readings.jsonl"
SHARED_SOURCES_FILE = "in_mirabest.csv"

HYBRIDS = "mirabest-hybrid"
"""Sources of neither class: a network should be uncertain of them."""

TRAINED_ON = {
    "mirabest-confident": ("mirabest-confident", "frdeep-not-in-mirabest", HYBRIDS),
    "mirabest": ("mirabest", "mirabest-confident", "frdeep-not-in-mirabest", HYBRIDS),
    "frdeep": ("frdeep",),
}
"""Training data, and what a network that was trained on them is tested on."""


@dataclass(frozen=True)
class LoggedResult:
    """What one network does on one test set.

    `seed` is None where the probabilities are those of several networks, averaged.
    `hybrid_auroc` is the chance that a hybrid has a larger entropy than a source of the
    test set, `hybrid_auroc_of_disagreement` that it has a larger mutual information; None
    where the network was not asked for the hybrids, or is one alone.
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
    """Train on each data set's training sources and test once; what is there is not repeated.

    Where one of the `runs` is of the configuration, seed and data, its network is tested
    rather than trained once more.

    Raises:
        InputError: an unknown data set; a file is missing; a run is of none of these networks.
    """
    for name in set(trained_on) - set(TRAINED_ON):
        raise InputError(f"no training data {name!r}: take {', '.join(TRAINED_ON)}")
    folder = output / configuration
    tests = {
        data: {name: _test_sources(name, data_dir) for name in TRAINED_ON[data]}
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
            raise InputError(f"{run} is no run of {configuration} that is asked for here")
    for seed in seeds:
        for data in trained_on:
            paths = {name: _path(folder, data, name, epochs, seed) for name in tests[data]}
            if not all(path.exists() for path in paths.values()):
                console.print(f"{configuration}, seed {seed}, on {data}", highlight=False)
                config = training_options(configuration, epochs, seed)
                run = finished.get(wanted[seed, data])
                if run is None:
                    network = trained(config, load_sources(data, "train", data_dir), console)
                else:
                    network = load_network(run)
                _test(network, tests[data], paths)
    members = [(configuration, [seed], False) for seed in seeds]
    members += [(f"{configuration}, mean of its turns", [seed], True) for seed in seeds]
    if len(seeds) > 1:
        members.append((f"{configuration}, {len(seeds)} networks averaged", list(seeds), False))
    readings = [
        _reading(name, epochs, several, turned, data, tested_on, tests[data], folder)
        for name, several, turned in members
        for data in trained_on
        for tested_on in tests[data]
        if tested_on != HYBRIDS
    ]
    _log(output / READINGS_FILE, readings)
    return readings


def _path(folder: Path, trained_on: str, tested_on: str, epochs: int, seed: int) -> Path:
    return folder / f"test-{trained_on}-{tested_on}-epochs{epochs}-seed{seed}.npz"


def _options(config: TrainConfig, data: str) -> str:
    """All that decides what is learned."""
    return json.dumps({**config.to_json(), "data": data, "evaluate": None})


def _test(network: keras.Model, tests: dict[str, Sources], paths: dict[str, Path]) -> None:
    images = np.concatenate([sources.image for sources in tests.values()])
    logits = turned_logits(network, images)
    first = 0
    for name, sources in tests.items():
        part = slice(first, first + len(sources))
        Predictions(np.arange(len(sources)), logits[:, part]).save(paths[name])
        first += len(sources)


def _test_sources(name: str, data_dir: Path | None) -> Sources:
    if name == HYBRIDS:
        return load_sources(name, "all", data_dir)
    if name != "frdeep-not-in-mirabest":
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
            "data folder: put it there (docs/data.md says what it lists)"
        )
    with found[0].open(newline="") as file:
        return {
            (row["frdeep_batch"], row["frdeep_file"].removesuffix(".png"), row["frdeep_label"])
            for row in csv.DictReader(file)
        }


def _reading(
    name: str,
    epochs: int,
    seeds: list[int],
    turned: bool,
    trained_on: str,
    tested_on: str,
    tests: dict[str, Sources],
    folder: Path,
) -> LoggedResult:
    paths = [_path(folder, trained_on, tested_on, epochs, seed) for seed in seeds]
    read = max(path.stat().st_mtime for path in paths)
    labels, said = tests[tested_on].label, _predictions(paths, turned)
    found = evaluate_predictions(
        labels, said.probabilities.astype(np.float32), protocol="one clean pass"
    )
    of_entropy = of_disagreement = None
    if HYBRIDS in tests:
        paths = [_path(folder, trained_on, HYBRIDS, epochs, seed) for seed in seeds]
        hybrids = _predictions(paths, turned)
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


def _predictions(paths: list[Path], turned: bool) -> EnsemblePrediction:
    """Of the networks together; of each the image as it is, or the mean logit of its turns."""
    logits = [Predictions.load(path).logits for path in paths]
    taken = [each.mean(axis=0) if turned else each[0] for each in logits]
    return combined(np.stack([calibrated(each, 1.0) for each in taken]))


def _auroc(hybrids: np.ndarray, others: np.ndarray) -> float:
    is_hybrid = np.repeat([1, 0], [len(hybrids), len(others)])
    return float(roc_auc_score(is_hybrid, np.concatenate([hybrids, others])))


def _log(path: Path, readings: list[LoggedResult]) -> None:
    """Add to the log, one JSON object a line, what is not in it yet."""
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = [json.dumps(reading.__dict__) for reading in readings]
    write_text(path, "\n".join([*known, *(line for line in lines if line not in known)]) + "\n")


def readings_table(readings: list[LoggedResult]) -> str:
    """Mean and spread over the seeds, a row each training and test set, as Markdown."""
    rows = []
    for pair in dict.fromkeys((r.configuration, r.trained_on, r.tested_on) for r in readings):
        group = [r for r in readings if (r.configuration, r.trained_on, r.tested_on) == pair]
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
