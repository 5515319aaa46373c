"""Purity, completeness and calibration error of a table, from the random part of the labels.

A source of the random part stands for 1 / inclusion probability sources of the table, so its label
counts with this weight (Horvitz & Thompson 1952).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.wilson import Interval, conservative_wilson_interval

from .labels import UNSURE

FEWEST = 10
"""Fewest labelled sources that an estimate is given for."""


@dataclass(frozen=True)
class Estimate:
    """A share of the sources of a table.

    Attributes:
        quantity: "purity" or "completeness".
        label: label of the table.
        value: the share; None if there are fewer than `FEWEST` labels.
        interval: 95 % interval, or None.
        count: number of labels that it is estimated from.
    """

    quantity: str
    label: str
    value: float | None
    interval: Interval | None
    count: int


def weighted_share(member: np.ndarray, weights: np.ndarray) -> tuple[float, Interval]:
    """Return the weighted share of members, and its interval at the effective sample size.

        p = sum w m / sum w,  v = n / (n - 1) sum (w (m - p))^2 / (sum w)^2,  n_eff = p (1 - p) / v

    If all or none are members, n_eff = (sum w)^2 / sum w^2 (Kish 1965). The interval is Wilson's
    with a continuity correction.

    Args:
        member: (n,) bool.
        weights: (n,) above 0.

    Returns:
        The share and its 95 % interval.
    """
    weights = weights / weights.sum()
    share = float(np.average(member, weights=weights))  # exactly 1 if all are members
    kish = float(1 / (weights**2).sum())
    count = len(member)
    size = kish
    if member.any() and not member.all() and count > 1:
        variance = count / (count - 1) * float(((weights * (member - share)) ** 2).sum())
        size = min(share * (1 - share) / variance, float(count))
    return share, conservative_wilson_interval(share, size)


def estimate_shares(
    stated: Sequence[str], true: Sequence[str], inclusion: np.ndarray
) -> list[Estimate]:
    """Estimate purity and completeness of FRI and FRII.

    Purity is the share of the sources labelled FRI in the table that people call FRI.
    Completeness is the share of the sources that people call FRI that are labelled FRI in the
    table. Both refer to the sources that the network classified. Sources that people are unsure
    of do not count; a source that is not a radio galaxy lowers the purity.

    Args:
        stated: (n,) labels of the table for the random part.
        true: (n,) labels of people.
        inclusion: (n,) probability of inclusion of each source.

    Returns:
        Purity and completeness of each class.
    """
    stated, true, weights = np.asarray(stated), np.asarray(true), 1 / np.asarray(inclusion)
    sure = true != UNSURE
    found = []
    for label in CLASS_NAMES:
        for quantity, among, hit in (
            ("purity", stated == label, true == label),
            ("completeness", true == label, stated == label),
        ):
            here = among & sure
            count = int(here.sum())
            value = interval = None
            if count >= FEWEST:
                value, interval = weighted_share(hit[here], weights[here])
            found.append(Estimate(quantity, label, value, interval, count))
    return found


def calibration_error(
    probabilities: np.ndarray, is_frii: np.ndarray, weights: np.ndarray, bins: int = 10
) -> float:
    """Return the expected calibration error of the larger probability, with weights.

        ECE = sum_k W_k / W |accuracy_k - confidence_k|,  in `bins` equal bins from 0 to 1

    With equal weights it is the `error` of `evaluation.confidence_bins`.

    Args:
        probabilities: (n, 2) P(FRI) and P(FRII).
        is_frii: (n,) bool.
        weights: (n,) above 0.
        bins: number of bins.
    """
    confidence, right = confidence_and_right(probabilities, is_frii)
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    excess = np.bincount(number, weights * (right - confidence), minlength=bins)
    return float(np.abs(excess).sum() / weights.sum())


def error_by_chance(
    probabilities: np.ndarray, weights: np.ndarray, draws: int = 200, seed: int = 0
) -> float:
    """Return the mean `calibration_error` of exactly calibrated probabilities with so few labels.

    Args:
        probabilities: (n, 2) P(FRI) and P(FRII).
        weights: (n,) above 0.
        draws: number of times that labels are drawn from the probabilities.
        seed: seed of the draws.
    """
    random = np.random.default_rng(seed)
    labels = random.random((draws, len(probabilities))) < probabilities[:, 1]
    return float(np.mean([calibration_error(probabilities, one, weights) for one in labels]))


def confidence_and_right(
    probabilities: np.ndarray, is_frii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the larger probability of each source, and whether its class is right.

    Args:
        probabilities: (n, 2) P(FRI) and P(FRII).
        is_frii: (n,) bool.
    """
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == is_frii


def reliability(
    probabilities: np.ndarray, is_frii: np.ndarray, weights: np.ndarray, bins: int = 10
) -> list[tuple[float, float, Interval, int]]:
    """Return the share of right classes in equal bins of the larger probability.

    Args:
        probabilities: (n, 2) P(FRI) and P(FRII).
        is_frii: (n,) bool.
        weights: (n,) above 0.
        bins: number of bins from 0 to 1; those below 1/2 stay empty.

    Returns:
        For each bin that is not empty: mean larger probability, share that is right, its 95 %
        interval, and number of sources.
    """
    confidence, right = confidence_and_right(probabilities, is_frii)
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for one in np.unique(number):
        here = number == one
        share, interval = weighted_share(right[here], weights[here])
        stated = float(np.average(confidence[here], weights=weights[here]))
        found.append((stated, share, interval, int(here.sum())))
    return found
