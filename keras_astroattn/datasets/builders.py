"""Base classes of the TFDS builders: features, cache, downloads, errors.

All builders have the same features, with one example for each source, in the order of the files.
Nothing is shuffled, because the experiments identify sources by their row.
"""

import dataclasses
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, cache_folder, writing
from keras_astroattn.images import IMAGE_SIZE

from .archives import (
    DATA_VARIABLE,
    Archive,
    Batch,
    data_folder,
    read_batches,
    require_archive,
    verified_content,
)
from .classes import LABEL_NAMES, SOURCE_CLASSES

CONNECTION_TIMEOUT = 10.0
"""Seconds to wait for a response of the data's server."""


def source_features() -> tfds.features.FeaturesDict:
    """Return the features of one source.

    | feature | type | meaning |
    |---|---|---|
    | image | uint8 (150, 150, 1) | pixels, rows first |
    | label | int64 | 0 FRI, 1 FRII, 2 hybrid |
    | class_index | int64 | MiraBest's class 0 .. 9, -1 where there is none |
    | confident | bool | whether the label is certain |
    | morphology | text | "standard", "wide-angle tail", .. |
    | name | text | the file name without `.png` |
    | ra, dec | float64 | degrees, NaN if unknown |
    | redshift | float64 | NaN if unknown |
    | angular_size | float64 | arcsec, NaN if unknown |
    | batch | text | the batch file that holds the source |
    | index | int64 | its row in that file |
    """
    # With another encoding TFDS stores float64 as float32.
    number = tfds.features.Tensor(shape=(), dtype=np.float64, encoding="bytes")
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(IMAGE_SIZE, IMAGE_SIZE, 1), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=list(LABEL_NAMES)),
            "class_index": tfds.features.ClassLabel(names=[c.code for c in SOURCE_CLASSES]),
            "confident": np.bool_,
            "morphology": tfds.features.Text(),
            "name": tfds.features.Text(),
            "ra": number,
            "dec": number,
            "redshift": number,
            "angular_size": number,
            "batch": tfds.features.Text(),
            "index": np.int64,
        }
    )


class SourceBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A TFDS builder whose prepared data lie in the project's cache.

    `data_dir` is TFDS's name for the folder of *prepared* data; its default is
    `files.cache_folder()`. One process prepares a data set while others wait. The remains of an
    interrupted preparation are removed.
    """

    def __init__(self, *, data_dir: Any = None, **arguments: Any) -> None:
        super().__init__(data_dir=data_dir or cache_folder(), **arguments)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.builder_config.name}, {self.data_dir})"

    def download_and_prepare(
        self,
        *,
        download_config: tfds.download.DownloadConfig | None = None,
        **arguments: Any,
    ) -> None:
        """Prepare the data set, unless it is prepared already, as in TFDS.

        Args:
            download_config: TFDS's configuration; its `manual_dir` is the data folder with
                the tarballs (default: `KERAS_ASTROATTN_DATA`).
            **arguments: other arguments of TFDS's method.

        Raises:
            InputError: The data are missing, damaged or cannot be downloaded, or the cache is
                not writable.
        """
        config = dataclasses.replace(
            download_config or tfds.download.DownloadConfig(),
            try_download_gcs=False,  # Google's storage holds none of these data sets
        )
        self._folder = config.manual_dir
        remakes = config.download_mode != tfds.GenerateMode.REUSE_DATASET_IF_EXISTS
        if self.data_path.exists() and not remakes:
            return
        with writing(self.data_dir_root, self.name):
            for leftover in self.data_path.parent.glob("incomplete.*"):
                shutil.rmtree(leftover)
            # Verified downloads are kept elsewhere (`_downloaded`).
            downloads = Path(self.data_dir_root) / f".{self.name}.downloads"
            shutil.rmtree(downloads, ignore_errors=True)
            try:
                super().download_and_prepare(
                    download_config=config, **{"download_dir": downloads, **arguments}
                )
            finally:
                shutil.rmtree(downloads, ignore_errors=True)
            # Another process may have prepared the data while this one waited.
            self.info.read_from_directory(self.data_dir)


@dataclasses.dataclass(eq=False)
class ArchiveConfig(tfds.core.BuilderConfig):
    """A configuration that is read from a tarball.

    Attributes:
        archive: description of the tarball.
    """

    archive: Archive | None = None


class ArchiveBuilder(SourceBuilder, skip_registration=True):
    """A builder that reads a tarball of batches; subclasses describe the sources."""

    def describe(self, batch: Batch) -> Sequence[dict[str, Any]]:
        """Return the features of a batch's sources in order, except image, batch and index."""
        raise NotImplementedError

    def keeps(self, batch: Batch, row: int) -> bool:
        """Return whether a row of a batch belongs to this configuration."""
        del batch, row
        return True

    def has_kept_archive(self) -> bool:
        """Return whether the tarball was downloaded earlier."""
        return self._kept.exists()

    @property
    def _kept(self) -> Path:
        """Path at which a downloaded tarball is kept."""
        return Path(self.data_dir_root) / "archives" / self.builder_config.archive.filename

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        archive = self.builder_config.archive
        folder = data_folder(self._folder)
        path = require_archive(archive, folder) if folder else self._downloaded(dl_manager)
        # Everything is read and checked before the first example is written, because TFDS wraps
        # an error of the generator in its own message.
        batches = read_batches(path, archive)
        described = [(batch, self.describe(batch)) for batch in batches]
        return {
            split: self._generate_examples([pair for pair in described if pair[0].split == split])
            for split in ("train", "test")
        }

    def _generate_examples(
        self, described: list[tuple[Batch, Sequence[dict[str, Any]]]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        key = 0
        for batch, descriptions in described:
            for row, description in enumerate(descriptions):
                if not self.keeps(batch, row):
                    continue
                image = batch.images[row][..., np.newaxis]
                yield key, {"image": image, "batch": batch.name, "index": row, **description}
                key += 1

    def _downloaded(self, dl_manager: tfds.download.DownloadManager) -> Path:
        """Return the tarball from the cache, or download it with TFDS's registered checksums.

        A good tarball is kept for the other configurations that use it. A bad one is removed, so
        that the next attempt downloads it again.
        """
        archive = self.builder_config.archive
        kept = self._kept
        if kept.exists() and _removed_if_bad(kept, archive) is None:
            return kept
        try:
            # TFDS tries ten times over three minutes without a network, so it is checked first.
            with urllib.request.urlopen(archive.url, timeout=CONNECTION_TIMEOUT):
                pass
            fetched = Path(dl_manager.download(archive.url))
        # URLError and the exceptions of requests are OSErrors; TFDS raises bare Exceptions.
        except Exception as error:
            reason = str(getattr(error, "reason", error)).partition("\n")[0].rstrip(":")
            raise InputError(
                f"cannot fetch {archive.title} ({reason}): put {archive.url} in a folder and name "
                f"it by --data-dir or {DATA_VARIABLE}"
            ) from None
        failure = _removed_if_bad(fetched, archive)
        if failure is not None:
            raise failure
        kept.parent.mkdir(exist_ok=True)
        with atomic_path(kept) as temporary:
            shutil.copyfile(fetched, temporary)
        return kept


def _removed_if_bad(path: Path, archive: Archive) -> InputError | None:
    """Remove a bad tarball of the cache, and return the reason; None for a good one."""
    try:
        verified_content(path, archive)
    except InputError as error:
        path.unlink()
        return error
    return None
