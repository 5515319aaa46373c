"""The image files to classify, and the names of the pictures drawn of them."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_astroattn.images import FITS_SUFFIXES, PICTURE_SUFFIXES

_LONGEST_NAME = 180  # bytes; file systems take 255, and endings are added
_SUFFIXES = (*FITS_SUFFIXES, *PICTURE_SUFFIXES)


def find_images(paths: Iterable[Path], excluded: Path | None = None) -> list[tuple[str, str]]:
    """Find the images among files, and in folders and below them, with a short name for each.

    A named file is taken whatever its name is; in folders, a file is taken that has the ending
    of an image and is not hidden. A file is taken once.

    Images whose names are alike are told apart by the beginning of the SHA-256 of their paths,
    so that a path has the same name in a run that goes on with other images added.

    Args:
        paths: Files and folders.
        excluded: Folder whose files are not taken from the folders: that of `--attention`.

    Returns:
        (path, name) in a fixed order; no two names are alike, whatever their case, and none
        holds a separator or is longer than a file system takes.
    """
    found: dict[str, str] = {}
    for path in paths:
        for file, name in _below(path, excluded) if path.is_dir() else [(path, path.name)]:
            found.setdefault(str(file), name)
    counts = Counter(name.casefold() for name in found.values())
    return [
        (file, name if counts[name.casefold()] == 1 and _is_short(name) else _distinct(file, name))
        for file, name in found.items()
    ]


def attention_paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Give the paths of the picture and of the attention map of an image.

    Args:
        folder: Of `--attention`.
        name: Of the image, as `find_images` gives it.
    """
    return folder / f"{name}.png", folder / f"{name}.attention.fits"


def _is_short(name: str) -> bool:
    return len(os.fsencode(name)) <= _LONGEST_NAME


def _distinct(file: str, name: str) -> str:
    start = os.fsencode(name)[:_LONGEST_NAME].decode("utf-8", "ignore")
    return f"{start}-{hashlib.sha256(os.fsencode(file)).hexdigest()[:12]}"


def _below(folder: Path, excluded: Path | None) -> Iterator[tuple[Path, str]]:
    left_out = None if excluded is None else excluded.resolve()
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and Path(parent, name).resolve() != left_out
        )
        for name in sorted(files):
            if name.lower().endswith(_SUFFIXES) and not name.startswith("."):
                file = Path(parent, name)
                yield file, "__".join(file.relative_to(folder).parts)
