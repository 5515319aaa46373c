"""Files that are complete or absent, never half-written."""

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from keras_astroattn.errors import InputError

CACHE_VARIABLE = "KERAS_ASTROATTN_CACHE"
"""Environment variable of the cache folder: prepared data, indexes of maps."""

_PARTIAL = ".partial."


def cache_folder() -> Path:
    """Return the folder for data that can be computed again; it need not exist.

    It is `KERAS_ASTROATTN_CACHE`, otherwise `keras_astroattn` in `XDG_CACHE_HOME`, otherwise
    `~/.cache/keras_astroattn`.

    Raises:
        InputError: The user has no home folder.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return expand_user(named)
    root = os.environ.get("XDG_CACHE_HOME")
    if root:
        return Path(root) / "keras_astroattn"
    try:
        return Path.home() / ".cache" / "keras_astroattn"
    except RuntimeError:
        raise InputError(
            "this user has no home folder: set HOME, or name a folder for prepared data by "
            f"{CACHE_VARIABLE}"
        ) from None


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


def expand_user(path: str | os.PathLike) -> Path:
    """Replace a leading ~ or ~user by that user's home folder.

    Args:
        path: the path.

    Raises:
        InputError: There is no such user, or the user has no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(
            f"{path}: the home folder of {Path(path).parts[0]} is not known: write the whole path"
        ) from None


def partial_files(folder: str | os.PathLike) -> list[Path]:
    """Return the temporary files of `atomic_path` that killed processes left below a folder."""
    return sorted(path for path in Path(folder).rglob(f".*{_PARTIAL}*") if path.is_file())


@contextlib.contextmanager
def held(path: str | os.PathLike) -> Iterator[None]:
    """Lock a folder or a file against other processes that call this function.

    The lock leaves no file, and ends with the block or with the process. On file systems without
    locks (some network ones), no process waits.

    Args:
        path: the folder or file.

    Raises:
        BlockingIOError: Another process holds the lock, or has just removed the path.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # the file system has no locks
        if os.fstat(descriptor).st_nlink == 0:
            raise BlockingIOError(errno.EWOULDBLOCK, "removed by another process", str(path))
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary name next to `path`, and rename it to `path` on success.

    The temporary name keeps the suffixes of `path`, from which writers infer the format. If the
    block raises, the temporary file is removed and `path` is unchanged. An `OSError` about the
    temporary file names `path`.

    Args:
        path: path of the final file.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(4)}{_PARTIAL}{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically.

    Args:
        path: path of the file.
        text: its content.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
