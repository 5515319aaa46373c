"""Load a network: a preset, a .keras file, the folder of a training run, or a checkpoint."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from keras_astroattn.errors import InputError
from keras_astroattn.presets import list_presets, preset_file, refuse_removed

from .keras_files import load_keras_file
from .published import load_published

RUN_MODEL = "best.keras"
"""File of a training run's folder that holds its best network."""


@dataclass(frozen=True)
class NetworkFile:
    """A file that holds a network.

    Attributes:
        name: name of the preset, of the run's folder, or of the file.
        path: path of the file.
        kind: kind of the named thing.
    """

    name: str
    path: Path
    kind: Literal["preset", "file", "run", "checkpoint"]


def find_network(model: str | os.PathLike) -> NetworkFile:
    """Find the file of a network. The name of a preset takes precedence over a path.

    Args:
        model: name of a preset; a .keras file; the folder of a finished training run, which
            means its `best.keras`; or a checkpoint of the paper (`<epoch>.pt`, or a folder of
            them, which means the last epoch).

    Returns:
        The file.

    Raises:
        InputError: There is no such network.
    """
    path = Path(model)
    if str(model) in list_presets():
        return NetworkFile(str(model), preset_file(str(model), ".keras"), "preset")
    if (path / RUN_MODEL).is_file():
        return NetworkFile(path.resolve().name, path / RUN_MODEL, "run")
    if path.suffix == ".pt" or (path.is_dir() and any(path.glob("*.pt"))):
        return NetworkFile(path.stem, path, "checkpoint")
    if path.is_file():
        return NetworkFile(path.stem, path, "file")
    refuse_removed(str(model))
    raise InputError(
        f"{model}: no preset ({', '.join(list_presets())}), no .keras file, no folder of a "
        "finished training run, and no checkpoint"
    )


def load_network(model: str | os.PathLike) -> keras.Model:
    """Load a network, without its optimizer.

    Args:
        model: as in `find_network`. A checkpoint gets the scope `"sample"` (`load_published`
            also offers the paper's scope).

    Returns:
        The network.

    Raises:
        InputError: There is no such network, or it cannot be loaded.
    """
    found = find_network(model)
    if found.kind == "checkpoint":
        return load_published(found.path)
    return load_keras_file(found.path)
