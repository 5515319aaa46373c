"""The folder that prepared data sets go to, and one process at a time writing there."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.files import CACHE_VARIABLE, cache_folder

__all__ = ["CACHE_VARIABLE", "cache_folder", "writing"]


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
