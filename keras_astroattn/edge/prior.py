"""Probabilities for another share of FRI than that of the training images."""

import math

from keras_astroattn.errors import InputError

from .calibration import Calibration
from .model_file import ModelFile


def prior_calibration(model: ModelFile, name: str, prior: float) -> Calibration:
    """Return the calibration that moves probabilities to another share of the classes.

        ln p' / (1 - p') = ln p / (1 - p) + ln (1 - f) / f - ln (1 - g) / g

    p is P(FRII), f the expected share of FRI among the resolved radio galaxies, and g the share of
    FRI among the training images (Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21).

    Args:
        model: the model. Its metadata state g as `fri_share` of `data`.
        name: name of the uncalibrated model in the column `model`.
        prior: f.

    Returns:
        A calibration with temperature 1.

    Raises:
        InputError: The share is not between 0 and 1, or the model does not state its own.
    """
    if not 0 < prior < 1:
        raise InputError(f"prior {prior}: give the expected share of FRI, between 0 and 1")
    own = (model.metadata.get("data") or {}).get("fri_share")
    if own is None:
        raise InputError(
            f"model {model.name} does not state the share of FRI that it was trained with, which "
            "--prior needs: leave --prior out"
        )
    shift = math.log((1 - prior) / prior) - math.log((1 - own) / own)
    return Calibration(name, 1.0, shift, prior=prior)


def require_one(calibration: Calibration | None, prior: float | None) -> None:
    """Refuse a calibration together with a prior.

    Raises:
        InputError: Both are given.
    """
    if calibration is not None and prior is not None:
        raise InputError(
            "a calibration and a prior exclude each other: the calibration holds the shares of "
            "the classes in its survey already"
        )
