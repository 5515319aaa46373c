"""Load a network: a preset, a .keras file, the folder of a training run, or a checkpoint."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import keras

from keras_astroattn.errors import InputError
from keras_astroattn.presets import list_presets, preset_file

RUN_MODEL = "best.keras"
"""File of a training run's folder that holds its best network."""

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_LARGEST_TEXT = 16 * 2**20  # bytes of a member other than the weights
_LARGEST_WEIGHTS = 256 * 2**20  # bytes; the networks of this project have less than 4 MB
_LEGACY = (".h5", ".hdf5")


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
        from .published import load_published

        return load_published(found.path)
    return load_keras_file(found.path)


def load_keras_file(
    path: str | os.PathLike,
    *,
    compile: bool = False,
    remedy: str = "give a file that model.save wrote",
) -> keras.Model:
    """Load a .keras file, or an HDF5 file of a whole model.

    The sizes of the file's members and weights are checked first, so that a damaged or
    malicious file does not fill the memory. No code in the file is run.

    Args:
        path: the file.
        compile: whether to restore the optimizer and the loss too.
        remedy: advice in the error message if the file is damaged.

    Returns:
        The model.

    Raises:
        InputError: The file cannot be read, is damaged, is too large, or holds no model.
    """
    path = Path(path)
    try:
        if path.suffix in _LEGACY:
            _check_weights(path)
        else:
            _check_archive(path)
        model = keras.models.load_model(path, compile=compile)
    except Exception as error:  # zipfile, h5py, json and Keras raise many types
        raise InputError(f"{path} cannot be loaded: {_first_line(error)}; {remedy}") from None
    if not isinstance(model, keras.Model):
        raise InputError(
            f"{path} cannot be loaded: it holds a {type(model).__name__}, not a model; {remedy}"
        )
    return model


def _check_archive(path: Path) -> None:
    """Refuse a file that is not a .keras archive, or whose content is too large."""
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        for name in _MEMBERS:
            if name not in sizes:
                raise InputError(f"the archive lacks {name}")
        for name, size in sizes.items():
            limit = _LARGEST_WEIGHTS if name == _MEMBERS[-1] else _LARGEST_TEXT
            if size > limit:
                raise InputError(f"{name} has {size} bytes; at most {limit} are read")
        with archive.open(_MEMBERS[-1]) as weights:
            _check_weights(weights)


def _check_weights(file) -> None:
    """Refuse an HDF5 file whose arrays are too large, or are stored outside the file."""
    sizes = []

    def look(name: str, item) -> None:
        if isinstance(item, h5py.Group):
            links = (item.get(key, getlink=True) for key in item)
            if not all(isinstance(link, h5py.HardLink) for link in links):
                raise InputError(f"its group {name} has links")
        else:
            if item.is_virtual or item.external:
                raise InputError(f"its array {name} lies in another file")
            sizes.append(item.size * item.dtype.itemsize)

    with h5py.File(file) as weights:
        look("/", weights)
        weights.visititems(look)
    if sum(sizes) > _LARGEST_WEIGHTS:
        raise InputError(f"its arrays have {sum(sizes)} bytes; at most {_LARGEST_WEIGHTS} are read")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".;:")[:200]
