"""Confidence intervals for predictions of which several belong to one source.

The pooled protocol makes hundreds of predictions of each source, which are not independent: 55,080
predictions of 153 sources hold little more information on the population of radio galaxies than 153
predictions. Proportions therefore get Wilson intervals at the effective sample size. Other metrics
get a bootstrap that resamples sources, not predictions.

A bootstrap cannot show the uncertainty of a statistic that no source changes, for example of a
precision if all predictions are of one class. Shares then get Wilson intervals; see
`share_interval`.
"""

from typing import Literal

import numpy as np

from keras_astroattn.deprecation import former_argument
from keras_astroattn.wilson import CONFIDENCE_LEVEL, Interval, wilson_interval


@former_argument("turns", "views")
def effective_sample_size(proportions: np.ndarray, views: int) -> float:
    """Return the effective sample size of m sources with `views` predictions each.

        n_eff = p (1 - p) / v

    p is the mean of the sources' proportions p_i, and v = sum (p_i - p)^2 / (m (m - 1)) the
    variance of that mean, estimated from the scatter of the sources. n_eff is limited to the range
    from m (all predictions of a source agree) to m x views (independent predictions). It is m
    if the scatter is undefined: for one prediction each, one source, or p of 0 or 1.

    Args:
        proportions: (m,) share of the predictions of each source that have the property.
        views: number of predictions of each source.

    Returns:
        The effective sample size.

    Source: Kish 1965; Korn & Graubard 1998 for its use in intervals.
    """
    sources = len(proportions)
    mean = float(np.mean(proportions))
    if views == 1 or sources == 1 or mean in (0.0, 1.0):
        return float(sources)
    variance = float(np.var(proportions, ddof=1)) / sources
    if variance == 0:
        return float(sources * views)
    return float(np.clip(mean * (1 - mean) / variance, sources, sources * views))


def clustered_wilson_interval(proportions: np.ndarray, views: int) -> Interval:
    """Return Wilson's interval of the mean of proportions at their effective sample size.

    Args:
        proportions: (m,) share of the predictions of each source that have the property.
        views: number of predictions of each source.

    Returns:
        Lower and upper bound.
    """
    return wilson_interval(float(np.mean(proportions)), effective_sample_size(proportions, views))


def bootstrap_weights(labels: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Count how often each bootstrap sample, stratified by class, draws each source.

    Each class is resampled to its own size, because the catalogue fixes the share of FRIs in a
    test set, and a sample needs both classes.

    Args:
        labels: (m,) classes of the sources.
        draws: number of bootstrap samples.
        seed: seed of the draws.

    Returns:
        (draws, m) float64 of integers; each row sums to m.
    """
    random = np.random.default_rng(seed)
    weights = np.zeros((draws, len(labels)))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        weights[:, members] = random.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=draws
        )
    return weights


def percentile_interval(samples: np.ndarray) -> Interval:
    """Return the central 95 % of (draws,) bootstrap values of a statistic."""
    tail = (1 - CONFIDENCE_LEVEL) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def share_interval(samples: np.ndarray, share: float, sources: int) -> Interval:
    """Return the interval of a share: of its bootstrap, or Wilson's if all samples are equal.

    All samples are equal if each source of a class is predicted alike: all as one class, or all
    correctly. A bootstrap stratified by class then returns the share of the classes in the test
    set, or 1, without any width.

    Args:
        samples: (draws,) bootstrap values of the share.
        share: the share of all predictions.
        sources: number of sources that the share is of.

    Returns:
        Lower and upper bound; 0 and 1 if the share is of no source.
    """
    low, high = percentile_interval(samples)
    if low < high:
        return low, high
    return wilson_interval(share, sources) if sources else (0.0, 1.0)


def f1_interval(samples: np.ndarray, f1: float, sources: int) -> Interval:
    """Return the interval of an F1: of its bootstrap, or Wilson's as in `share_interval`.

    F1 is no share, but the Jaccard index J = F1 / (2 - F1) is: that of the correct sources among
    those that are of the class or predicted as it. F1 = 2 J / (1 + J) grows with J.

    Args:
        samples: (draws,) bootstrap values of F1.
        f1: F1 of all predictions.
        sources: number of sources that are of the class or predicted as it.

    Returns:
        Lower and upper bound.
    """
    low, high = percentile_interval(samples)
    if low < high:
        return low, high
    low, high = wilson_interval(f1 / (2 - f1), sources)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def bootstrap_interval(
    values: np.ndarray,
    labels: np.ndarray,
    statistic: Literal["mean", "median"] = "mean",
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the bootstrap interval (95 %) of the mean or median of values.

    Args:
        values: (m,) float, one value for each source.
        labels: (m,) classes of the sources; see `bootstrap_weights`.
        statistic: mean or median.
        draws: number of bootstrap samples.
        seed: seed of the draws.

    Returns:
        Lower and upper bound.
    """
    times = bootstrap_weights(labels, draws, seed)
    if statistic == "mean":
        return percentile_interval(times @ values / len(values))
    ordered = np.argsort(values)
    # The sorted values at the middle, or the two next to it.
    reached = np.cumsum(times[:, ordered], axis=1)
    middles = [
        values[ordered][(reached > position).argmax(axis=1)]
        for position in ((len(values) - 1) // 2, len(values) // 2)
    ]
    return percentile_interval(np.mean(middles, axis=0))
