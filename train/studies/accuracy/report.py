"""The tables: what cross-validation says of each configuration, and of their differences."""

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
    """Probabilities of all sources by networks that did not see them.

    Attributes:
        name: of the configuration and of what was made of its logits.
        probabilities: (seeds, n, 2).
        temperatures: of each seed and fold, if any.
    """

    name: str
    probabilities: np.ndarray
    temperatures: tuple[float, ...] = ()

    def right(self, labels: np.ndarray) -> np.ndarray:
        """(n,) share of the seeds that classify each source rightly."""
        return (self.probabilities.argmax(axis=-1) == labels).mean(axis=0)


def read_out_of_fold(
    output: Path, configuration: str, epochs: int, sources: Sources, split: Split = "folds"
) -> list[OutOfFold]:
    """The probabilities as they are, at two temperatures, averaged over turns and seeds.

    The temperature of a fold is fitted on the out-of-fold logits of the other folds.
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
        (f"{configuration}, mean of {logits.shape[1]} turns", logits.mean(axis=1)),
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
    """(seeds, n, 2) logits at the temperature that fits the other folds."""
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
    """One a seed."""
    return [
        evaluate_predictions(labels, probabilities, protocol=found.name)
        for probabilities in found.probabilities.astype(np.float32)
    ]


def metrics_table(found: list[OutOfFold], labels: np.ndarray) -> str:
    """Mean and spread over the seeds, and the interval that 833 sources leave."""
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
    """Accuracy against the first configuration, source by source."""
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
    """Accuracy by angular size, signal-to-noise and morphology."""
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
    """Masks (n,) by name."""
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
    """(n,) peak over noise of (n, 150, 150) uint8 images, from the faintest pixel kept.

    The images were set to zero below three sigma and scaled by their brightest pixel, so
    that the faintest pixel v > 0 says that 3 sigma is at most v / 255 of the peak. It is a
    lower bound, exact to a step of the 8 bits.
    """
    faintest = np.where(images == 0, BRIGHTEST, images).min(axis=(1, 2))
    return SIGMAS_OF_THE_CLIP * BRIGHTEST / faintest.astype(float)


def _size_only(sources: Sources, split: Split) -> float:
    """Accuracy, %, of FRII where smaller than the cut that is best on the other folds."""
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
    """What share of the sources is answered at an error rate, by the first seed."""
    rows = []
    for one in found:
        for rate in ERROR_RATES:
            try:
                limit = confidence_threshold(labels, one.probabilities[0], rate)
                answered = [f"{limit.confidence:.3f}", f"{100 * limit.coverage:.1f} %"]
            except InputError:  # even the most certain answers are wrong more often
                answered = ["none", "0 %"]
            rows.append([one.name, f"{100 * rate:.0f} %", *answered])
    return markdown_table(["", "error rate", "least probability", "answered"], rows)


def report(
    output: Path,
    configurations: list[str],
    epochs: int | None,
    sources: Sources,
    say: Callable[[str], object],
    split: Split = "folds",
) -> str:
    """All tables as Markdown."""
    labels = sources.label
    passes = {name: epochs_of(name, epochs) for name in configurations}
    finished = [name for name in passes if finished_seeds(output, name, passes[name], split)]
    for name in set(passes) - set(finished):
        say(f"{name}: no seed has all its folds at {passes[name]} epochs; left out")
    if not finished:
        raise InputError(
            f"{output} holds no whole cross-validation by {split}: run cross-validate first"
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
        "## Answers at an error rate\n",
        coverage_table([e[1] for e in found.values()], labels),
    ]
    return "\n".join(parts)
