"""Labels, MiraBest's ten classes, and the columns that sources of every data set have."""

from dataclasses import dataclass

import numpy as np

from keras_astroattn.images import CLASS_NAMES

LABEL_NAMES = (*CLASS_NAMES, "hybrid")
"""Names of the labels: 0 FRI, 1 FRII, 2 hybrid (an FRI on one side, an FRII on the other)."""

HYBRID = LABEL_NAMES.index("hybrid")

UNKNOWN_CLASS = -1
"""`class_index` of a source that does not come from MiraBest."""


@dataclass(frozen=True)
class SourceClass:
    """One of MiraBest's ten classes (Porter & Scaife 2023).

    Attributes:
        code: first three digits of the name of every source of the class.
        label: index into `LABEL_NAMES`.
        confident: whether the label is certain.
        morphology: shape that distinguishes the class within its label; "standard" if nothing does.
    """

    code: str
    label: int
    confident: bool
    morphology: str


SOURCE_CLASSES = (
    SourceClass("100", 0, True, "standard"),
    SourceClass("102", 0, True, "wide-angle tail"),
    SourceClass("104", 0, True, "head-tail"),
    SourceClass("110", 0, False, "standard"),
    SourceClass("112", 0, False, "wide-angle tail"),
    SourceClass("200", 1, True, "standard"),
    SourceClass("201", 1, True, "double-double"),
    SourceClass("210", 1, False, "standard"),
    SourceClass("300", HYBRID, True, "standard"),
    SourceClass("310", HYBRID, False, "standard"),
)
"""The classes, in the order of the labels in MiraBest's batches (`class_index`)."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of radio sources with their labels; arrays of one length.

    A subclass adds columns, and documents all.
    """

    image: np.ndarray
    label: np.ndarray
    class_index: np.ndarray
    confident: np.ndarray
    morphology: np.ndarray
    name: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    redshift: np.ndarray
    angular_size: np.ndarray

    def __len__(self) -> int:
        return len(self.label)
