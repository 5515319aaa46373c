"""Find the image files to classify, and name the pictures drawn of them."""

import glob
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.files import expand_user
from keras_astroattn.images import FITS_SUFFIXES, PICTURE_SUFFIXES

_LONGEST_NAME = 180  # bytes; file systems allow 255, and suffixes are added
_SUFFIXES = (*FITS_SUFFIXES, *PICTURE_SUFFIXES)


def expand_paths(named: Iterable[str | Path]) -> list[Path]:
    """Return the files and folders that the arguments of a command name.

    Args:
        named: paths, which may begin with ~; glob patterns (`**` includes subfolders); @FILE, a
            text with one of these a line, relative to the text's folder; and -, the same on the
            standard input. An existing path is never a pattern.

    Raises:
        InputError: A pattern matches no file, a list cannot be read, or a name begins with a
            hyphen, as an option does.
    """
    return [path for name in named for path in _named_by(str(name))]


def _named_by(name: str) -> list[Path]:
    if name == "-":
        return _listed(sys.stdin.read(), Path())
    if name.startswith("-"):
        raise InputError(f"unknown option {name}: see --help; a file of this name is ./{name}")
    if name.startswith("@") and not os.path.lexists(name):
        path = expand_user(name[1:])
        try:
            return _listed(path.read_text(encoding="utf-8"), path.parent)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no list of files"
            raise InputError(f"{name} cannot be read: {reason}") from None
    return _matching(expand_user(name))


def _listed(text: str, folder: Path) -> list[Path]:
    lines = (line.strip() for line in text.splitlines())
    named = (folder / expand_user(line) for line in lines if line and not line.startswith("#"))
    return [path for one in named for path in _matching(one)]


def _matching(path: Path) -> list[Path]:
    """Return the files that a pattern matches; of an existing path, or of none, itself."""
    if os.path.lexists(path) or not glob.has_magic(str(path)):
        return [path]
    found = sorted(glob.glob(str(path), recursive=True))
    if not found:
        raise InputError(f"no file matches {path}")
    return [Path(one) for one in found]


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
