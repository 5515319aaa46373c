"""Deletion test: predictions while the patches of a source are deleted one by one.

If a map marks the pixels that a prediction depends on, deleting the patches with the highest values
first lowers the score of the predicted class faster than any other order. All orders delete the
same `flux_patches`, so that each step deletes the same flux.

Source: Petsiuk et al. 2018 (arXiv 1806.07421), with steps of equal flux instead of equal area.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from keras_astroattn.errors import InputError
from keras_astroattn.images import BLACK, to_network_units

from .attention import resize_maps


@dataclass(frozen=True, eq=False)
class Deletion:
    """Predictions of one image while k patches, and then the rest, are deleted.

    Attributes:
        deleted: (k + 2,) deleted share of the flux: 0, the share after each patch, and 1.
        logits: (k + 2, classes) float64, logits at each step.
    """

    deleted: np.ndarray
    logits: np.ndarray

    @property
    def predicted(self) -> int:
        """The predicted class of the original image."""
        return int(self.logits[0].argmax())

    @property
    def probability(self) -> np.ndarray:
        """(k + 2,) probability of the predicted class of the original image."""
        return softmax(self.logits, axis=-1)[:, self.predicted]

    @property
    def margin(self) -> np.ndarray:
        """(k + 2,) logit of that class minus the highest other logit."""
        others = np.delete(self.logits, self.predicted, axis=-1)
        return self.logits[:, self.predicted] - others.max(axis=-1)

    def area(self, score: np.ndarray) -> float:
        """Return the area under a score (k + 2,) as a function of the deleted share of flux."""
        return float(np.trapezoid(score, self.deleted))

    def at(self, shares: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Interpolate a score (k + 2,) linearly at other shares of deleted flux."""
        return np.interp(shares, self.deleted, score)


def patch_values(maps: np.ndarray, patches: np.ndarray, *, total: bool = False) -> list[np.ndarray]:
    """Return the mean or the sum of a map over each patch of its image.

    Args:
        maps: (n, h', w') maps of any resolution, resized to that of the patches.
        patches: (n, h, w) labels, from `flux_patches`.
        total: whether the pixels are summed, as parts of a sum are, and not averaged.

    Returns:
        n arrays (k,) float64, patches 1 to k.
    """
    found = []
    for one, labels in zip(resize_maps(maps, patches.shape[1:]), patches, strict=True):
        inside = labels > 0
        sums = np.bincount(labels[inside], one[inside])[1:]
        found.append(sums if total else sums / np.bincount(labels[inside])[1:])
    return found


def deletion_order(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the labels 1 to k of patches by (k,) values, highest first; ties in random order."""
    return 1 + np.lexsort((random.random(len(values)), -values))


def delete(
    model: Callable[[np.ndarray], object],
    images: np.ndarray,
    patches: np.ndarray,
    orders: Mapping[str, Sequence[np.ndarray]],
    batch_size: int = 16,
    on_batch: Callable[[int, int], object] | None = None,
) -> dict[str, list[Deletion]]:
    """Delete the patches of each image in each order, and predict the image at each step.

    Deleted pixels become empty sky. An image that occurs in several orders is predicted once.

    Args:
        model: a Keras model or a function from (b, h, w, 1) float32 in [-1, 1] to logits
            (b, classes). The logits of an image must not depend on the other images.
        images: (n, h, w) uint8.
        patches: (n, h, w) labels, from `flux_patches`.
        orders: by name, the labels 1 to k of each image in the order of deletion. An order may
            be incomplete; the last step deletes all other flux.
        batch_size: number of images in a batch.
        on_batch: called with the number of finished predictions and of all predictions.

    Returns:
        One `Deletion` for each image, by the name of the order.

    Raises:
        InputError: The images are not 8-bit, or their shape differs from that of the patches.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape != patches.shape:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}, patches of {patches.shape}: "
            "give as many of both, images as uint8"
        )
    states = {
        name: [_states(labels, order) for labels, order in zip(patches, several, strict=True)]
        for name, several in orders.items()
    }
    wanted = list(
        dict.fromkeys(
            (row, gone)
            for several in states.values()
            for row, steps in enumerate(several)
            for gone in steps
        )
    )
    call = getattr(model, "predict_on_batch", model)
    logits: dict[tuple[int, frozenset], np.ndarray] = {}
    for start in range(0, len(wanted), batch_size):
        some = wanted[start : start + batch_size]
        found = call(np.stack([_without(images[row], patches[row], gone) for row, gone in some]))
        logits |= zip(some, np.asarray(found, np.float64), strict=True)
        if on_batch is not None:
            on_batch(len(logits), len(wanted))
    return {
        name: [
            Deletion(
                np.array([_flux_share(images[row], patches[row], gone) for gone in steps]),
                np.stack([logits[row, gone] for gone in steps]),
            )
            for row, steps in enumerate(several)
        ]
        for name, several in states.items()
    }


def _states(labels: np.ndarray, order: np.ndarray) -> list[frozenset[int]]:
    """Return the deleted labels at each step: none, more and more patches, and all."""
    steps = [frozenset(order[:step].tolist()) for step in range(len(order) + 1)]
    return [*steps, frozenset(np.unique(labels[labels != 0]).tolist())]


def _without(image: np.ndarray, labels: np.ndarray, gone: frozenset[int]) -> np.ndarray:
    """Return an image without the deleted patches, (h, w, 1), in network units."""
    black = np.isin(labels, list(gone))
    return np.where(black, np.float32(BLACK), to_network_units(image))[..., np.newaxis]


def _flux_share(image: np.ndarray, labels: np.ndarray, gone: frozenset[int]) -> float:
    flux = image.astype(np.float64)
    return float(flux[np.isin(labels, list(gone))].sum() / flux.sum())
