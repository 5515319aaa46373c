"""Load the trained networks of the package: see `keras_astroattn.presets` for their names."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_astroattn.errors import InputError
from keras_astroattn.models.keras_files import load_keras_file
from keras_astroattn.models.wrappers import calibrated_model
from keras_astroattn.presets import list_presets, preset_file

__all__ = ["ORIGIN_MEMBER", "from_preset", "list_presets", "preset_metadata", "stored_metadata"]

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
    return stored_metadata(preset_file(name, ".keras")) or {}


def stored_metadata(path: Path) -> Mapping[str, Any] | None:
    """Return the metadata of a preset's .keras file; None if the file is that of no preset.

    Args:
        path: the .keras file.

    Raises:
        InputError: The file or its metadata are damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if ORIGIN_MEMBER not in archive.namelist():
                return None
            found = json.loads(archive.read(ORIGIN_MEMBER))
    except (zipfile.BadZipFile, zlib.error, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise damaged_metadata(path, reason) from None
    if not isinstance(found, dict):
        raise damaged_metadata(path, "it is no object")
    return found


def damaged_metadata(path: Path, reason: str) -> InputError:
    """Return the error of a preset's .keras file with damaged metadata."""
    return InputError(f"{path} has a damaged {ORIGIN_MEMBER} ({reason}): make the preset again")
