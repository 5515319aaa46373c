"""The folder that prepared data sets go to, and one process at a time writing there."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from keras_astroattn.errors import InputError

CACHE_VARIABLE = "KERAS_ASTROATTN_CACHE"


def cache_folder() -> Path:
    """Where prepared data sets lie; it need not exist.

    `KERAS_ASTROATTN_CACHE`, else `keras_astroattn` in `XDG_CACHE_HOME`, else
    `~/.cache/keras_astroattn`.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "keras_astroattn"


@contextlib.contextmanager
def writing(folder: Path, name: str) -> Iterator[None]:
    """Hold the right to write the data set `name` in a cache folder, which is made.

    Other processes wait; the right ends with the process, however that ends.

    Raises:
        InputError: The folder cannot be written to, now or in the block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / f".{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise InputError(
            f"cannot write the prepared data in {folder} ({error.strerror or error}); "
            f"set {CACHE_VARIABLE} to a folder that you may write to"
        ) from None
