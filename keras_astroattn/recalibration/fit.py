"""Fit temperature, class prior and threshold of a calibration to labels."""

from collections.abc import Sequence

import numpy as np

from keras_astroattn.edge.calibration import Calibration, log_odds
from keras_astroattn.errors import InputError

from .labels import FRI, FRII

FEWEST = 30
"""Fewest sources labelled FRI or FRII that a calibration is fitted to."""

FEWEST_OF_A_CLASS = 5
"""Fewest of them in each class."""

ERROR_RATE = 0.02
"""Default share of wrong classes among the sources that are not uncertain."""

# Standard deviations of the Gaussian priors of -ln T and b. They keep the fit finite if all labels
# agree with the network. Chosen with `train.studies.recalibration`, on other seeds than reported.
_PRIOR = np.array([0.5, 2.0])
_WEIGHT_POWER = 0.5  # chosen likewise
_STEPS = 200
_HALVINGS = 40


def fit_odds(
    odds: np.ndarray, is_frii: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Return T and b of ln p' / (1 - p') = odds / T + b, the maximum of the posterior.

    Platt 1999 fits the same model without the prior.

    Args:
        odds: (n,) ln P(FRII) / P(FRI) of the network.
        is_frii: (n,) bool, the labels.
        weights: (n,) weights with the mean 1; None: equal weights.

    Returns:
        Temperature T above 0, and shift b.
    """
    labels = is_frii.astype(float)
    weights = np.ones(len(labels)) if weights is None else weights

    def loss(point: np.ndarray) -> float:
        score = np.exp(point[0]) * odds + point[1]
        likelihood = np.logaddexp(0, score) - labels * score
        return float((weights * likelihood).sum() + 0.5 * ((point / _PRIOR) ** 2).sum())

    point = np.zeros(2)  # -ln T, b
    for _ in range(_STEPS):
        slope = np.exp(point[0]) * odds
        p = 0.5 * (1 + np.tanh((slope + point[1]) / 2))
        excess = weights * (p - labels)
        gradient = np.array([(excess * slope).sum(), excess.sum()]) + point / _PRIOR**2
        weight = weights * p * (1 - p)
        cross = (weight * slope).sum()
        information = np.array([[(weight * slope**2).sum(), cross], [cross, weight.sum()]])
        step = np.linalg.solve(information + np.diag(1 / _PRIOR**2), gradient)
        before = loss(point)
        for _ in range(_HALVINGS):
            if loss(point - step) <= before:
                break
            step = step / 2
        point = point - step
        if np.abs(step).max() < 1e-9:
            break
    return float(np.exp(-point[0])), float(point[1])


def label_weights(inclusion: np.ndarray) -> np.ndarray:
    """Return the weights of labels in a fit, with the mean 1.

    A label of the random part stands for 1 / inclusion probability sources of the table. It counts
    the square root of this number times; others count once. With the full number, the fit would be
    that of the whole table but noisy, because few labels would have most of the weight; with equal
    weights, it would be that of the uncertain sources.

    Args:
        inclusion: (n,) probability with which the random part includes the source; NaN in no
            random part.
    """
    weights = np.nan_to_num(inclusion, nan=1.0) ** -_WEIGHT_POWER
    return weights / weights.mean()


def confidence_for(
    probabilities: np.ndarray, error_rate: float, weights: np.ndarray | None = None
) -> float:
    """Return the lowest confidence above which the probabilities predict an error rate.

    The predicted error rate of a set of sources is the mean of 1 - p, where p is the larger
    probability of each.

    Args:
        probabilities: (n, 2) calibrated probabilities of all classified sources.
        error_rate: accepted error rate.
        weights: (n,) number of sources that each stands for; None: equal numbers.

    Returns:
        The threshold, from 0.5 to 1.

    Raises:
        InputError: Even the most certain source is expected to be wrong more often.
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    weights = np.ones(len(order)) if weights is None else weights[order]
    confidence = confidence[order]
    expected = np.cumsum(weights * (1 - confidence)) / np.cumsum(weights)
    allowed = np.flatnonzero(expected <= error_rate)
    if not allowed.size:
        raise InputError(
            f"no source is certain enough for an error rate of {error_rate:g}: give a larger "
            "--error-rate"
        )
    return float(confidence[allowed[-1]])


def fit_calibration(
    model: str,
    probabilities: np.ndarray,
    rows: Sequence[int],
    labels: Sequence[str],
    error_rate: float = ERROR_RATE,
    inclusion: Sequence[float | None] | None = None,
) -> Calibration:
    """Fit a calibration to labels of a table.

    The labels have the weights of `label_weights`.

    Args:
        model: name of the table's model.
        probabilities: (n, 2) P(FRI) and P(FRII) of the whole table; NaN without a class.
        rows: row of each label.
        labels: label of each row; only FRI and FRII count.
        error_rate: accepted share of wrong classes among sources that are not uncertain.
        inclusion: probability with which the random part includes each row; None: in no random
            part.

    Returns:
        The calibration.

    Raises:
        InputError: There are too few labels.
    """
    known = np.isfinite(probabilities).all(axis=1)
    inclusion = [None] * len(rows) if inclusion is None else inclusion
    used = [
        (row, label == FRII, share)
        for row, label, share in zip(rows, labels, inclusion, strict=True)
        if known[row] and label in (FRI, FRII)
    ]
    frii = sum(is_frii for _, is_frii, _ in used)
    if len(used) < FEWEST or min(frii, len(used) - frii) < FEWEST_OF_A_CLASS:
        raise InputError(
            f"the labels are too few: {len(used) - frii} FRI and {frii} FRII of sources with "
            f"probabilities; at least {FEWEST}, and {FEWEST_OF_A_CLASS} of each, are needed"
        )
    chosen, is_frii, shares = zip(*used, strict=True)
    temperature, shift = fit_odds(
        log_odds(probabilities[list(chosen)]),
        np.array(is_frii),
        label_weights(np.array(shares, float)),
    )
    fitted = Calibration(model, temperature, shift)
    threshold = confidence_for(fitted.apply(probabilities[known]), error_rate)
    return Calibration(model, temperature, shift, threshold)
