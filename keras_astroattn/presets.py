"""Names and files of the trained networks of the package.

A preset consists of three files in `keras_astroattn/models/presets`: `NAME.keras`, the network;
`NAME.tflite`, the same network for `keras_astroattn.edge`; `NAME.md`, its model card.
`python -m export.preset` writes them. LICENSE-WEIGHTS states their terms of use.
"""

import importlib.resources
from pathlib import Path

from keras_astroattn.errors import InputError

DEFAULT_PRESET = "agcnn_survey"
"""Name of the preset that is used by default."""

REMOVED_PRESETS = {"agcnn_field": "agcnn_survey"}
"""Preset to use instead, by the name of a preset of earlier versions."""


def presets_folder() -> Path:
    """Return the folder of the presets."""
    # Not through `keras_astroattn.models`, because its import loads Keras.
    return Path(str(importlib.resources.files("keras_astroattn"))) / "models" / "presets"


def list_presets() -> tuple[str, ...]:
    """Return the names of the presets, in alphabetical order."""
    return tuple(sorted(path.stem for path in presets_folder().glob("*.tflite")))


def preset_file(name: str, suffix: str) -> Path:
    """Return the path of a file of a preset.

    Args:
        name: one of `list_presets()`.
        suffix: `".keras"`, `".tflite"` or `".md"`.

    Raises:
        InputError: The preset does not exist.
    """
    if name not in list_presets():
        refuse_removed(name)
        raise InputError(f"no preset {name!r}: there are {', '.join(list_presets()) or 'none'}")
    return presets_folder() / f"{name}{suffix}"


def refuse_removed(name: str) -> None:
    """Refuse the name of a preset that only earlier versions have.

    Args:
        name: name that is neither that of a preset nor of a file.

    Raises:
        InputError: An earlier version has a preset of this name.
    """
    if name in REMOVED_PRESETS:
        raise InputError(f"the preset {name} was removed: use {REMOVED_PRESETS[name]}")
