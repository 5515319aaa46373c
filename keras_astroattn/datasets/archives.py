"""The published tarballs of MiraBest and FR-DEEP: find, verify and read them.

Nothing is unpacked to the disk: a tarball of less than a megabyte is read whole, its MD5 is
compared, and its batches are unpickled in memory (see `restricted_pickle`).
"""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.files import expand_user
from keras_astroattn.images import IMAGE_SIZE

from .restricted_pickle import load_pickle

UPSTREAM = "http://www.jb.man.ac.uk/research/"
DATA_VARIABLE = "KERAS_ASTROATTN_DATA"

LARGEST_BATCH = 64 * 2**20
"""Largest size of a batch, bytes; the published ones have 1 to 4 MB."""

LARGEST_ARCHIVE = 64 * 2**20
"""Largest size of a tarball, bytes; the published ones have less than 1 MB."""

LARGEST_UNPACKED = 256 * 2**20
"""Most bytes unpacked of an unknown tarball to test whether it is complete."""


@dataclass(frozen=True)
class Archive:
    """A tarball of CIFAR-style batches: `data_batch_1` .. `data_batch_n` and `test_batch`.

    Attributes:
        title: name of the data set, for messages.
        url: address of the published file.
        md5: MD5 of the file, hexadecimal.
        subfolder: folder of a data folder that may hold the file (or the data folder itself).
        member_folder: folder inside the tarball that holds the batches.
        training_batches: number of training batches.
        classes: number of classes of the labels in the batches.
    """

    title: str
    url: str
    md5: str
    subfolder: str
    member_folder: str
    training_batches: int
    classes: int

    @property
    def filename(self) -> str:
        """Name of the tarball."""
        return PurePosixPath(self.url).name

    @property
    def batch_names(self) -> tuple[str, ...]:
        """Names of the batches in their order, the test batch last."""
        training = (f"data_batch_{number}" for number in range(1, self.training_batches + 1))
        return (*training, "test_batch")


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of a tarball, with its rows in the order of the file.

    Attributes:
        name: `data_batch_1` .. or `test_batch`.
        images: uint8 (n, 150, 150).
        labels: int64 (n,), in the scheme of the archive.
        names: n file names, without folder and `.png`.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    @property
    def split(self) -> str:
        """Split of the batch, train or test."""
        return "test" if self.name == "test_batch" else "train"


def data_folder(named: str | os.PathLike | None = None) -> Path | None:
    """Return the folder that holds the tarballs, or None if none is named.

    Args:
        named: path given by the user; None: that of the environment variable
            `KERAS_ASTROATTN_DATA`.

    Returns:
        The folder, or None.

    Raises:
        InputError: The folder does not exist, or is a file.
    """
    origin = "the data folder"
    if named is None:
        named = os.environ.get(DATA_VARIABLE) or None
        origin = f"the data folder of {DATA_VARIABLE}"
    if named is None:
        return None
    folder = expand_user(named)
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{origin}, {folder}, {state}; name one that holds mirabest/ or frdeep/")
    return folder


def find_archive(archive: Archive, folder: Path) -> Path | None:
    """Return the path of the tarball in a data folder, or None."""
    candidates = (folder / archive.subfolder / archive.filename, folder / archive.filename)
    return next((path for path in candidates if path.is_file()), None)


def require_archive(archive: Archive, folder: Path) -> Path:
    """Return the path of the tarball in a data folder.

    Args:
        archive: the tarball.
        folder: the data folder.

    Raises:
        InputError: The tarball is not there.
    """
    path = find_archive(archive, folder)
    if path is None:
        raise InputError(
            f"no {archive.title} in {folder}: put {archive.url} there as "
            f"{archive.subfolder}/{archive.filename}"
        )
    return path


def verified_content(path: Path, archive: Archive) -> bytes:
    """Return the bytes of a tarball after checking that its MD5 is the published one.

    Args:
        path: the tarball.
        archive: its description.

    Raises:
        InputError: The file cannot be read, is truncated or is another file.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_ARCHIVE:
            raise InputError(f"{path} has {size} bytes: it is not {archive.url}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found == archive.md5:
        return content
    again = f"fetch it again from {archive.url}"
    if _is_truncated(content):
        raise InputError(f"{path} is truncated ({len(content)} bytes); {again}")
    raise InputError(f"{path} has MD5 {found} where {archive.md5} is expected; {again}")


def _is_truncated(content: bytes) -> bool:
    """Return whether the file is empty or a gzip stream that ends too early."""
    if not content:
        return True
    unpacked = 0
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            while part := stream.read(2**20):
                unpacked += len(part)
                if unpacked > LARGEST_UNPACKED:
                    return False  # another file, which may unpack to any size
    except EOFError:
        return True
    except (OSError, zlib.error):
        return False
    return False


def read_batches(path: Path, archive: Archive) -> list[Batch]:
    """Verify a tarball and read its batches, in their order.

    Args:
        path: the tarball.
        archive: description of the expected tarball.

    Returns:
        The training batches by number, then the test batch.

    Raises:
        InputError: The file is truncated, has another MD5, holds unsafe members, lacks a
            batch, or a batch is not as expected (see `load_pickle`).
    """
    pickles = dict(_members(verified_content(path, archive), path, archive))
    for name in archive.batch_names:
        if name not in pickles:
            raise InputError(f"{path} holds no {archive.member_folder}/{name}; get {archive.url}")
    return [
        _read_batch(load_pickle(pickles[name], f"{name} of {path}"), name, path, archive.classes)
        for name in archive.batch_names
    ]


def _members(content: bytes, path: Path, archive: Archive) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every batch in a tarball; refuse members of unexpected kind or size.

    The published tarballs hold no links, no absolute paths and no large members.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tarball:
            for member in tarball:
                place = PurePosixPath(member.name)
                if (
                    place.is_absolute()
                    or ".." in place.parts
                    or not (member.isfile() or member.isdir())
                ):
                    raise InputError(f"{path} is not safe to read: it holds {member.name!r}")
                if str(place.parent) != archive.member_folder:
                    continue
                if place.name not in archive.batch_names:
                    continue
                if member.size > LARGEST_BATCH:
                    raise InputError(f"{place.name} of {path} has {member.size} bytes: too many")
                yield place.name, tarball.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{path} is a damaged tarball ({error}); fetch it again from {archive.url}"
        ) from None


def _read_batch(content: Any, name: str, path: Path, classes: int) -> Batch:
    """Check an unpickled batch, and give its images one shape for all data sets."""
    where = f"{name} of {path}"
    if not isinstance(content, dict) or not {"data", "labels", "filenames"} <= content.keys():
        raise InputError(f"{where} is not a batch: it lacks data, labels or filenames")
    rows, labels, names = (content[key] for key in ("data", "labels", "filenames"))
    sizes = [len(column) if hasattr(column, "__len__") else -1 for column in (rows, labels, names)]
    if len(set(sizes)) != 1 or sizes[0] < 1:
        raise InputError(f"{where} holds columns of different or no length")
    for row, label in enumerate(labels):
        if not isinstance(label, int | np.integer) or not 0 <= label < classes:
            raise InputError(
                f"row {row} of {where} has the label {label!r}, not 0 to {classes - 1}"
            )
    return Batch(
        name=name,
        images=np.stack([_image(values, row, where) for row, values in enumerate(rows)]),
        labels=np.array(labels, np.int64),
        names=tuple(PurePosixPath(str(name)).name.removesuffix(".png") for name in names),
    )


def _image(values: Any, row: int, where: str) -> np.ndarray:
    """Return one image as uint8 (150, 150), rows first, as in the files."""
    if not isinstance(values, np.ndarray):
        raise InputError(f"row {row} of {where} holds {type(values).__name__}, not an image")
    if values.dtype != np.uint8:
        damage = " with NaN" if values.dtype.kind == "f" and np.isnan(values).any() else ""
        raise InputError(
            f"the image in row {row} of {where} holds {values.dtype}{damage}, not uint8"
        )
    if values.shape not in ((IMAGE_SIZE, IMAGE_SIZE), (IMAGE_SIZE**2,)):
        raise InputError(
            f"the image in row {row} of {where} has shape {values.shape}, "
            f"not {IMAGE_SIZE} x {IMAGE_SIZE}"
        )
    return values.reshape(IMAGE_SIZE, IMAGE_SIZE)
