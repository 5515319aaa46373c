"""Find the image files to classify, and name the pictures drawn of them."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_astroattn.images import FITS_SUFFIXES, PICTURE_SUFFIXES

_LONGEST_NAME = 180  # bytes; file systems allow 255, and suffixes are added
_SUFFIXES = (*FITS_SUFFIXES, *PICTURE_SUFFIXES)


def find_images(paths: Iterable[Path], excluded: Path | None = None) -> list[tuple[str, str]]:
    """Find the images among files, and in folders and their subfolders, with a short name for each.

    A named file is included with any name. In folders, a file is included if it has the suffix of
    an image and is not hidden. Each file is included once.

    Equal names of images are extended by the beginning of the SHA-256 of their paths, so that a
    path keeps its name in a resumed run with additional images.

    Args:
        paths: files and folders.
        excluded: folder whose files are excluded from the folders: that of `--attention`.

    Returns:
        (path, name) in a fixed order. All names differ, regardless of case; none contains a
        separator or is longer than a file system allows.
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
    """Return the paths of the picture and of the attention map of an image.

    Args:
        folder: folder of `--attention`.
        name: name of the image, from `find_images`.
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
