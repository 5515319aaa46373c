"""What a network says while the patches of its source are deleted one by one.

If a map marks what the network needs, then deleting the patches where the map is highest
lowers the score of the predicted class faster than deleting them in any other order. All
orders delete the same `flux_patches`, so that at every step the same flux is gone.

Source: the deletion of Petsiuk et al. 2018 (arXiv 1806.07421), of equal flux in place of
equal area.
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
    """One image under one order of deletion: k patches one by one, then the rest.

    Attributes:
        deleted: (k + 2,) share of the image's flux that is gone: 0, after each patch, and 1.
        logits: (k + 2, classes) float64.
    """

    deleted: np.ndarray
    logits: np.ndarray

    @property
    def predicted(self) -> int:
        """The class of the whole image."""
        return int(self.logits[0].argmax())

    @property
    def probability(self) -> np.ndarray:
        """(k + 2,) probability of the class that the whole image was given."""
        return softmax(self.logits, axis=-1)[:, self.predicted]

    @property
    def margin(self) -> np.ndarray:
        """(k + 2,) logit of that class over the highest of the others."""
        others = np.delete(self.logits, self.predicted, axis=-1)
        return self.logits[:, self.predicted] - others.max(axis=-1)

    def area(self, score: np.ndarray) -> float:
        """Area under a score (k + 2,) against the share of flux deleted: its mean over it."""
        return float(np.trapezoid(score, self.deleted))

    def at(self, shares: np.ndarray, score: np.ndarray) -> np.ndarray:
        """A score at other shares of flux deleted, linear between the steps."""
        return np.interp(shares, self.deleted, score)


def patch_values(maps: np.ndarray, patches: np.ndarray) -> list[np.ndarray]:
    """Mean of a map over each patch of its image.

    Args:
        maps: (n, h', w') of any resolution, resized to the patches.
        patches: (n, h, w), from `flux_patches`.

    Returns:
        n arrays (k,) float64, patches 1 to k.
    """
    return [
        np.bincount(labels[labels > 0], one[labels > 0])[1:] / np.bincount(labels[labels > 0])[1:]
        for one, labels in zip(resize_maps(maps, patches.shape[1:]), patches, strict=True)
    ]


def deletion_order(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Labels 1 to k of patches by (k,) values, highest first, ties by lot."""
    return 1 + np.lexsort((random.random(len(values)), -values))


def delete(
    model: Callable[[np.ndarray], object],
    images: np.ndarray,
    patches: np.ndarray,
    orders: Mapping[str, Sequence[np.ndarray]],
    batch_size: int = 16,
    on_batch: Callable[[int, int], object] | None = None,
) -> dict[str, list[Deletion]]:
    """Delete every image's patches in every order, and ask the network at each step.

    What is deleted becomes black sky. An image that two orders come to is predicted once.

    Args:
        model: A Keras model, or any function, from (b, h, w, 1) float32 in [-1, 1] to
            logits (b, classes), which must not depend on each other.
        images: (n, h, w) uint8.
        patches: (n, h, w), from `flux_patches`.
        orders: By name: for each image its labels 1 to k in the order of deletion, which may
            end early. After it the rest is deleted, whatever it is.
        batch_size: Images predicted together.
        on_batch: Called with the number of predictions made and to be made (progress bars).

    Returns:
        By name: a `Deletion` an image.

    Raises:
        InputError: The images are not 8-bit, or do not fit the patches.
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
    """What is gone at each step: nothing, ever more patches, and all there is."""
    steps = [frozenset(order[:step].tolist()) for step in range(len(order) + 1)]
    return [*steps, frozenset(np.unique(labels[labels != 0]).tolist())]


def _without(image: np.ndarray, labels: np.ndarray, gone: frozenset[int]) -> np.ndarray:
    """(h, w, 1) network units."""
    black = np.isin(labels, list(gone))
    return np.where(black, np.float32(BLACK), to_network_units(image))[..., np.newaxis]


def _flux_share(image: np.ndarray, labels: np.ndarray, gone: frozenset[int]) -> float:
    flux = image.astype(np.float64)
    return float(flux[np.isin(labels, list(gone))].sum() / flux.sum())
