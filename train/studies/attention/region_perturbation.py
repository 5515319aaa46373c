"""Region perturbation by Quantus: a measure of faithfulness that shares no code with ours."""

import importlib.util
import warnings

import keras
import numpy as np

from keras_astroattn.images import to_network_units

REGION = 10
"""Height and width of a region, pixels."""

INSTALL = "pip install 'keras-astroattn[faithfulness]'"
"""Command that installs Quantus."""


def has_quantus() -> bool:
    """Return whether Quantus is installed."""
    return importlib.util.find_spec("quantus") is not None


def region_perturbation(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, maps: np.ndarray, regions: int
) -> np.ndarray:
    """Return the mean loss of probability while square regions are deleted, highest sum first.

    The frame is divided into squares of `REGION` pixels. Those with the highest sums of the map
    are deleted one by one. The area over the curve is the mean loss by deletion of the first 1,
    2, ... regions.

    Args:
        model: model from images to logits.
        images: (n, h, w) uint8 with empty sky.
        classes: (n,) classes whose probability is read.
        maps: (n, h, w) maps at the resolution of the images.
        regions: number of regions that are deleted.

    Returns:
        (n,) float64.

    Source: Samek et al. 2017 (IEEE TNNLS 28, 2660).
    """
    with warnings.catch_warnings():
        # Quantus warns of regions of sky, which some maps choose and which change nothing.
        warnings.simplefilter("ignore")
        import quantus

        metric = quantus.RegionPerturbation(
            patch_size=REGION,
            regions_evaluation=regions,
            abs=False,
            normalise=False,
            perturb_baseline="black",
            disable_warnings=True,
        )
        probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(model.output)
        losses = metric(
            model=keras.Model(model.input, probabilities),
            x_batch=to_network_units(images[..., np.newaxis]),
            y_batch=classes,
            # Quantus moves the channels of images to the front, and not those of maps.
            a_batch=maps[:, np.newaxis],
            channel_first=False,
            softmax=True,
        )
    return np.asarray(losses, np.float64).mean(axis=1)
