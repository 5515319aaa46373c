"""Measure whether a map follows the source, lies on it, and marks the decisive pixels."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

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
    flipping_area,
    flipping_groups,
    frame_regions,
    overlap,
    region_enrichment,
    resize_maps,
    undo_transform,
)
from keras_astroattn.images import BLACK, IMAGE_SIZE, flux_patches
from keras_astroattn.models import attention_model, sees_source_alone
from keras_astroattn.models.loading import find_network, load_network
from keras_astroattn.models.wrappers import full_model

from .maps import (
    BATCH_SIZE,
    BRIGHTNESS,
    EVIDENCE,
    GRAD_CAM,
    GRADIENT,
    MEAN,
    ORACLE,
    RANDOM,
    SALIENCY,
    SEED,
    for_class,
    read_gradients,
    read_maps,
    value_patches,
)
from .measured import FAR_SHIFT, PART, Measured, Transformed
from .region_perturbation import region_perturbation

OnStep = Callable[[float], object]
"""Called with the fraction of the work that is done, 0 to 1."""


@dataclass(frozen=True, eq=False)
class TitledNetwork:
    """A network under study, with its title in tables."""

    title: str
    model: keras.Model

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights, and of the images that the network sees."""
        parts = [np.ascontiguousarray(one).tobytes() for one in self.model.get_weights()]
        parts += [b"source alone"] if sees_source_alone(self.model) else []
        return hashlib.sha256(b"".join(parts)).hexdigest()


def open_network(named: str) -> TitledNetwork:
    """Load `MODEL`, or `TITLE=MODEL`.

    Args:
        named: a preset, a .keras file, the folder of a training run, or a checkpoint of the
            paper (a .pt file or a folder of them), which then normalizes each image by itself.

    Raises:
        InputError: There is no such model, or it has no attention gates.
    """
    title, _, name = named.rpartition("=")
    network = TitledNetwork(title or find_network(name).name, load_network(name))
    if len(attention_model(network.model).outputs) == 1:
        raise InputError(f"{name} has no attention gates: there is nothing to measure")
    return network


def measure(
    network: TitledNetwork,
    images: np.ndarray,
    labels: np.ndarray,
    names: np.ndarray,
    patches: int,
    draws: int,
    quantus: bool,
    on_step: OnStep = lambda share: None,
) -> Measured:
    """Measure a network on images.

    Args:
        network: the network.
        images: (n, 150, 150) uint8, none empty.
        labels: (n,) classes.
        names: (n,) names of the sources.
        patches: number of patches that the flux of an image is divided into, of groups in pixel
            flipping, and of regions in region perturbation.
        draws: number of random orders of deletion.
        quantus: whether to measure region perturbation, which needs Quantus.
        on_step: called with the progress.
    """
    with_maps = full_model(network.model)
    predicted, maps = read_maps(with_maps, images)
    empty = _empty_map(with_maps)
    size = images.shape[1:]
    everything = for_class(maps, predicted) | read_gradients(network.model, images, predicted)
    original = {name: resize_maps(one, size) for name, one in _with_part(everything, empty).items()}
    transformed = []
    for number, test in enumerate(EQUIVARIANCE_TESTS):
        transformed.append(
            _transformed(network.model, with_maps, images, predicted, original, empty, test)
        )
        on_step(0.3 * (number + 1) / len(EQUIVARIANCE_TESTS))
    looks = {name: one for name, one in everything.items() if name not in _SIGNED}
    statistics = {name: attention_statistics(images, one) for name, one in looks.items()}
    regions = frame_regions(images)
    parts = np.stack([flux_patches(image, patches) for image in images])
    values = value_patches(images, parts, everything)
    losses = _alone(network.model, images, parts)
    values[ORACLE] = losses
    on_step(0.4)
    highest, lowest, random = _delete(
        network.model, images, parts, values, draws, lambda share: on_step(0.4 + 0.4 * share)
    )
    pixel_maps = _pixel_maps(images, everything)
    flipping, perturbation = {}, {}
    for number, (name, one) in enumerate(pixel_maps.items(), start=1):
        flipping[name] = _flip(network.model, images, one, patches)
        if quantus:
            perturbation[name] = region_perturbation(network.model, images, predicted, one, patches)
        on_step(0.8 + 0.2 * number / len(pixel_maps))
    return Measured(
        title=network.title,
        networks=1,
        names=names,
        labels=labels,
        predicted=predicted,
        transformed=transformed,
        strangers={name: _strangers(one) for name, one in _with_part(maps, empty).items()},
        share={name: one.share for name, one in statistics.items()},
        area=statistics[MEAN].area,
        cam_blind=np.array([np.max(one) <= 0 for one in values[GRAD_CAM]]),
        regions={
            name: {region: region_enrichment(one, mask) for region, mask in regions.items()}
            for name, one in looks.items()
        },
        values=values,
        highest=highest,
        lowest=lowest,
        random=random,
        losses=losses,
        flipping=flipping,
        perturbation=perturbation,
        black=_black(network.model),
    )


# Maps with negative values, whose share on the source means nothing.
_SIGNED = (EVIDENCE, GRADIENT)


def _transformed(
    model: keras.Model,
    with_maps: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    original: dict[str, np.ndarray],
    empty: np.ndarray,
    test: EquivarianceTest,
) -> Transformed:
    images = apply_transform(images, test)
    predicted, maps = read_maps(with_maps, images)
    size = images.shape[1]
    # The evidence and the gradients of the class that was predicted before.
    several = for_class(_with_part(maps, empty), classes)
    if test.group == FAR_SHIFT:
        several |= read_gradients(model, images, classes)
    after = {name: resize_maps(one, (size, size)) for name, one in several.items()}
    back = {name: undo_transform(one, test, size) for name, one in after.items()}
    return Transformed(
        test,
        predicted,
        followed={name: correlation(original[name], one) for name, one in back.items()},
        stayed={name: correlation(original[name], one) for name, one in after.items()},
        common=overlap(original[MEAN], back[MEAN]),
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


def _alone(model: keras.Model, images: np.ndarray, patches: np.ndarray) -> list[np.ndarray]:
    """Return the loss in margin when each patch is deleted alone: n arrays (k,)."""
    count = patches.max(axis=(1, 2))
    asked = {
        patch: [np.array([patch] if patch <= one else [], np.int64) for one in count]
        for patch in range(1, count.max() + 1)
    }
    found = delete(model, images, patches, asked, BATCH_SIZE)
    return [
        np.array([-np.diff(found[patch][row].margin)[0] for patch in range(1, k + 1)])
        for row, k in enumerate(count)
    ]


def _delete(
    model: keras.Model,
    images: np.ndarray,
    patches: np.ndarray,
    values: dict[str, list[np.ndarray]],
    draws: int,
    on_step: OnStep,
) -> tuple[dict[str, list[Deletion]], dict[str, list[Deletion]], list[list[Deletion]]]:
    """Return the deletions by order, highest first and lowest first, and random ones by draw."""
    random = np.random.default_rng(SEED)
    asked: dict[tuple[str, object], list[np.ndarray]] = {}
    for name, several in values.items():
        orders = [deletion_order(one, random) for one in several]
        asked["highest", name] = orders
        asked["lowest", name] = [one[::-1] for one in orders]
    for draw in range(draws):
        asked[RANDOM, draw] = [1 + random.permutation(one) for one in patches.max(axis=(1, 2))]
    found = delete(
        model, images, patches, asked, BATCH_SIZE, lambda done, whole: on_step(done / whole)
    )
    return (
        {name: found["highest", name] for name in values},
        {name: found["lowest", name] for name in values},
        [found[RANDOM, draw] for draw in range(draws)],
    )


def _pixel_maps(images: np.ndarray, maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the maps for the measures by pixels: (n, h, w) at the resolution of the images."""
    noise = np.random.default_rng(SEED).normal(size=images.shape) * (images > 0)
    named = {
        name: maps[name] for name in (MEAN, EVIDENCE, GRADIENT, GRAD_CAM, SALIENCY) if name in maps
    }
    named |= {BRIGHTNESS: images.astype(np.float32), RANDOM: noise}
    return {name: resize_maps(one, images.shape[1:]) for name, one in named.items()}


def _flip(model: keras.Model, images: np.ndarray, maps: np.ndarray, steps: int) -> np.ndarray:
    """Return (n,) area under the probability while groups of pixels are deleted by their rank."""
    groups = flipping_groups(maps, images, np.random.default_rng(SEED), steps)
    order = [np.arange(1, steps + 1)] * len(images)
    found = delete(model, images, groups, {"flipping": order}, BATCH_SIZE)["flipping"]
    return np.array([flipping_area(one) for one in found])


def _black(model: keras.Model) -> np.ndarray:
    logits = model.predict_on_batch(np.full((1, IMAGE_SIZE, IMAGE_SIZE, 1), BLACK, np.float32))
    return calibrated(logits, 1.0)[0]
