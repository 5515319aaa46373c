"""Read a .keras file, or an HDF5 file of a whole model, after a check of its content."""

import os
import zipfile
from pathlib import Path

import h5py
import keras

from keras_astroattn.errors import InputError

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_LARGEST_TEXT = 16 * 2**20  # bytes of a member other than the weights
_LARGEST_WEIGHTS = 256 * 2**20  # bytes; the networks of this project have less than 4 MB
_LEGACY = (".h5", ".hdf5")


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
