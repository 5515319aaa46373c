"""Load the trained networks of the package: see `keras_astroattn.presets` for their names."""

import json
import zipfile
from collections.abc import Mapping
from typing import Any

import keras

from keras_astroattn.models.keras_files import load_keras_file
from keras_astroattn.models.wrappers import calibrated_model
from keras_astroattn.presets import list_presets, preset_file

__all__ = ["ORIGIN_MEMBER", "from_preset", "list_presets", "preset_metadata"]

ORIGIN_MEMBER = "keras_astroattn.json"
"""Member of a preset's .keras file with the metadata of the .tflite file."""


def from_preset(name: str, *, calibrated: bool = False) -> keras.Model:
    """Load a trained network.

    `AGCNN.from_preset` and `EquivariantAGCNN.from_preset` do the same, and check the class.

    Args:
        name: one of `list_presets()`.
        calibrated: whether the model has the named outputs `logits` and `probabilities`, at the
            temperature of `preset_metadata(name)["calibration"]`; see `calibrated_model`.

    Returns:
        A model from images (batch, 150, 150, 1), float32 in [-1, 1], to logits (batch, 2).

    Raises:
        InputError: The preset does not exist.

    Example:
        >>> model = from_preset("agcnn_mirabest")
        >>> attention_model(model)(images)["attention_mean"]
        >>> from_preset("agcnn_mirabest", calibrated=True)(images)["probabilities"]
    """
    model = load_keras_file(preset_file(name, ".keras"), remedy="install the package again")
    if not calibrated:
        return model
    return calibrated_model(model, preset_metadata(name)["calibration"]["temperature"])


def preset_metadata(name: str) -> Mapping[str, Any]:
    """Return the metadata of a preset.

    Args:
        name: one of `list_presets()`.

    Returns:
        Training, data, calibration, thresholds of the labels, and terms of use.

    Raises:
        InputError: The preset does not exist.
    """
    with zipfile.ZipFile(preset_file(name, ".keras")) as archive:
        return json.loads(archive.read(ORIGIN_MEMBER))
