"""Probabilities that mean what they say, and when to say nothing."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from keras_astroattn.errors import InputError

SMALLEST_TEMPERATURE, LARGEST_TEMPERATURE = 0.02, 50.0


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The T that minimizes the mean of -ln softmax(logits / T)[label].

    The logits must be of sources that the network was not trained on; T then changes how
    certain it is, and never which class it prefers.

    Args:
        labels: (n,) 0 or 1.
        logits: (n, classes).

    Returns:
        T, between 0.02 and 50.

    Raises:
        InputError: every source or none is classified rightly, so that no T is best.

    Source: Guo et al. 2017, On calibration of modern neural networks (arXiv 1706.04599).
    """
    right = logits.argmax(axis=-1) == labels
    if right.all() or not right.any():
        raise InputError(
            f"no temperature fits {len(labels)} sources that are "
            f"{'all' if right.all() else 'never'} classified rightly: give more sources"
        )
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        return -float(log_softmax(scaled, axis=-1)[rows, labels].mean())

    bounds = (np.log(SMALLEST_TEMPERATURE), np.log(LARGEST_TEMPERATURE))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def calibrated(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / temperature), (n, classes) float64."""
    return softmax(logits.astype(np.float64) / temperature, axis=-1)


@dataclass(frozen=True)
class Threshold:
    """Where to stop believing.

    Attributes:
        confidence: sources whose likelier class has less probability are uncertain.
        coverage: share of the sources that have at least as much.
        error_rate: share of these that are wrong.
    """

    confidence: float
    coverage: float
    error_rate: float


def confidence_threshold(
    labels: np.ndarray, probabilities: np.ndarray, error_rate: float
) -> Threshold:
    """The least confidence at which at most a share `error_rate` of the answers is wrong.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n, classes) of sources that the network was not trained on.
        error_rate: from 0 to 1.

    Raises:
        InputError: even the most certain answers are wrong more often.
    """
    confidence = probabilities.max(axis=-1)
    order = np.argsort(-confidence, kind="stable")
    wrong = (probabilities.argmax(axis=-1) != labels)[order]
    share = np.cumsum(wrong) / np.arange(1, len(labels) + 1)
    # Sources of one confidence are all in or all out.
    last_of_its_value = np.append(np.diff(confidence[order]) != 0, True)
    allowed = np.flatnonzero((share <= error_rate) & last_of_its_value)
    if not allowed.size:
        raise InputError(f"no confidence leaves an error rate of {error_rate}: give a larger one")
    last = int(allowed[-1])
    return Threshold(float(confidence[order][last]), (last + 1) / len(labels), float(share[last]))
