"""The folder of prepared data sets, to which one process writes at a time."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.files import CACHE_VARIABLE, cache_folder

__all__ = ["CACHE_VARIABLE", "cache_folder", "writing"]


@contextlib.contextmanager
def writing(folder: Path, name: str) -> Iterator[None]:
    """Create a cache folder, and hold the lock to write the data set `name` there.

    Other processes wait. The lock ends with the block or with the process.

    Args:
        folder: the cache folder.
        name: name of the data set.

    Raises:
        InputError: The folder is not writable, before or in the block.
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
