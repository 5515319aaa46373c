"""Files that are complete or absent, never half-written."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

_PARTIAL = ".partial."


def partial_files(folder: str | os.PathLike) -> list[Path]:
    """What `atomic_path` left in a folder, or below it, in a process that was killed."""
    return sorted(path for path in Path(folder).rglob(f".*{_PARTIAL}*") if path.is_file())


@contextlib.contextmanager
def held(folder: str | os.PathLike) -> Iterator[None]:
    """Hold a folder against other processes that ask for it in this way.

    The hold leaves no file, and ends with the process however that ends. A file system
    that knows no locks on folders (some network ones) lets every process through.

    Raises:
        BlockingIOError: another process holds the folder.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # no locks here
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to; rename it to `path` on success.

    The temporary name keeps the suffixes of `path` (writers that choose a format by
    the suffix see the right one). If the block raises, the temporary file is removed
    and `path` stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(4)}{_PARTIAL}{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
