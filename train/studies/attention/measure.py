"""Measure what attention does: goes along with the source, lies on it, marks what is needed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from scipy.stats import spearmanr

from export.source_model import open_source_model
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
    deletion_order,
    flux_patches,
    frame_regions,
    grad_cam,
    named_maps,
    overlap,
    patch_values,
    region_enrichment,
    resize_maps,
    undo_transform,
)
from keras_astroattn.images import BLACK, IMAGE_SIZE, to_network_units
from keras_astroattn.layers import AttentionGate
from keras_astroattn.models import attention_model, load_published

BATCH_SIZE = 16
SEED = 20

MEAN, PART = "mean", "mean less empty"
"""Maps beside those of the gates: their mean, and what of it the source makes: the mean map less
that of an image without anything, which is what the edges of the frame make."""

ATTENTION, LEAST, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM = (
    "attention",
    "least attention",
    "attended evidence",
    "Grad-CAM",
    "brightness",
    "random",
)
"""Orders of deletion; each gate by itself is one too."""

OnStep = Callable[[float], object]
"""Called with the share that is done, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network to be measured, and what it is called."""

    title: str
    model: keras.Model

    @property
    def slug(self) -> str:
        """The title as part of a file's name."""
        return "".join(one if one.isalnum() else "_" for one in self.title)

    def fingerprint(self) -> str:
        """SHA-256 of the weights."""
        return hashlib.sha256(
            b"".join(np.ascontiguousarray(one).tobytes() for one in self.model.get_weights())
        ).hexdigest()


def open_network(named: str) -> Network:
    """Load `MODEL`, or `TITLE=MODEL`.

    A model is a preset's name, a .keras file, the folder of a training run, or one of the
    paper's checkpoints (a .pt file or a folder of them), read with each image by itself.

    Raises:
        InputError: There is no such model, or it has no attention gates.
    """
    title, _, name = named.rpartition("=")
    path = Path(name)
    if path.suffix == ".pt" or (path.is_dir() and any(path.glob("*.pt"))):
        network = Network(title or path.stem, load_published(path, "sample"))
    else:
        source = open_source_model(name)
        network = Network(title or source.name, source.model)
    if len(attention_model(network.model).outputs) == 1:
        raise InputError(f"{name} has no attention gates: there is nothing to measure")
    return network


@dataclass(frozen=True, eq=False)
class Moved:
    """n images under one move.

    Attributes:
        move: What was done to them.
        predicted: (n,) classes.
        followed: By map: (n,) correlation of the map moved back with that of the image as it
            was, over what both frames see.
        stayed: By map: (n,) correlation of the map not moved back.
        common: (n,) overlap of the mean map moved back with that of the image as it was.
        enrichment: (n,) of the mean map on the source where it is now.
    """

    move: EquivarianceTest
    predicted: np.ndarray
    followed: dict[str, np.ndarray]
    stayed: dict[str, np.ndarray]
    common: np.ndarray
    enrichment: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """All that was measured of one network on n images.

    Attributes:
        network: The network.
        labels: (n,) true classes.
        predicted: (n,) what it says.
        moved: Every move.
        strangers: By map: correlation of the maps of two different images, (pairs,).
        share: By map: (n,) share of attention on the source; `Grad-CAM` too.
        area: (n,) the source's share of the frame.
        cam_blind: (n,) bool: whether Grad-CAM is 0 on all of the source.
        regions: By map and region: (n,) enrichment.
        patches: (n, h, w) what is deleted.
        ranked: By order that follows a map or brightness: n arrays (k,), a value a patch.
        orders: By the same: n arrays (k,) of patches in the order of deletion.
        deletions: By order: for each draw (one, but for `random`) n deletions.
        alone: n arrays (k,): probability of the predicted class lost when that patch alone is
            deleted.
        alone_margin: The same of the margin.
        black: (classes,) probabilities of an image without anything.
    """

    network: Network
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
        """Names of the gates and the mean."""
        return tuple(self.strangers)

    def areas(self, order: str, margin: bool = False) -> np.ndarray:
        """(n,) area under the deletion curve of each image, mean over draws."""
        return np.mean(
            [
                [one.area(one.margin if margin else one.probability) for one in draw]
                for draw in self.deletions[order]
            ],
            axis=0,
        )

    def curves(self, order: str, shares: np.ndarray) -> np.ndarray:
        """(n, m) probability at shares of flux deleted, mean over draws."""
        return np.mean(
            [[one.at(shares, one.probability) for one in draw] for draw in self.deletions[order]],
            axis=0,
        )

    def first_against_others(self, order: str, margin: bool = False) -> np.ndarray:
        """(n,) what the highest patch takes when deleted alone, over what another one does.

        NaN where a source is one patch.
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
        """(n,) Spearman's, of a patch's value with the margin lost when it alone is deleted.

        NaN where there are fewer than three patches, or they are all alike.
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
    network: Network,
    images: np.ndarray,
    labels: np.ndarray,
    patches: int,
    draws: int,
    on_step: OnStep = lambda share: None,
) -> Measured:
    """Measure a network on (n, 150, 150) uint8 images, none blank.

    Args:
        network: The network.
        images: The images.
        labels: (n,) their classes.
        patches: Into which the flux of an image is cut.
        draws: Random orders of deletion.
        on_step: Told how far it is.
    """
    with_maps = attention_model(network.model)
    predicted, maps = read(with_maps, images)
    empty = _empty_map(with_maps)
    size = images.shape[1:]
    unmoved = {name: resize_maps(one, size) for name, one in _with_part(maps, empty).items()}
    moved = []
    for number, move in enumerate(EQUIVARIANCE_TESTS):
        moved.append(_moved(with_maps, images, unmoved, empty, move))
        on_step(0.5 * (number + 1) / len(EQUIVARIANCE_TESTS))
    everything = maps | gradients(network.model, images, predicted)
    looks = {name: one for name, one in everything.items() if name != EVIDENCE}
    statistics = {name: attention_statistics(images, one) for name, one in looks.items()}
    regions = frame_regions(images)
    parts = np.stack([flux_patches(image, patches) for image in images])
    ranked = rank(images, parts, everything)
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


def read(with_maps: keras.Model, images: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Classes (n,) and maps by name, `gate 1` .. and `mean`, of (n, h, w) uint8 images."""
    parts = [
        with_maps.predict_on_batch(
            to_network_units(images[start : start + BATCH_SIZE, ..., np.newaxis])
        )
        for start in range(0, len(images), BATCH_SIZE)
    ]
    joined = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    classes = joined.pop("logits").argmax(axis=-1)
    return classes, named_maps(joined)


def gradients(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Grad-CAM and the attended evidence for classes (n,) of (n, h, w) uint8 images."""
    return {
        EVIDENCE: attended_evidence(model, images, classes),
        GRAD_CAM: grad_cam(model, images, classes, batch_size=BATCH_SIZE),
    }


def attended_evidence(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """What each pixel that the gates let pass adds to the margin of a class: (n, h, w) float64.

    sum over gates and channels of x a dy/d(x a), y being the logit of the class less the
    highest of the others: to first order, and exactly where the head is linear. A coarse
    pixel's part is spread over the pixels of the image that it covers.
    """
    import tensorflow as tf

    gates = [layer for layer in model.layers if isinstance(layer, AttentionGate)]
    inner = keras.Model(model.input, [model.output, *(gate.output[0] for gate in gates)])
    size = images.shape[1:]
    found = []
    for start in range(0, len(images), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        with tf.GradientTape() as tape:
            logits, *attended = inner(to_network_units(images[rows, ..., np.newaxis]))
            own = tf.one_hot(classes[rows], logits.shape[-1], dtype=logits.dtype)
            others = tf.reduce_max(logits - own * logits.dtype.max, axis=-1)
            margin = tf.reduce_sum(own * logits, axis=-1) - others
        slopes = tape.gradient(margin, attended)
        parts = [
            tf.reduce_sum(slope * one, axis=-1).numpy()
            for slope, one in zip(slopes, attended, strict=True)
        ]
        found.append(
            sum(resize_maps(one, size) * one[0].size / (size[0] * size[1]) for one in parts)
        )
    return np.concatenate(found)


def rank(
    images: np.ndarray, patches: np.ndarray, maps: dict[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Value of every patch, by the order of deletion that it makes."""
    values = {name: patch_values(one, patches) for name, one in maps.items()}
    attention = values.pop(MEAN)
    return {
        ATTENTION: attention,
        BRIGHTNESS: patch_values(images, patches),
        LEAST: [-one for one in attention],
        **values,
    }


def deletion_orders(ranked: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """The patches of every image, highest value first."""
    random = np.random.default_rng(SEED)
    return {
        name: [deletion_order(one, random) for one in values] for name, values in ranked.items()
    }


def _moved(
    with_maps: keras.Model,
    images: np.ndarray,
    unmoved: dict[str, np.ndarray],
    empty: np.ndarray,
    move: EquivarianceTest,
) -> Moved:
    images = apply_transform(images, move)
    predicted, maps = read(with_maps, images)
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
    """(h, w) mean map of an image without anything."""
    black = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    return read(with_maps, black)[1][MEAN][0]


def _strangers(maps: np.ndarray) -> np.ndarray:
    """Correlation of every map with those of the sources half and a third of the set away."""
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
    """Deletions by order and draw; and those of every patch alone, image by image."""
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
