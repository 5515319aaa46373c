"""Measure whether attention follows a source, lies on it, and marks what the class depends on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from scipy.stats import spearmanr

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    EQUIVARIANCE_TESTS,
    Deletion,
    EquivarianceTest,
    apply_transform,
    attention_statistics,
    calibrated,
    correlation,
    delete,
    frame_regions,
    overlap,
    region_enrichment,
    resize_maps,
    undo_transform,
)
from keras_astroattn.images import BLACK, IMAGE_SIZE, flux_patches
from keras_astroattn.models import attention_model
from keras_astroattn.models.loading import find_network, load_network

from .maps import (
    BATCH_SIZE,
    EVIDENCE,
    GRAD_CAM,
    MEAN,
    RANDOM,
    SEED,
    deletion_orders,
    rank_patches,
    read_gradients,
    read_maps,
)

PART = "mean less empty"
"""Name of the mean attention map less that of an empty image, which the borders shape."""

OnStep = Callable[[float], object]
"""Called with the fraction of the work that is done, 0 to 1."""


@dataclass(frozen=True, eq=False)
class TitledNetwork:
    """A network under study, with its title in tables."""

    title: str
    model: keras.Model

    @property
    def slug(self) -> str:
        """The title as a part of file names."""
        return "".join(one if one.isalnum() else "_" for one in self.title)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights."""
        return hashlib.sha256(
            b"".join(np.ascontiguousarray(one).tobytes() for one in self.model.get_weights())
        ).hexdigest()


def open_network(named: str) -> TitledNetwork:
    """Load `MODEL`, or `TITLE=MODEL`.

    Args:
        named: a preset, a .keras file, the folder of a training run, or a checkpoint of the
            paper (a .pt file or a folder of them), which then normalizes each image by itself.

    Raises:
        InputError: there is no such model, or it has no attention gates.
    """
    title, _, name = named.rpartition("=")
    network = TitledNetwork(title or find_network(name).name, load_network(name))
    if len(attention_model(network.model).outputs) == 1:
        raise InputError(f"{name} has no attention gates: there is nothing to measure")
    return network


@dataclass(frozen=True, eq=False)
class Moved:
    """n images under one equivariance test.

    Attributes:
        move: the test.
        predicted: (n,) classes.
        followed: by map: (n,) correlation with the map of the original image after the
            transform was undone, over the pixels that both frames cover.
        stayed: by map: (n,) the same correlation without undoing the transform.
        common: (n,) overlap of the mean attention maps after the transform was undone.
        enrichment: (n,) enrichment of the mean attention map on the transformed source.
    """

    move: EquivarianceTest
    predicted: np.ndarray
    followed: dict[str, np.ndarray]
    stayed: dict[str, np.ndarray]
    common: np.ndarray
    enrichment: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """Measurements of one network on n images.

    Attributes:
        network: the network.
        labels: (n,) true classes.
        predicted: (n,) predicted classes.
        moved: one entry an equivariance test.
        strangers: by map: (pairs,) correlation of the maps of two different images.
        share: by map, with `Grad-CAM`: (n,) relevance mass.
        area: (n,) share of the frame that the source covers.
        cam_blind: (n,) bool: whether Grad-CAM is 0 on the whole source.
        regions: by map and region: (n,) enrichment.
        patches: (n, h, w) the patches that are deleted.
        ranked: by order that follows a map or brightness: n arrays (k,), one value a patch.
        orders: by the same: n arrays (k,) of patches in the order of deletion.
        deletions: by order: n deletions for each draw (`random` has several draws).
        alone: n arrays (k,): loss in probability of the predicted class when one patch is
            deleted alone.
        alone_margin: the same for the margin.
        black: (classes,) probabilities of an empty image.
    """

    network: TitledNetwork
    labels: np.ndarray
    predicted: np.ndarray
    moved: list[Moved]
    strangers: dict[str, np.ndarray]
    share: dict[str, np.ndarray]
    area: np.ndarray
    cam_blind: np.ndarray
    regions: dict[str, dict[str, np.ndarray]]
    patches: np.ndarray
    ranked: dict[str, list[np.ndarray]]
    orders: dict[str, list[np.ndarray]]
    deletions: dict[str, list[list[Deletion]]]
    alone: list[np.ndarray]
    alone_margin: list[np.ndarray]
    black: np.ndarray

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the maps: the gates, their mean, and `PART`."""
        return tuple(self.strangers)

    def areas(self, order: str, margin: bool = False) -> np.ndarray:
        """Return the (n,) area under the deletion curve of each image, averaged over draws."""
        return np.mean(
            [
                [one.area(one.margin if margin else one.probability) for one in draw]
                for draw in self.deletions[order]
            ],
            axis=0,
        )

    def curves(self, order: str, shares: np.ndarray) -> np.ndarray:
        """Return the (n, m) probability at m shares of deleted flux, averaged over draws."""
        return np.mean(
            [[one.at(shares, one.probability) for one in draw] for draw in self.deletions[order]],
            axis=0,
        )

    def first_against_others(self, order: str, margin: bool = False) -> np.ndarray:
        """Return the (n,) loss by deletion of the first patch alone, minus the others' mean loss.

        It is NaN where a source has one patch.
        """
        losses = self.alone_margin if margin else self.alone
        firsts = [one[0] - 1 for one in self.orders[order]]
        return np.array(
            [
                loss[first] - np.delete(loss, first).mean() if len(loss) > 1 else np.nan
                for loss, first in zip(losses, firsts, strict=True)
            ]
        )

    def rank_correlation(self, order: str) -> np.ndarray:
        """Return the (n,) Spearman correlation of a patch's value with the margin it supports.

        It is NaN where there are fewer than three patches, or all values are equal.
        """
        return np.array(
            [
                spearmanr(values, losses).statistic
                if len(values) > 2 and np.ptp(values) > 0 and np.ptp(losses) > 0
                else np.nan
                for values, losses in zip(self.ranked[order], self.alone_margin, strict=True)
            ]
        )


def measure(
    network: TitledNetwork,
    images: np.ndarray,
    labels: np.ndarray,
    patches: int,
    draws: int,
    on_step: OnStep = lambda share: None,
) -> Measured:
    """Measure a network on images.

    Args:
        network: the network.
        images: (n, 150, 150) uint8, none empty.
        labels: (n,) classes.
        patches: number of patches that the flux of an image is divided into.
        draws: number of random orders of deletion.
        on_step: called with the progress.
    """
    with_maps = attention_model(network.model)
    predicted, maps = read_maps(with_maps, images)
    empty = _empty_map(with_maps)
    size = images.shape[1:]
    unmoved = {name: resize_maps(one, size) for name, one in _with_part(maps, empty).items()}
    moved = []
    for number, move in enumerate(EQUIVARIANCE_TESTS):
        moved.append(_moved(with_maps, images, unmoved, empty, move))
        on_step(0.5 * (number + 1) / len(EQUIVARIANCE_TESTS))
    everything = maps | read_gradients(network.model, images, predicted)
    looks = {name: one for name, one in everything.items() if name != EVIDENCE}
    statistics = {name: attention_statistics(images, one) for name, one in looks.items()}
    regions = frame_regions(images)
    parts = np.stack([flux_patches(image, patches) for image in images])
    ranked = rank_patches(images, parts, everything)
    orders = deletion_orders(ranked)
    deletions, alone = _delete(
        network.model, images, parts, orders, draws, lambda share: on_step(0.5 + 0.5 * share)
    )
    return Measured(
        network=network,
        labels=labels,
        predicted=predicted,
        moved=moved,
        strangers={name: _strangers(one) for name, one in _with_part(maps, empty).items()},
        share={name: one.share for name, one in statistics.items()},
        area=statistics[MEAN].area,
        cam_blind=np.array([np.max(one) <= 0 for one in ranked[GRAD_CAM]]),
        regions={
            name: {region: region_enrichment(one, mask) for region, mask in regions.items()}
            for name, one in looks.items()
        },
        patches=parts,
        ranked=ranked,
        orders=orders,
        deletions=deletions,
        alone=[np.array([-np.diff(one.probability)[0] for one in each]) for each in alone],
        alone_margin=[np.array([-np.diff(one.margin)[0] for one in each]) for each in alone],
        black=_black(network.model),
    )


def _moved(
    with_maps: keras.Model,
    images: np.ndarray,
    unmoved: dict[str, np.ndarray],
    empty: np.ndarray,
    move: EquivarianceTest,
) -> Moved:
    images = apply_transform(images, move)
    predicted, maps = read_maps(with_maps, images)
    size = images.shape[1]
    after = {name: resize_maps(one, (size, size)) for name, one in _with_part(maps, empty).items()}
    back = {name: undo_transform(one, move, size) for name, one in after.items()}
    return Moved(
        move,
        predicted,
        followed={name: correlation(unmoved[name], one) for name, one in back.items()},
        stayed={name: correlation(unmoved[name], one) for name, one in after.items()},
        common=overlap(unmoved[MEAN], back[MEAN]),
        enrichment=region_enrichment(maps[MEAN], images > 0),
    )


def _with_part(maps: dict[str, np.ndarray], empty: np.ndarray) -> dict[str, np.ndarray]:
    return maps | {PART: maps[MEAN] - empty}


def _empty_map(with_maps: keras.Model) -> np.ndarray:
    """Return the (h, w) mean attention map of an empty image."""
    black = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    return read_maps(with_maps, black)[1][MEAN][0]


def _strangers(maps: np.ndarray) -> np.ndarray:
    """Return the correlation of each map with those of two other sources of the set."""
    away = {len(maps) // 2, len(maps) // 3}
    return np.concatenate([correlation(maps, np.roll(maps, one, axis=0)) for one in away])


def _delete(
    model: keras.Model,
    images: np.ndarray,
    patches: np.ndarray,
    orders: dict[str, list[np.ndarray]],
    draws: int,
    on_step: OnStep,
) -> tuple[dict[str, list[list[Deletion]]], list[list[Deletion]]]:
    """Return deletions by order and draw, and those of each patch alone by image."""
    random = np.random.default_rng(SEED)
    count = patches.max(axis=(1, 2))
    asked = {(name, 0): several for name, several in orders.items()}
    for draw in range(draws):
        asked[RANDOM, draw] = [1 + random.permutation(one) for one in count]
    for patch in range(1, count.max() + 1):
        asked["alone", patch] = [
            np.array([patch] if patch <= one else [], np.int64) for one in count
        ]
    found = delete(
        model, images, patches, asked, BATCH_SIZE, lambda done, whole: on_step(done / whole)
    )
    by_order: dict[str, list[list[Deletion]]] = {}
    for (name, _), several in found.items():
        by_order.setdefault(name, []).append(several)
    alone = by_order.pop("alone")
    return by_order, [[alone[patch][row] for patch in range(k)] for row, k in enumerate(count)]


def _black(model: keras.Model) -> np.ndarray:
    logits = model.predict_on_batch(np.full((1, IMAGE_SIZE, IMAGE_SIZE, 1), BLACK, np.float32))
    return calibrated(logits, 1.0)[0]
