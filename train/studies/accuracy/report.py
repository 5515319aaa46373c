"""Tables of cross-validated accuracy, and of the differences between configurations."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_astroattn.datasets import Sources
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    Evaluation,
    calibrated,
    confidence_threshold,
    evaluate_predictions,
    fit_entropy_temperature,
    fit_temperature,
    wilson_interval,
)
from keras_astroattn.evaluation.intervals import bootstrap_weights, percentile_interval
from keras_astroattn.report import markdown_table, mean_and_spread, percentage
from train.cross_validation import Split, finished_seeds, held_out_rows, out_of_fold
from train.named_configurations import epochs_of

_TITLES = {"folds": "Out of fold", "halves": "Near from far, far from near"}

BOOTSTRAP_DRAWS = 10_000
ERROR_RATES = (0.01, 0.02, 0.05)
SIGMAS_OF_THE_CLIP = 3
BRIGHTEST = 255


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Out-of-fold probabilities of all sources.

    Attributes:
        name: name of the configuration, and how its logits were combined and calibrated.
        probabilities: (seeds, n, 2) class probabilities.
        temperatures: temperatures of each seed and fold, if the logits were calibrated.
    """

    name: str
    probabilities: np.ndarray
    temperatures: tuple[float, ...] = ()

    def right(self, labels: np.ndarray) -> np.ndarray:
        """Return the (n,) share of the seeds whose prediction of a source is correct."""
        return (self.probabilities.argmax(axis=-1) == labels).mean(axis=0)


def read_out_of_fold(
    output: Path, configuration: str, epochs: int, sources: Sources, split: Split = "folds"
) -> list[OutOfFold]:
    """Read out-of-fold probabilities: raw, calibrated, and averaged over views and seeds.

    The temperature of a fold is fitted on the out-of-fold logits of the other folds.

    Args:
        output: folder of the predictions.
        configuration: name of the configuration.
        epochs: passes over the training images.
        sources: the confident sources of MiraBest.
        split: division of the sources.

    Returns:
        The probabilities of each combination.
    """
    seeds = finished_seeds(output, configuration, epochs, split)
    count = len(sources)
    logits = np.stack(
        [out_of_fold(output, configuration, epochs, seed, count, split) for seed in seeds]
    )
    known = sources.label, held_out_rows(sources, split)
    found = []
    for name, one in (
        (configuration, logits[:, 0]),
        (f"{configuration}, mean of {logits.shape[1]} views", logits.mean(axis=1)),
    ):
        found += [
            OutOfFold(name, calibrated(one, 1.0)),
            _at_temperatures(f"{name}, calibrated", fit_temperature, *known, one),
            _at_temperatures(f"{name}, entropy calibrated", fit_entropy_temperature, *known, one),
        ]
    if len(seeds) > 1:
        together = found[0].probabilities.mean(axis=0, keepdims=True)
        found.append(OutOfFold(f"{configuration}, mean of {len(seeds)} seeds", together))
    return found


def _at_temperatures(
    name: str,
    fit: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    held_out: list[np.ndarray],
    logits: np.ndarray,
) -> OutOfFold:
    """Calibrate (seeds, n, 2) logits at the temperature that fits the other folds."""
    temperatures: list[float] = []
    fitted = np.empty(logits.shape)
    everything = np.arange(len(labels))
    for seed in range(len(logits)):
        for rows in held_out:
            others = np.setdiff1d(everything, rows)
            temperatures.append(fit(labels[others], logits[seed, others]))
            fitted[seed, rows] = calibrated(logits[seed, rows], temperatures[-1])
    return OutOfFold(name, fitted, tuple(temperatures))


def evaluations(found: OutOfFold, labels: np.ndarray) -> list[Evaluation]:
    """Return one evaluation for each seed."""
    return [
        evaluate_predictions(labels, probabilities, protocol=found.name)
        for probabilities in found.probabilities.astype(np.float32)
    ]


def metrics_table(found: list[OutOfFold], labels: np.ndarray) -> str:
    """Return a table of metrics: mean and spread over seeds, and the interval of the accuracy."""
    columns = {
        "AUC": lambda e: e.auc,
        "Brier": lambda e: e.brier_score,
        "log loss": lambda e: e.log_loss,
        "ECE %": lambda e: 100 * e.expected_calibration_error,
        "UCE %": lambda e: 100 * e.uncertainty_calibration_error,
    }
    rows = []
    for one in found:
        each = evaluations(one, labels)
        accuracy = [100 * e.accuracy for e in each]
        low, high = wilson_interval(float(np.mean(accuracy)) / 100, len(labels))
        rows.append(
            [
                one.name,
                str(len(each)),
                mean_and_spread(accuracy, 1),
                f"{100 * low:.1f} to {100 * high:.1f}",
                *(mean_and_spread([get(e) for e in each], 3) for get in columns.values()),
            ]
        )
    return markdown_table(["", "seeds", "accuracy %", "95 % interval", *columns], rows)


def difference_table(found: list[OutOfFold], labels: np.ndarray) -> str:
    """Return a table of paired differences in accuracy from the first configuration."""
    first, *others = found
    weights = bootstrap_weights(labels, BOOTSTRAP_DRAWS, seed=0) / len(labels)
    rows = []
    for other in others:
        gain = 100 * (other.right(labels) - first.right(labels))
        low, high = percentile_interval(weights @ gain)
        rows.append(
            [f"{other.name} - {first.name}", f"{gain.mean():+.1f}", f"{low:+.1f} to {high:+.1f}"]
        )
    return markdown_table(["difference", "points", "95 % interval"], rows)


def group_table(found: list[OutOfFold], sources: Sources, split: Split) -> str:
    """Return a table of accuracy by angular size, signal-to-noise and morphology."""
    rows = []
    for name, chosen in groups(sources).items():
        cells = []
        for one in found:
            right = one.right(sources.label)[chosen]
            share = float(right.mean())
            cells.append(percentage(share, wilson_interval(share, len(right))))
        rows.append([name, str(int(chosen.sum())), *cells])
    by_size = [f"{_size_only(sources, split):.1f}"] + [""] * (len(found) - 1)
    rows.append(["one cut in angular size", str(len(sources)), *by_size])
    return markdown_table(["sources", "number", *(one.name for one in found)], rows)


def groups(sources: Sources) -> dict[str, np.ndarray]:
    """Return the masks (n,) of groups of sources, by name."""
    size, snr = sources.angular_size, peak_snr(sources.image)
    masks: dict[str, np.ndarray] = {"all": np.ones(len(sources), bool)}
    masks |= {
        'under 27"': size < 27,
        '27" to 60"': (size >= 27) & (size < 60),
        '60" and more': size >= 60,
        "peak under 50 sigma": snr < 50,
        "peak 50 to 200 sigma": (snr >= 50) & (snr < 200),
        "peak over 200 sigma": snr >= 200,
    }
    names = sources.label.astype(str)
    for label, kind in ((0, "FRI"), (1, "FRII")):
        for morphology in sorted(set(sources.morphology[names == str(label)])):
            masks[f"{kind}, {morphology}"] = (sources.label == label) & (
                sources.morphology == morphology
            )
    return masks


def peak_snr(images: np.ndarray) -> np.ndarray:
    """Return the lower bound of the peak signal-to-noise ratio of MiraBest's images.

    Pixels below 3 sigma are 0 in these images, and the peak is 255. A faintest pixel v > 0
    therefore means that 3 sigma is at most v / 255 of the peak.

    Args:
        images: (n, h, w) uint8.

    Returns:
        (n,) float64.
    """
    faintest = np.where(images == 0, BRIGHTEST, images).min(axis=(1, 2))
    return SIGMAS_OF_THE_CLIP * BRIGHTEST / faintest.astype(float)


def _size_only(sources: Sources, split: Split) -> float:
    """Return the accuracy (%) of a cut in angular size fitted on other folds (FRII below it)."""
    size, labels = sources.angular_size, sources.label
    right = np.empty(len(labels), bool)
    cuts = np.unique(size)
    for rows in held_out_rows(sources, split):
        others = np.setdiff1d(np.arange(len(labels)), rows)
        smaller = size[others][:, np.newaxis] < cuts
        best = cuts[(smaller == labels[others][:, np.newaxis]).mean(axis=0).argmax()]
        right[rows] = (size[rows] < best) == labels[rows]
    return 100 * float(right.mean())


def coverage_table(found: list[OutOfFold], labels: np.ndarray) -> str:
    """Return a table of the share of sources that keep a class at an error rate (first seed)."""
    rows = []
    for one in found:
        for rate in ERROR_RATES:
            try:
                limit = confidence_threshold(labels, one.probabilities[0], rate)
                answered = [f"{limit.confidence:.3f}", f"{100 * limit.coverage:.1f} %"]
            except InputError:  # the error rate of the most confident predictions is higher
                answered = ["none", "0 %"]
            rows.append([one.name, f"{100 * rate:.0f} %", *answered])
    return markdown_table(["", "error rate", "least probability", "coverage"], rows)


def report(
    output: Path,
    configurations: list[str],
    epochs: int | None,
    sources: Sources,
    say: Callable[[str], object],
    split: Split = "folds",
) -> str:
    """Write all tables in Markdown.

    Args:
        output: folder of the predictions.
        configurations: names of the configurations.
        epochs: passes over the training images; None for each configuration's own number.
        sources: the confident sources of MiraBest.
        say: called with each remark on an omitted configuration.
        split: division of the sources.

    Raises:
        InputError: No cross-validation is complete.
    """
    labels = sources.label
    passes = {name: epochs_of(name, epochs) for name in configurations}
    finished = [name for name in passes if finished_seeds(output, name, passes[name], split)]
    for name in set(passes) - set(finished):
        say(f"{name}: no seed has all folds at {passes[name]} epochs; left out")
    if not finished:
        raise InputError(
            f"{output} holds no complete cross-validation by {split}: run python -m "
            "train.cross_validation first"
        )
    found = {
        name: read_out_of_fold(output, name, passes[name], sources, split) for name in finished
    }
    raw = [each[0] for each in found.values()]
    everything = [one for each in found.values() for one in each]
    parts = [f"## {_TITLES[split]}\n", metrics_table(everything, labels)]
    if len(everything) > 1:
        parts += ["## Paired differences in accuracy\n", difference_table(everything, labels)]
    parts += ["## By kind of source\n", group_table(raw, sources, split)]
    parts += [
        "## Coverage at an error rate\n",
        coverage_table([e[1] for e in found.values()], labels),
    ]
    return "\n".join(parts)
