"""Combined predictions of several networks, and their disagreement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from keras_astroattn.errors import InputError

from .protocol import predict_clean


@dataclass(frozen=True, eq=False)
class EnsemblePrediction:
    """Predictions of n images by several networks.

    Attributes:
        probabilities: (n, classes) float64, the mean over the networks.
        entropy: (n,) entropy of the mean, nats: the total uncertainty.
        mutual_information: (n,) nats, see `mutual_information`: the part of the entropy that
            comes from the disagreement of the networks. More training data would reduce it.
    """

    probabilities: np.ndarray
    entropy: np.ndarray
    mutual_information: np.ndarray


def predict_ensemble(
    models: Sequence[Callable[[np.ndarray], object]], images: np.ndarray, batch_size: int = 64
) -> EnsemblePrediction:
    """Predict with several networks, in one clean pass each, and average the probabilities.

    Args:
        models: models as in `predict_clean`, trained with different seeds, folds or data.
        images: (n, h, w) uint8.
        batch_size: number of images in a batch.

    Returns:
        The combined prediction.

    Raises:
        InputError: There is no model, the images are not 8-bit, or `batch_size` is not positive.
    """
    if not models:
        raise InputError("an ensemble needs at least one model")
    return combined(np.stack([predict_clean(model, images, batch_size) for model in models]))


def combined(probabilities: np.ndarray) -> EnsemblePrediction:
    """Combine the probabilities (members, n, classes) of the members of an ensemble."""
    mean = probabilities.mean(axis=0, dtype=np.float64)
    return EnsemblePrediction(mean, entr(mean).sum(axis=-1), mutual_information(probabilities))


def mutual_information(probabilities: np.ndarray) -> np.ndarray:
    """Return the mutual information I = H[mean_k p_k] - mean_k H[p_k] of an ensemble, nats.

    It is 0 if all members agree.

    Args:
        probabilities: (members, n, classes) class probabilities.

    Returns:
        (n,) float64, from 0 to ln(classes).

    Source: Houlsby et al. 2011 (arXiv 1112.5745); Gal 2016, Uncertainty in deep learning.
    """
    p = probabilities.astype(np.float64)
    information = entr(p.mean(axis=0)).sum(axis=-1) - entr(p).sum(axis=-1).mean(axis=0)
    return np.maximum(information, 0.0)  # rounding can give a negative value
