"""Calibration of the confidence and the uncertainty of a model."""

from dataclasses import dataclass

import numpy as np

DEFAULT_BINS = 10
"""Default number of bins of the calibration errors."""


@dataclass(frozen=True)
class CalibrationBins:
    """Predictions grouped in bins of their stated confidence or uncertainty.

    Bin k of M holds the predictions whose stated value is in (k / M, (k + 1) / M], k from
    0 (and 0 itself in the first).

    Attributes:
        count: number of predictions in each bin.
        stated: mean stated value (confidence or uncertainty) in each bin; 0 if empty.
        observed: share of correct predictions (confidence) or of wrong ones (uncertainty) in
            each bin; 0 if empty.
    """

    count: tuple[int, ...]
    stated: tuple[float, ...]
    observed: tuple[float, ...]

    @property
    def error(self) -> float:
        """Calibration error: sum over bins of count / N times |observed - stated|."""
        count = np.array(self.count)
        return float((count * np.abs(np.subtract(self.observed, self.stated))).sum() / count.sum())


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the Brier score (p(FRII) - y)^2 of each prediction (Brier 1950): 0 to 1.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (..., n, 2) class probabilities.

    Returns:
        (..., n) float64.
    """
    return (probabilities[..., 1].astype(np.float64) - labels) ** 2


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return -ln p(true class) of each prediction, in nats.

    Probabilities are limited to at least the resolution of float32, 1.2e-7, so that a wrong
    prediction costs at most 15.9 nats.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (..., n, 2) class probabilities.

    Returns:
        (..., n) float64.
    """
    true = np.where(labels == 1, probabilities[..., 1], probabilities[..., 0])
    return -np.log(np.maximum(true.astype(np.float64), np.finfo(np.float32).eps))


def normalized_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the normalized entropy -sum p ln p / ln C of C classes: 0 (certain) to 1 (uniform).

    Args:
        probabilities: (..., C) class probabilities.

    Returns:
        (...) float64.
    """
    p = probabilities.astype(np.float64)
    terms = p * np.log(np.where(p > 0, p, 1.0))
    return np.clip(-terms.sum(axis=-1) / np.log(p.shape[-1]), 0.0, 1.0)


def bin_sums(stated: np.ndarray, observed: np.ndarray, bins: int) -> np.ndarray:
    """Return counts and sums of stated and observed values, by source and bin.

    A weighted sum over sources is a bootstrap sample.

    Args:
        stated: (views, m) stated values, from 0 to 1.
        observed: (views, m) observed values, 0 or 1.
        bins: number of bins M.

    Returns:
        (3, m, M) float64: number of predictions, sum of stated and sum of observed values.
    """
    sources = stated.shape[1]
    number = np.clip(np.ceil(stated * bins).astype(int) - 1, 0, bins - 1)
    cell = (np.arange(sources) * bins + number).ravel()
    return np.stack(
        [
            np.bincount(cell, weights, minlength=sources * bins).reshape(sources, bins)
            for weights in (np.ones(cell.size), stated.ravel(), observed.ravel().astype(float))
        ]
    )


def bins_from_sums(sums: np.ndarray) -> CalibrationBins:
    """Return the bins from their (3, M) sums over all sources."""
    count, stated, observed = sums
    size = np.maximum(count, 1)
    return CalibrationBins(
        count=tuple(int(n) for n in count),
        stated=tuple((stated / size).tolist()),
        observed=tuple((observed / size).tolist()),
    )


def confidence_sums(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Return (3, m, M) `bin_sums` of the largest class probability and of correct predictions."""
    right = probabilities.argmax(axis=-1) == labels
    return bin_sums(probabilities.max(axis=-1).astype(np.float64), right, bins)


def uncertainty_sums(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Return (3, m, M) `bin_sums` of the normalized entropy and of wrong predictions."""
    wrong = probabilities.argmax(axis=-1) != labels
    return bin_sums(normalized_entropy(probabilities), wrong, bins)


def confidence_bins(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = DEFAULT_BINS
) -> CalibrationBins:
    """Return the bins of the expected calibration error (Guo et al. 2017, arXiv 1706.04599).

    ECE = sum_k |B_k| / N |accuracy(B_k) - confidence(B_k)|, the property `error`, where B_k are
    the predictions whose highest class probability lies in bin k.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n, 2), or (views, n, 2), which are pooled.
        bins: number of equal bins from 0 to 1 (with two classes those below 1/2 stay empty).

    Returns:
        The bins.
    """
    views = probabilities.reshape(-1, len(labels), probabilities.shape[-1])
    return bins_from_sums(confidence_sums(labels, views, bins).sum(axis=1))


def uncertainty_bins(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = DEFAULT_BINS
) -> CalibrationBins:
    """Return the bins of the uncertainty calibration error (Laves et al. 2019, arXiv 1909.13550).

    UCE = sum_k |B_k| / N |error(B_k) - uncertainty(B_k)|, the property `error`, where B_k are
    the predictions whose uncertainty lies in bin k. The uncertainty is the normalized entropy
    -sum p ln p / ln C.

    Args:
        labels: (n,) 0 or 1.
        probabilities: (n, 2), or (views, n, 2), which are pooled.
        bins: number of equal bins from 0 to 1.

    Returns:
        The bins.
    """
    views = probabilities.reshape(-1, len(labels), probabilities.shape[-1])
    return bins_from_sums(uncertainty_sums(labels, views, bins).sum(axis=1))
