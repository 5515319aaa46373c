"""MiraBest (Porter & Scaife 2023): 1256 FIRST images of Miraghaei & Best's radio galaxies."""

import re
from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds

from keras_astroattn.errors import InputError

from .archives import UPSTREAM, Archive, Batch
from .builders import ArchiveBuilder, ArchiveConfig, source_features
from .classes import SOURCE_CLASSES

FULL, VERSION_F = (
    Archive(
        title=title,
        url=f"{UPSTREAM}MiraBest/{path}.tar.gz",
        md5=md5,
        subfolder="mirabest",
        member_folder=member_folder,
        training_batches=7,
        classes=len(SOURCE_CLASSES),
    )
    for title, path, md5, member_folder in (
        (
            "MiraBest",
            "full_dataset/MiraBest_full_batches",
            "965b5daa83b9d8622bb407d718eecb51",
            "batches",
        ),
        (
            "MiraBest (version F)",
            "MiraBest_F/MiraBest_F_batches",
            "7d4e3a623d29db7204bce81676ee8ce2",
            "F_batches",
        ),
    )
)

_NUMBER = r"\d+(?:\.\d+)?"
_NAME = re.compile(
    rf"(?P<code>\d{{3}})_(?P<ra>{_NUMBER})(?P<dec>[+-]{_NUMBER})"
    rf"_(?P<redshift>-?{_NUMBER})_(?P<angular_size>{_NUMBER})"
)


def describe_source(name: str, class_index: int) -> dict[str, Any]:
    """Return the features of a source from its name and class.

    Args:
        name: `<class>_<RA><Dec>_<redshift>_<angular size>`, for example
            `100_188.320+019.481_0.2282_0049.17`: degrees, degrees, none, arcsec.
        class_index: index into `SOURCE_CLASSES`.

    Returns:
        The features label, class_index, confident, morphology, name, ra, dec, redshift,
        angular_size.

    Raises:
        InputError: The name has another form, or belongs to another class.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{name!r} is not the name of a MiraBest source (class_RADec_z_size)")
    source_class = SOURCE_CLASSES[class_index]
    if match["code"] != source_class.code:
        raise InputError(f"MiraBest's source {name!r} is labelled as class {source_class.code}")
    numbers = {key: float(match[key]) for key in ("ra", "dec", "redshift", "angular_size")}
    return {
        "label": source_class.label,
        "class_index": class_index,
        "confident": source_class.confident,
        "morphology": source_class.morphology,
        "name": name,
        **numbers,
    }


class MiraBest(ArchiveBuilder):
    """`tfds.builder("mirabest")`: 1099 training and 157 test sources, hybrids included.

    Configurations: `full` (default), the batches of Bowles et al. 2021, and `F`, the second
    version, with **another split**: 132 of the 157 test images of each are in the other's
    training set. Never train on one and test on the other.
    """

    name = "mirabest"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS's protocol)
        ArchiveConfig(name="full", archive=FULL, description="The batches of Bowles et al. 2021."),
        ArchiveConfig(name="F", archive=VERSION_F, description="Version F, with another split."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Radio galaxies of Miraghaei & Best 2017 on FIRST images, by FR class.",
            features=source_features(),
            homepage="https://doi.org/10.5281/zenodo.4288837",
            citation=(
                "Porter F. A. M., Scaife A. M. M., 2023, RAS Techniques and Instruments, 2, 293"
            ),
            disable_shuffling=True,
        )

    def describe(self, batch: Batch) -> Sequence[dict[str, Any]]:
        """Return the features of a batch's sources, from their names and labels."""
        return [
            describe_source(name, int(class_index))
            for name, class_index in zip(batch.names, batch.labels, strict=True)
        ]
