"""Temperature scaling of logits, and thresholds on the confidence."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax

from keras_astroattn.errors import InputError

from .calibration import normalized_entropy

SMALLEST_TEMPERATURE, LARGEST_TEMPERATURE = 0.02, 50.0
_LOG_BOUNDS = (np.log(SMALLEST_TEMPERATURE), np.log(LARGEST_TEMPERATURE))


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T that minimizes the mean of -ln softmax(logits / T)[label].

    The logits must belong to sources that the network was not trained on. T changes the
    confidence of a prediction, but not the predicted class.

    Args:
        labels: (n,) 0 or 1.
        logits: (n, classes) logits.

    Returns:
        T, between 0.02 and 50.

    Raises:
        InputError: All predictions or none are correct, so that no T is best.

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 0, 1])
        >>> logits = np.array([[2.0, -2.0]] * 4)  # correct for three of four sources
        >>> temperature = fit_temperature(labels, logits)
        >>> round(float(temperature), 2)  # 4 / T = ln 3
        3.64

    Source: Guo et al. 2017, On calibration of modern neural networks (arXiv 1706.04599).
    """
    _require_some_right_and_some_wrong(labels, logits)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        return -float(log_softmax(scaled, axis=-1)[rows, labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_BOUNDS, method="bounded").x))


def fit_entropy_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the T at which the mean normalized entropy of softmax(logits / T) is the error rate.

    At this T, the entropy (0 to 1) approximates the error rate. At the T of `fit_temperature` it
    does not: a probability of 0.9 has a normalized entropy of 0.47. The uncertainty calibration
    error is small at this T, but the probabilities are overconfident.

    Args:
        labels: (n,) 0 or 1.
        logits: (n, classes), of sources that the network was not trained on.

    Returns:
        T, between 0.02 and 50.

    Raises:
        InputError: All predictions or none are correct, or no T gives this mean entropy.
    """
    error_rate = 1 - _require_some_right_and_some_wrong(labels, logits)

    def excess(log_temperature: float) -> float:
        entropy = normalized_entropy(calibrated(logits, np.exp(log_temperature)))
        return float(entropy.mean()) - error_rate

    if not excess(_LOG_BOUNDS[0]) <= 0 <= excess(_LOG_BOUNDS[1]):
        raise InputError(
            f"no temperature makes the mean entropy of {len(labels)} sources their error rate, "
            f"{error_rate:.3g}: give more sources"
        )
    return float(np.exp(brentq(excess, *_LOG_BOUNDS)))


def _require_some_right_and_some_wrong(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the share of correct predictions; refuse 0 and 1."""
    right = logits.argmax(axis=-1) == labels
    if right.all() or not right.any():
        raise InputError(
            f"no temperature fits {len(labels)} sources that are "
            f"{'all' if right.all() else 'never'} classified rightly: give more sources"
        )
    return float(right.mean())


def calibrated(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(logits / temperature), (n, classes) float64.

    Args:
        logits: (n, classes) logits.
        temperature: temperature, above 0.
    """
    return softmax(logits.astype(np.float64) / temperature, axis=-1)


@dataclass(frozen=True)
class Threshold:
    """A threshold on the confidence of predictions.

    Attributes:
        confidence: sources whose larger class probability is below this value are uncertain.
        coverage: share of the sources at or above the threshold.
        error_rate: share of wrong predictions among them.
    """

    confidence: float
    coverage: float
    error_rate: float


def confidence_threshold(
    labels: np.ndarray, probabilities: np.ndarray, error_rate: float
) -> Threshold:
    """Return the lowest confidence above which at most `error_rate` of the predictions are wrong.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n, classes) of sources that the network was not trained on.
        error_rate: accepted error rate, from 0 to 1.

    Returns:
        The threshold.

    Raises:
        InputError: The error rate of the most confident predictions is larger.
    """
    confidence = probabilities.max(axis=-1)
    order = np.argsort(-confidence, kind="stable")
    wrong = (probabilities.argmax(axis=-1) != labels)[order]
    share = np.cumsum(wrong) / np.arange(1, len(labels) + 1)
    # Sources with equal confidence are all included or all excluded.
    last_of_its_value = np.append(np.diff(confidence[order]) != 0, True)
    allowed = np.flatnonzero((share <= error_rate) & last_of_its_value)
    if not allowed.size:
        raise InputError(f"no confidence leaves an error rate of {error_rate}: give a larger one")
    last = int(allowed[-1])
    return Threshold(float(confidence[order][last]), (last + 1) / len(labels), float(share[last]))
