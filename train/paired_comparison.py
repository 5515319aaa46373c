"""Compare two networks on the same labelled sources, each predicted out of fold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from keras_astroattn.evaluation.intervals import bootstrap_weights, percentile_interval
from keras_astroattn.recalibration import fit_odds
from keras_astroattn.recalibration.fit import label_weights
from keras_astroattn.wilson import Interval

DRAWS = 4000
"""Number of bootstrap samples."""


@dataclass(frozen=True)
class Mean:
    """A mean over the sources.

    Attributes:
        value: the mean.
        interval: 95 % interval, from a bootstrap over the sources.
    """

    value: float
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """Log loss and accuracy of recalibrating alone and of the fine-tuned network.

    A difference is that of the fine-tuned network minus that of recalibrating alone, paired by
    source.

    Attributes:
        log_loss: mean of -ln p(label), nats, of both.
        log_loss_difference: below 0: the fine-tuned network is better.
        accuracy: share of sources whose likelier class is the label, of both.
        accuracy_difference: above 0: the fine-tuned network is better.
        sources: number of sources that count.
    """

    log_loss: tuple[Mean, Mean]
    log_loss_difference: Mean
    accuracy: tuple[Mean, Mean]
    accuracy_difference: Mean
    sources: int

    @property
    def better(self) -> bool:
        """Whether the fine-tuned network has a lower log loss, beyond chance."""
        return self.log_loss_difference.interval[1] < 0

    def to_json(self) -> dict:
        """Return all values for JSON."""
        return asdict(self) | {"fine_tuned_is_better": self.better}


def cross_calibrated(
    odds: np.ndarray, is_frii: np.ndarray, inclusion: np.ndarray, folds: Sequence[np.ndarray]
) -> np.ndarray:
    """Return calibrated odds of each source, by T and b that its fold did not fit.

    Args:
        odds: (n,) ln P(FRII) / P(FRI).
        is_frii: (n,) bool, the labels.
        inclusion: (n,) probability of inclusion in the random part; NaN in no random part.
        folds: rows of each fold; together all rows.
    """
    found = np.empty(len(odds))
    weights = label_weights(inclusion)
    for rows in folds:
        rest = np.setdiff1d(np.arange(len(odds)), rows)
        given = weights[rest] / weights[rest].mean()
        temperature, shift = fit_odds(odds[rest], is_frii[rest], given)
        found[rows] = odds[rows] / temperature + shift
    return found


def compare(
    recalibrated: np.ndarray,
    fine_tuned: np.ndarray,
    is_frii: np.ndarray,
    weights: np.ndarray,
    seed: int = 0,
) -> Comparison:
    """Compare calibrated out-of-fold odds of the same sources.

    Args:
        recalibrated: (n,) ln P(FRII) / P(FRI) of recalibrating alone.
        fine_tuned: (n,) the same, of the fine-tuned network.
        is_frii: (n,) bool, the labels.
        weights: (n,) weights; sources of weight 0 do not count.
        seed: seed of the bootstrap.
    """
    counted = weights > 0
    labels, weights = is_frii[counted], weights[counted]
    times = bootstrap_weights(np.zeros(len(labels)), DRAWS, seed) * weights

    def mean(values: np.ndarray) -> Mean:
        drawn = times @ values / times.sum(axis=1)
        return Mean(float(np.average(values, weights=weights)), percentile_interval(drawn))

    odds = (recalibrated[counted], fine_tuned[counted])
    losses = [np.logaddexp(0, np.where(labels, -z, z)) for z in odds]
    right = [((z > 0) == labels).astype(float) for z in odds]
    return Comparison(
        (mean(losses[0]), mean(losses[1])),
        mean(losses[1] - losses[0]),
        (mean(right[0]), mean(right[1])),
        mean(right[1] - right[0]),
        len(labels),
    )
