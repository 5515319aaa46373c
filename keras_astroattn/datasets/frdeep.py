"""FR-DEEP (Tang et al. 2019): 600 radio galaxies of FRICAT and CoNFIG, on FIRST and NVSS.

Some of its images should not be used for training (`FLAWED`). 70 of its sources are also in
MiraBest. Six of its test images, all FRI, are MiraBest training images
(`TEST_SOURCES_IN_MIRABEST`): exclude them when a network trained on MiraBest is tested.

Two more galaxies are in both catalogues and therefore twice in the training set, a few pixels
apart (cross-correlation 0.999 and 0.997 on FIRST): `151_FRICAT_FR1_example` and `15_example`
of data_batch_2, `154_FRICAT_FR1_example` and `44_example` of data_batch_6, all FRI. They are
kept, because neither is a test image.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from keras_astroattn.images import CLASS_NAMES

from .archives import UPSTREAM, Archive, Batch
from .builders import ArchiveBuilder, ArchiveConfig, source_features
from .classes import UNKNOWN_CLASS

FIRST, NVSS = (
    Archive(
        title=f"FR-DEEP ({survey})",
        url=f"{UPSTREAM}ascaife/{survey}_PNG_dataset.tar.gz",
        md5=md5,
        subfolder="frdeep",
        member_folder=f"{survey}_PNG_dataset",
        training_batches=11,
        classes=len(CLASS_NAMES),
    )
    for survey, md5 in (
        ("FIRST", "2f39461e6c62fb45289559915106013a"),
        ("NVSS", "2584ed1e174ea71f581d0e0d6f32ef38"),
    )
)

FLAWED = {
    FIRST: {
        ("data_batch_2", "163_FRICAT_FR1_example", 0): "leak: the galaxy of test image 30_example",
        ("data_batch_11", "13_FRICAT_FR1_example", 0): "blank",
        ("data_batch_10", "182_example", 1): "duplicate: the image of 134_example",
    },
    NVSS: {
        ("data_batch_10", "163_FRICAT_FR1_", 0): "duplicate: the image of 30_CoNFIG_FR1_",
    },
}
"""Flaws of images by (batch, name, label); names alone are not unique.

All of them are training images, so the test set keeps its 50 images without them.
"""

TEST_SOURCES_IN_MIRABEST = (
    "49_example",
    "53_FRICAT_FR1_example",
    "98_FRICAT_FR1_example",
    "171_FRICAT_FR1_example",
    "186_FRICAT_FR1_example",
    "213_FRICAT_FR1_example",
)
"""Test images of the FIRST set (all FRI) that MiraBest's `full` training set shows too."""


@dataclasses.dataclass(eq=False)
class FRDeepConfig(ArchiveConfig):
    """A configuration of FR-DEEP.

    Attributes:
        flawed: images to exclude, by (batch, name, label).
    """

    flawed: frozenset[tuple[str, str, int]] = frozenset()


class FRDeep(ArchiveBuilder):
    """`tfds.builder("frdeep")`: 550 training and 50 test sources, 264 FRI and 336 FRII.

    The configurations `first` (default) and `nvss` hold all published images; `first_clean` and
    `nvss_clean` exclude the flawed training images:

    - FIRST: `163_FRICAT_FR1_example` of data_batch_2 (the galaxy of `30_example` of the test
      batch: a leak), `13_FRICAT_FR1_example` of data_batch_11 (blank), `182_example` of
      data_batch_10 (the image of `134_example`);
    - NVSS: `163_FRICAT_FR1_` of data_batch_10 (the image of `30_CoNFIG_FR1_`).

    The files hold no coordinates, redshifts or sizes (NaN), and no uncertain labels.
    """

    name = "frdeep"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS's protocol)
        FRDeepConfig(
            name=name + suffix,
            archive=archive,
            flawed=frozenset(FLAWED[archive]) if suffix else frozenset(),
            description=f"{archive.title}, {'without flawed' if suffix else 'all'} images.",
        )
        for name, archive in (("first", FIRST), ("nvss", NVSS))
        for suffix in ("", "_clean")
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Radio galaxies of the FRICAT and CoNFIG catalogues, by FR class.",
            features=source_features(),
            homepage="https://github.com/HongmingTang060313/FR-DEEP",
            citation="Tang H., Scaife A. M. M., Leahy J. P., 2019, MNRAS, 488, 3358",
            disable_shuffling=True,
        )

    def describe(self, batch: Batch) -> Sequence[dict[str, Any]]:
        """Return the features of a batch's sources; the files state only label and name."""
        unknown = dict.fromkeys(("ra", "dec", "redshift", "angular_size"), np.nan)
        return [
            {
                "label": int(label),
                "class_index": UNKNOWN_CLASS,
                "confident": True,
                "morphology": "unknown",
                "name": name,
                **unknown,
            }
            for name, label in zip(batch.names, batch.labels, strict=True)
        ]

    def keeps(self, batch: Batch, row: int) -> bool:
        """Return whether the image is unflawed, or the configuration keeps flawed images."""
        key = (batch.name, batch.names[row], int(batch.labels[row]))
        return key not in self.builder_config.flawed
