"""FIRST radio galaxies in four classes (Griese et al. 2023): FRI, FRII, compact and bent.

The data set is one HDF5 file. Its MD5 is not known to this package, so it is not downloaded: the
builder reads the user's file, compares the number of sources of each class with the published
table, and keeps the file's SHA-256 with the prepared data.
"""

import contextlib
import dataclasses
import hashlib
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow_datasets as tfds

from keras_astroattn.errors import InputError

from .archives import DATA_VARIABLE, data_folder
from .builders import SourceBuilder

URL = "https://zenodo.org/record/7689127/files/galaxy_data_h5.zip"
"""Address of the published file."""

CLASSES = ("FRI", "FRII", "compact", "bent")
"""Names of the labels, in the order of the file."""

SIZE = 300
"""Height and width of an image, pixels."""

SUBFOLDER, FILE = "first_galaxies", "galaxy_data_h5.h5"
"""Folder of a data folder that may hold the file, and the name of the unpacked file."""

LARGEST_FILE = 2**30
"""Largest size of the unpacked file, bytes; 2158 images have about 200 MB."""

PUBLISHED = {
    "train": (395, 824, 291, 248),
    "validation": (50, 50, 50, 50),
    "test": (50, 50, 50, 50),
}
"""Number of sources of each class in each split (Griese et al. 2023, README of the data set)."""

_SPLITS = {"train": "train", "valid": "validation", "test": "test"}
_GROUP = re.compile(r"data_(\d+)")


@dataclasses.dataclass(eq=False)
class FirstGalaxiesConfig(tfds.core.BuilderConfig):
    """A configuration of the data set.

    Attributes:
        counts: expected number of sources of each class, by split; None: any.
    """

    counts: Mapping[str, tuple[int, ...]] | None = None


class FirstGalaxies(SourceBuilder):
    """`tfds.builder("first_galaxies")`: 1758 training, 200 validation and 200 test sources.

    The file `galaxy_data_h5.zip`, or the unpacked `galaxy_data_h5.h5`, must be in the data folder
    or in its subfolder `first_galaxies`. The configuration `published` (default) expects the
    published numbers of sources; `any` accepts any file of the same format. Features:

    | feature | type | meaning |
    |---|---|---|
    | image | uint8 (300, 300, 1) | pixels, rows first |
    | label | int64 | 0 FRI, 1 FRII, 2 compact, 3 bent |
    | name | text | name of the source's group in the file |
    | ra, dec | float64 | degrees |
    | catalogue | text | catalogue of the label: `MiraBest`, `Proctor_Tab1`, .. |

    Its sources of the catalogue `MiraBest` are those of `mirabest`, in another split.
    """

    name = "first_galaxies"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS's protocol)
        FirstGalaxiesConfig(name="published", description="The published file.", counts=PUBLISHED),
        FirstGalaxiesConfig(name="any", description="Any file of the same format."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        number = tfds.features.Tensor(shape=(), dtype=np.float64, encoding="bytes")
        return self.dataset_info_from_configs(
            description="FIRST radio galaxies of six catalogues in four classes.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIZE, SIZE, 1), encoding_format="png"),
                    "label": tfds.features.ClassLabel(names=list(CLASSES)),
                    "name": tfds.features.Text(),
                    "ra": number,
                    "dec": number,
                    "catalogue": tfds.features.Text(),
                }
            ),
            homepage="https://doi.org/10.5281/zenodo.7689127",
            citation="Griese F., Kummer J., Connor P., Brueggen M., Rustige L., 2023, "
            "Data in Brief, 47, 108974",
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager
        path = _find(data_folder(self._folder))
        # Everything is read and checked before the first example is written, because TFDS wraps
        # an error of the generator in its own message.
        with _unpacked(path) as unpacked:
            self.info.metadata["sha256"] = _sha256(unpacked)
            examples = read_examples(unpacked, path)
        counts = Counter((split, example["label"]) for split, example in examples)
        found = {
            split: tuple(counts[split, label] for label in range(len(CLASSES)))
            for split in PUBLISHED
        }
        expected = self.builder_config.counts
        if expected is not None and found != expected:
            raise InputError(
                f"{path} is not the published file: it has {found} sources of "
                f"{', '.join(CLASSES)} where {expected} are expected; fetch it again from {URL}, "
                "or read your own file by the configuration `any`"
            )
        return {
            split: self._generate_examples(
                [example for its_split, example in examples if its_split == split]
            )
            for split in PUBLISHED
        }

    def _generate_examples(
        self, examples: list[dict[str, Any]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(examples)


def read_examples(file: Path, path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read and check all sources of a file, by the number of their group.

    Args:
        file: the HDF5 file.
        path: name of the file in messages.

    Returns:
        Split and features of each source.

    Raises:
        InputError: The file is damaged, or has another format.
    """
    try:
        with h5py.File(file, "r") as content:
            names = [name for name in content if _GROUP.fullmatch(name)]
            if not names:
                raise InputError(f"{path} holds no group data_1, data_2, ..: get {URL}")
            names.sort(key=lambda name: int(_GROUP.fullmatch(name)[1]))
            return [_example(content, name, path) for name in names]
    except InputError:
        raise
    # h5py raises many types for damaged files.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} cannot be read as the HDF5 file of {URL}: {reason}; fetch it again"
        ) from None


def _example(content: h5py.File, name: str, path: Path) -> tuple[str, dict[str, Any]]:
    where = f"{name} of {path}"
    image = _dataset(content, f"{name}/Img", where)
    if image.shape != (SIZE, SIZE) or image.dtype != np.uint8:
        raise InputError(
            f"the image of {where} is {image.dtype} of shape {image.shape}, "
            f"not uint8 of {SIZE} x {SIZE}"
        )
    label = float(_dataset(content, f"{name}/Label_literature", where)[()])
    split = _dataset(content, f"{name}/Split_literature", where).asstr()[()]
    if label not in range(len(CLASSES)) or split not in _SPLITS:
        raise InputError(
            f"{where} has the label {label:g} and the split {split!r}: "
            f"0 to {len(CLASSES) - 1}, and one of {', '.join(_SPLITS)}, are known"
        )
    catalogue = image.attrs["Source"]
    return _SPLITS[split], {
        "image": image[()][..., np.newaxis],
        "label": int(label),
        "name": name,
        "ra": float(image.attrs["RA"]),
        "dec": float(image.attrs["DEC"]),
        "catalogue": catalogue.decode() if isinstance(catalogue, bytes) else catalogue,
    }


def _dataset(content: h5py.File, name: str, where: str) -> h5py.Dataset:
    """Return an array of the file; refuse one whose values lie in another file."""
    links = [content.get(part, getlink=True) for part in (name.partition("/")[0], name)]
    found = content.get(name) if all(isinstance(one, h5py.HardLink) for one in links) else None
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise InputError(f"{where} holds no {name.rpartition('/')[2]} of its own: get {URL}")
    return found


def _find(folder: Path | None) -> Path:
    """Return the path of the file in a data folder, packed or not."""
    names = (FILE, Path(URL).name)
    folders = [folder / SUBFOLDER, folder] if folder else []
    for path in (one / name for one in folders for name in names):
        if path.is_file():
            return path
    state = f"no {FILE} in {folder}" if folder else "first_galaxies is not downloaded"
    raise InputError(
        f"{state}: put {URL} in a folder, as {SUBFOLDER}/{names[1]}, and name the folder by "
        f"manual_dir or {DATA_VARIABLE}"
    )


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give the HDF5 file; one that is packed is unpacked to a temporary folder."""
    if path.suffix != ".zip":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / FILE
        try:
            with zipfile.ZipFile(path) as archive:
                members = [one for one in archive.infolist() if Path(one.filename).name == FILE]
                if len(members) != 1 or members[0].file_size > LARGEST_FILE:
                    raise InputError(f"{path} does not hold one {FILE}: get {URL}")
                with archive.open(members[0]) as packed, unpacked.open("wb") as file:
                    shutil.copyfileobj(packed, file)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise InputError(f"{path} is a damaged zip file ({error}); fetch it again") from None
        yield unpacked


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
