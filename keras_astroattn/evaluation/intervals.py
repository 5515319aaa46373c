"""Confidence intervals that know that turns of one source are not independent.

Under the pooled protocol one source gives hundreds of predictions, and they resemble one
another: 55,080 predictions of 153 sources say little more about the population of radio
galaxies than 153 do. Proportions therefore get Wilson intervals at the effective sample
size, everything else a bootstrap that resamples sources, never predictions.
"""

from statistics import NormalDist
from typing import Literal

import numpy as np

Interval = tuple[float, float]
"""Lower and upper bound."""

CONFIDENCE_LEVEL = 0.95
"""Coverage that every interval of an evaluation aims at."""


def wilson_interval(
    proportion: float, size: float, confidence_level: float = CONFIDENCE_LEVEL
) -> Interval:
    """Wilson's (1927) score interval of a proportion p from n independent trials.

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with z the normal
    quantile of (1 + confidence level) / 2.

    Args:
        proportion: p, from 0 to 1.
        size: n > 0. It need not be whole, for it may be an effective sample size
            (`astropy.stats.binom_conf_interval`, the same otherwise, truncates it).
        confidence_level: Between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + confidence_level) / 2)
    centre = proportion + z**2 / (2 * size)
    half = z * np.sqrt(proportion * (1 - proportion) / size + z**2 / (4 * size**2))
    scale = 1 + z**2 / size
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))


def effective_sample_size(proportions: np.ndarray, turns: int) -> float:
    """How many independent predictions those of m sources, `turns` each, are worth.

    n_eff = p (1 - p) / v (Kish 1965; Korn & Graubard 1998 for its use in intervals), with
    p the mean of the sources' proportions p_i and v = sum (p_i - p)^2 / (m (m - 1)) the
    variance of that mean as the sources' scatter shows it. It is kept between m (all turns
    of a source agree) and m x turns (independent), and is m where the scatter says
    nothing: one turn each, one source, or p of 0 or 1.

    Args:
        proportions: (m,), the share of each source's turns that have the property.
        turns: Turns of each source.
    """
    sources = len(proportions)
    mean = float(np.mean(proportions))
    if turns == 1 or sources == 1 or mean in (0.0, 1.0):
        return float(sources)
    variance = float(np.var(proportions, ddof=1)) / sources
    if variance == 0:
        return float(sources * turns)
    return float(np.clip(mean * (1 - mean) / variance, sources, sources * turns))


def clustered_wilson_interval(proportions: np.ndarray, turns: int) -> Interval:
    """`wilson_interval` of the mean of (m,) proportions at their effective sample size."""
    return wilson_interval(float(np.mean(proportions)), effective_sample_size(proportions, turns))


def bootstrap_weights(labels: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """How often each source is drawn in each bootstrap sample, classes kept in proportion.

    Each class is resampled by itself, to its own size: the share of FRIs in a test set is
    the catalogue's choice, not chance, and no sample is left with one class.

    Args:
        labels: (m,) classes of the sources.
        draws: Number of bootstrap samples.
        seed: Of the draws.

    Returns:
        (draws, m) float64, whole numbers; a row sums to m.
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
    """The central 95 % of (draws,) bootstrap values of a statistic."""
    tail = (1 - CONFIDENCE_LEVEL) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def bootstrap_interval(
    values: np.ndarray,
    labels: np.ndarray,
    statistic: Literal["mean", "median"] = "mean",
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """The central 95 % of the mean or median of (m,) values over bootstrap samples.

    Args:
        values: One a source.
        labels: (m,) classes of the sources, as `bootstrap_weights` takes them.
        statistic: What is bootstrapped.
        draws: Number of bootstrap samples.
        seed: Of the draws.
    """
    times = bootstrap_weights(labels, draws, seed)
    if statistic == "mean":
        return percentile_interval(times @ values / len(values))
    ordered = np.argsort(values)
    # Which of the sorted values stand in the middle, or on both sides of it.
    reached = np.cumsum(times[:, ordered], axis=1)
    middles = [
        values[ordered][(reached > position).argmax(axis=1)]
        for position in ((len(values) - 1) // 2, len(values) // 2)
    ]
    return percentile_interval(np.mean(middles, axis=0))
