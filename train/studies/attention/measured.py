"""Results of the measurements of attention, for one network or several of one title."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain

import numpy as np

from keras_astroattn.evaluation import Deletion, EquivarianceTest, Faithfulness, map_faithfulness

from .maps import EVIDENCE, MAP_OF_ORDER, RANDOM

PART = "mean less empty"
"""Name of the mean attention map less that of an empty image, which the borders shape."""

FAR_SHIFT = "shift 20 px"
"""Group of equivariance tests in which every map is compared, also those by gradients."""


@dataclass(frozen=True, eq=False)
class Transformed:
    """n images under one equivariance test.

    Attributes:
        test: the test.
        predicted: (n,) classes.
        followed: by map: (n,) correlation with the map of the original image after the
            transform was undone, over the pixels that both frames cover.
        stayed: by map: (n,) the same correlation without undoing the transform.
        common: (n,) overlap of the mean attention maps after the transform was undone.
        enrichment: (n,) enrichment of the mean attention map on the transformed source.
    """

    test: EquivarianceTest
    predicted: np.ndarray
    followed: dict[str, np.ndarray]
    stayed: dict[str, np.ndarray]
    common: np.ndarray
    enrichment: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """Measurements on n images, by one network or, after `pooled`, by several of one title.

    Attributes:
        title: of the network.
        networks: number of networks.
        names: (n,) names of the sources; each network has its own row for a source.
        labels: (n,) true classes.
        predicted: (n,) predicted classes.
        transformed: one entry an equivariance test.
        strangers: by map: (pairs,) correlation of the maps of two different images.
        share: by map, with `Grad-CAM`: (n,) relevance mass.
        area: (n,) share of the frame that the source covers.
        cam_blind: (n,) bool: whether Grad-CAM is 0 on the whole source.
        regions: by map and region: (n,) enrichment.
        values: by order, with the oracle: n arrays (k,), one value a patch.
        highest: by order: n deletions, the patches with the highest values first.
        lowest: by order: n deletions, the patches with the lowest values first.
        random: one entry a draw: n deletions in random order.
        losses: n arrays (k,): loss in margin when one patch is deleted alone.
        flipping: by map, with `random`: (n,) area under the probability in pixel flipping.
        perturbation: by map, with `random`: (n,) `region_perturbation`; empty without Quantus.
        black: (classes,) probabilities of an empty image.
    """

    title: str
    networks: int
    names: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    transformed: list[Transformed]
    strangers: dict[str, np.ndarray]
    share: dict[str, np.ndarray]
    area: np.ndarray
    cam_blind: np.ndarray
    regions: dict[str, dict[str, np.ndarray]]
    values: dict[str, list[np.ndarray]]
    highest: dict[str, list[Deletion]]
    lowest: dict[str, list[Deletion]]
    random: list[list[Deletion]]
    losses: list[np.ndarray]
    flipping: dict[str, np.ndarray]
    perturbation: dict[str, np.ndarray]
    black: np.ndarray

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the maps of every equivariance test: gates, mean, evidence, and `PART`."""
        return tuple(self.strangers)

    @property
    def has_evidence(self) -> bool:
        """Whether the network has votes, and so evidence."""
        return EVIDENCE in self.strangers

    @cached_property
    def faithfulness(self) -> dict[str, Faithfulness]:
        """By order: results of the deletions."""
        return {
            order: map_faithfulness(
                self.highest[order], self.lowest[order], self.random, values, self.losses
            )
            for order, values in self.values.items()
        }

    def followed_far(self, order: str) -> np.ndarray | None:
        """Return how well the map of an order follows the shifts of `FAR_SHIFT`.

        The (n,) mean correlation with the map of the original image, or None for an order
        without a map of the network.
        """
        name = MAP_OF_ORDER.get(order, order)
        several = [
            one.followed[name]
            for one in self.transformed
            if one.test.group == FAR_SHIFT and name in one.followed
        ]
        return np.mean(several, axis=0) if several else None

    def curves(self, order: str, shares: np.ndarray) -> np.ndarray:
        """(n, m) probability at m shares of deleted flux, highest first or averaged over draws."""
        draws = self.random if order == RANDOM else [self.highest[order]]
        return np.mean(
            [[one.at(shares, one.probability) for one in draw] for draw in draws], axis=0
        )


def pooled(several: Sequence[Measured]) -> Measured:
    """Join the measurements by networks of one title: a row for each network and source."""
    first = several[0]
    if len(several) == 1:
        return first
    joined = {}
    for field in fields(Measured):
        values = [getattr(one, field.name) for one in several]
        if field.name == "transformed":
            joined["transformed"] = [_pooled_test(same) for same in zip(*values, strict=True)]
        elif field.name == "random":
            joined["random"] = [_joined(draw) for draw in zip(*values, strict=True)]
        elif field.name == "black":
            joined["black"] = np.mean(values, axis=0)
        elif field.name == "networks":
            joined["networks"] = sum(values)
        elif field.name != "title":
            joined[field.name] = _joined(values)
    return Measured(title=first.title, **joined)


def _pooled_test(several: Sequence[Transformed]) -> Transformed:
    test, *rest = (field.name for field in fields(Transformed))
    return Transformed(
        getattr(several[0], test),
        **{name: _joined([getattr(one, name) for one in several]) for name in rest},
    )


def _joined(values: Sequence):
    """Concatenate arrays and lists, also those in dictionaries."""
    if isinstance(values[0], dict):
        return {name: _joined([one[name] for one in values]) for name in values[0]}
    if isinstance(values[0], list):
        return list(chain.from_iterable(values))
    return np.concatenate(values)
