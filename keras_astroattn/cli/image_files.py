"""Which files to classify, and what to call what is written about each."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_astroattn.images import FITS_SUFFIXES, PICTURE_SUFFIXES

_SUFFIXES = (*FITS_SUFFIXES, *PICTURE_SUFFIXES)


def find_images(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Files and the images in folders and below them, with a short name for each.

    A file that is named is taken whatever it is called; of folders, what has the ending of
    an image and is not hidden. A file is taken once.

    Returns:
        (path, name) in a fixed order; no two names are alike, and none holds a separator.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for path in paths:
        for file, name in _below(path) if path.is_dir() else [(path, path.name)]:
            if str(file) not in found:
                unique, number = name, 2
                while unique in taken:
                    unique, number = f"{name}-{number}", number + 1
                taken.add(unique)
                found[str(file)] = unique
    return list(found.items())


def _below(folder: Path) -> Iterator[tuple[Path, str]]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(_SUFFIXES) and not name.startswith("."):
                file = Path(parent, name)
                yield file, "__".join(file.relative_to(folder).parts)
