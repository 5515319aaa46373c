"""Trained networks that come with this package, by name.

Each preset is three files in this folder: `NAME.keras`, the network; `NAME.tflite`, the same
for `keras_astroattn.edge`, which reads it from here without importing this module; and
`NAME.md`, its model card. `python -m export.preset` writes them. Their terms of use are in
LICENSE-WEIGHTS.
"""

import json
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import keras

from keras_astroattn.errors import InputError
from keras_astroattn.models.wrappers import calibrated_model

ORIGIN_MEMBER = "keras_astroattn.json"
"""Zip member of a preset's .keras file: what its .tflite file has as `metadata.json`."""


def list_presets() -> tuple[str, ...]:
    """Names that `from_preset` takes."""
    return tuple(sorted(path.stem for path in _folder().glob("*.keras")))


def from_preset(name: str, *, calibrated: bool = False) -> keras.Model:
    """A trained network: (batch, 150, 150, 1) float32 in [-1, 1] to logits (batch, 2).

    Args:
        name: One of `list_presets()`.
        calibrated: Give `logits` and `probabilities`, by name, at the temperature of
            `preset_metadata(name)["calibration"]`; see `calibrated_model`.

    Raises:
        InputError: There is no such preset.

    Example:
        >>> model = from_preset("agcnn_mirabest")
        >>> attention_model(model)(images)["attention_mean"]
        >>> from_preset("agcnn_mirabest", calibrated=True)(images)["probabilities"]
    """
    model = keras.models.load_model(preset_path(name), compile=False)
    if not calibrated:
        return model
    return calibrated_model(model, preset_metadata(name)["calibration"]["temperature"])


def preset_path(name: str) -> Path:
    """The `.keras` file of a preset.

    Raises:
        InputError: There is no such preset.
    """
    if name not in list_presets():
        raise InputError(f"no preset {name!r}: there are {', '.join(list_presets()) or 'none'}")
    return _folder() / f"{name}.keras"


def preset_metadata(name: str) -> Mapping[str, Any]:
    """What a preset says of itself: training, data, calibration, thresholds, terms.

    Raises:
        InputError: There is no such preset.
    """
    with zipfile.ZipFile(preset_path(name)) as archive:
        return json.loads(archive.read(ORIGIN_MEMBER))


def _folder() -> Path:
    return Path(str(resources.files(__name__)))
