"""Faithfulness of a map: does the prediction depend on the pixels that the map marks?

A map gives each of the k `flux_patches` of an image a value. The patches are deleted in the order
of these values (`delete`), highest first and lowest first. This module measures a map by these
curves, image by image, without a network.

An insertion puts the patches back on empty sky, highest first. Its images are those of the deletion
with the lowest first, in the reverse order, so that both have the same area under the curve.

Sources: Petsiuk et al. 2018 (arXiv 1806.07421) for deletion and insertion; Blücher et al. 2024
(arXiv 2401.06654) for the symmetric relevance gain; Bach et al. 2015 (PLOS ONE 10, e0130140) for
pixel flipping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from .attention import resize_maps
from .deletion import Deletion
from .intervals import Interval, bootstrap_weights, percentile_interval

KEPT = 0.2
"""Share of the patches, those with the highest values, that `sufficiency` keeps."""

FLIPPING_STEPS = 10
"""Default number of equal groups of pixels that pixel flipping deletes one by one."""


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Measurements of one map on n images; each array is (n,) float64.

    p is the probability of the class predicted for the whole image; areas are under p as a
    function of the deleted share of the flux.

    Attributes:
        deletion: area with the highest patch deleted first, less that of random orders. A
            faithful map has a negative one.
        insertion: area with the lowest patch deleted first, less that of random orders. A
            faithful map has a positive one.
        rank: Spearman correlation of the patches' values with the margin that each costs when it
            is deleted alone; see `rank_correlation`.
        sufficiency: p with only the highest patches left, less that of random patches; see
            `sufficiency`.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    rank: np.ndarray
    sufficiency: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """Symmetric relevance gain (SRG): area lowest first less area highest first.

        The areas of random orders cancel. The effect of deletion itself, independent of the order,
        enters both areas.
        """
        return self.insertion - self.deletion


def map_faithfulness(
    highest_first: Sequence[Deletion],
    lowest_first: Sequence[Deletion],
    random: Sequence[Sequence[Deletion]],
    values: Sequence[np.ndarray],
    losses: Sequence[np.ndarray],
) -> Faithfulness:
    """Measure the faithfulness of a map.

    Args:
        highest_first: deletions of n images, the patches with the highest values first.
        lowest_first: the same with the lowest values first.
        random: draws of n deletions in random order.
        values: n arrays (k,), the value of each patch.
        losses: n arrays (k,), loss of margin by deleting each patch alone.
    """
    return Faithfulness(
        deletion=areas(highest_first) - np.mean([areas(draw) for draw in random], axis=0),
        insertion=areas(lowest_first) - np.mean([areas(draw) for draw in random], axis=0),
        rank=np.array(
            [rank_correlation(*pair) for pair in zip(values, losses, strict=True)], float
        ),
        sufficiency=sufficiency(lowest_first)
        - np.mean([sufficiency(draw) for draw in random], axis=0),
    )


def areas(deletions: Sequence[Deletion]) -> np.ndarray:
    """Return (n,) areas under the probability of the predicted class."""
    return np.array([one.area(one.probability) for one in deletions])


def rank_correlation(values: np.ndarray, losses: np.ndarray) -> float:
    """Return the Spearman correlation of patches' values with the loss by deleting each alone.

    Args:
        values: (k,) values by the map.
        losses: (k,) loss of margin or of probability.

    Returns:
        From -1 to 1; NaN for fewer than three patches, and where all values or losses are equal.
    """
    if len(values) < 3 or np.ptp(values) == 0 or np.ptp(losses) == 0:
        return np.nan
    return float(spearmanr(values, losses).statistic)


def sufficiency(lowest_first: Sequence[Deletion], kept: float = KEPT) -> np.ndarray:
    """Return the probability of the predicted class with only the highest patches left.

    Of k patches, `ceil(kept * k)` remain, and the islands that are too faint for a patch.

    Args:
        lowest_first: deletions of n images, the patches with the lowest values first.
        kept: share of the patches, above 0 and at most 1.

    Returns:
        (n,) float64.
    """
    found = []
    for one in lowest_first:
        patches = len(one.deleted) - 2
        # Rounded: 0.2 of 15 patches is 3, not a rounding error more.
        left = int(np.ceil(round(kept * patches, 9)))
        found.append(one.probability[patches - left])
    return np.array(found)


def oracle_share(
    deletion: np.ndarray,
    oracle: np.ndarray,
    labels: np.ndarray,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return a map's share of the static oracle's deletion, mean(deletion) / mean(oracle).

    The static oracle deletes the patches in the order of the loss by deleting each alone.

    Args:
        deletion: (n,) `Faithfulness.deletion` of the map.
        oracle: (n,) `Faithfulness.deletion` of the oracle.
        labels: (n,) classes of the sources; see `bootstrap_weights`.
        draws: number of bootstrap samples.
        seed: seed of the draws.

    Returns:
        The share and its interval, by a bootstrap over the sources; NaN where the oracle does not
        beat random orders, and as bounds where it does not in every bootstrap sample.
    """
    if not len(oracle) or oracle.mean() >= 0:
        return (np.nan, np.nan, np.nan)
    weights = bootstrap_weights(labels, draws, seed)
    below, above = weights @ deletion, weights @ oracle
    bounds: Interval = (np.nan, np.nan)
    if (above < 0).all():
        bounds = percentile_interval(below / above)
    return (float(deletion.mean() / oracle.mean()), *bounds)


def flipping_groups(
    maps: np.ndarray, images: np.ndarray, random: np.random.Generator, steps: int = FLIPPING_STEPS
) -> np.ndarray:
    """Divide the source of each image by the rank of its pixels in a map.

    `delete` deletes the groups one by one, in the order 1 to `steps`: this is pixel flipping, in
    which a map may choose pixels anywhere on the source.

    Args:
        maps: (n, h', w') of any resolution, resized to the images.
        images: (n, h, w) non-negative brightness, 0 on the empty sky.
        random: random generator, which breaks ties.
        steps: number of groups of equal numbers of pixels.

    Returns:
        (n, h, w) int64: 0 on the sky, and 1 to `steps`, where 1 has the highest values of the map.
    """
    groups = np.zeros(images.shape, np.int64)
    for group, image, one in zip(groups, images, resize_maps(maps, images.shape[1:]), strict=True):
        source = image > 0
        values = one[source]
        rank = np.empty(len(values), np.int64)
        rank[np.lexsort((random.random(len(values)), -values))] = np.arange(len(values))
        group[source] = 1 + rank * steps // len(values)
    return groups


def flipping_area(deletion: Deletion) -> float:
    """Return the area under the probability over the share of flipped pixels; less is better.

    Args:
        deletion: deletion of `flipping_groups` in their order; its last step deletes nothing more.
    """
    return float(np.trapezoid(deletion.probability[:-1], dx=1 / (len(deletion.probability) - 2)))
