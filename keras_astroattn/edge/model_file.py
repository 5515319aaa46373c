"""A .tflite file of this project, found by name or path, with its metadata."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_astroattn.errors import InputError
from keras_astroattn.presets import (
    DEFAULT_PRESET,
    list_presets,
    preset_file,
    presets_folder,
    refuse_removed,
)

from .metadata import read_metadata

SIGNATURE = "serving_default"
"""Name of the only signature of the file."""

_LARGEST = 256 * 2**20  # bytes


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A network as bytes, and its metadata.

    Attributes:
        name: name of the preset, or of the file without its suffix.
        path: path of the file.
        content: bytes of the whole file.
        metadata: content of `metadata.json` (see `edge.metadata` and `export.metadata`).
    """

    name: str
    path: Path
    content: bytes = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)

    @property
    def is_preset(self) -> bool:
        """Whether the file is a part of this package."""
        return self.path.parent == presets_folder()


def find_model(model: str | os.PathLike) -> Path:
    """Return the path of the .tflite file of a preset, or of a path.

    Args:
        model: name of a preset, or path of a .tflite file.

    Raises:
        InputError: The preset or the file does not exist.
    """
    presets = list_presets()
    if str(model) in presets:
        return preset_file(str(model), ".tflite")
    path = Path(model)
    if path.is_file():
        return path
    refuse_removed(str(model))
    known = f"the presets are {', '.join(presets)}" if presets else "no preset is installed"
    what = "is a folder" if path.is_dir() else "does not exist"
    raise InputError(f"model {model}: not a preset, and as a file it {what}; {known}")


def open_model(model: str | os.PathLike = DEFAULT_PRESET) -> ModelFile:
    """Read a model by the name of a preset or the path of a .tflite file.

    Args:
        model: name of a preset, or path of a .tflite file.

    Returns:
        The model.

    Raises:
        InputError: The file does not exist, `export.run` did not write it, or it is damaged.
    """
    path = find_model(model)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is too large to be one of these networks")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        metadata = _checked_metadata(content, path)
    except InputError:
        if path.parent != presets_folder():
            raise
        raise InputError(f"the preset {path} is damaged: install keras-astroattn again") from None
    return ModelFile(path.stem, path, content, metadata)


def _checked_metadata(content: bytes, path: Path) -> dict[str, Any]:
    if content[4:8] != b"TFL3":
        raise InputError(f"{path} is not a .tflite file: give one that export.run wrote")
    return read_metadata(content, path)
