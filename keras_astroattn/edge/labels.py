"""Rules that turn a cutout and its probabilities into a label."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from keras_astroattn.images import CLASS_NAMES, Cutout, flags
from keras_astroattn.images.flags import (
    ARTEFACTS,
    NO_BEAM,
    NO_WCS,
    OFF_CENTRE,
    OFF_SOURCE,
    ONE_SIDED,
    OUTER_LOBES,
    ROUND,
)

from .thresholds import ClassThresholds

UNCERTAIN = "uncertain"
UNRESOLVED = "unresolved"
COMPACT = "compact"
BEYOND_FRAME = "beyond_frame"
INCOMPLETE = "incomplete"
NO_SOURCE = "no_source"
ERROR = "error"

DESCRIPTIONS = {
    CLASS_NAMES[0]: "edge-darkened radio galaxy",
    CLASS_NAMES[1]: "edge-brightened radio galaxy",
    UNCERTAIN: "neither class is sure enough, the beam or the pixel scale is unknown, the source "
    "is a ring or a round patch or does not reach its position, or artefacts, a neighbour or lobes "
    "beyond the frame may be part of it",
    UNRESOLVED: "the source is too small, faint or crowded for this network to tell the class",
    COMPACT: "the source is too small for the beam to show a class",
    BEYOND_FRAME: "the source reaches the edge of the frame; it is too large for the network",
    INCOMPLETE: "the source reaches unknown pixels (edge of the map, NaN, areas of one value)",
    NO_SOURCE: "nothing in the frame peaks above 5 sigma",
    ERROR: "the image was not classified; the column `error` says why",
}
"""Every label and its meaning, for tables, help texts and the documentation."""

LABELS = tuple(DESCRIPTIONS)
"""Values of the column `label`."""

COMPACT_BELOW_BEAMS = 1.0
"""A source smaller than this many beams is compact: point sources of any brightness measure
below 0.7, and 1.2 % of MiraBest's radio galaxies measure below 1."""

COMPACT_FROM_SHARE = 0.8
"""A source is also compact if its brightest island is compact and holds this share of its flux,
because islands near a point source are other sources by chance. This lowers the share of point
sources in FIRST's fields that the network classifies from 7.0 to 5.5 %, and excludes none of
MiraBest's radio galaxies."""

COMPACT_FROM_POINT = 0.85
"""A source is also compact if this share of its flux lies within a beam of its brightest pixel: the
rest can be sidelobes of a bright point source. No class of MiraBest's training images is lost, and
2 of 360 classes of FR-DEEP, one of them wrong."""

WITHOUT_CLASS = frozenset({ARTEFACTS, NO_BEAM, NO_WCS, OFF_SOURCE, ONE_SIDED, OUTER_LOBES, ROUND})
"""Flags of sources that get no class, whatever their probabilities. The network was trained on
sources at its own beam, whose width in pixels follows from the pixel scale. It gives arms of
artefacts around a point source the class FRI. The inner jets of a source do not show the class of
the whole. A point source with extended emission on one side is mostly one that is near another
galaxy. A source that does not hold its position may be one lobe of a galaxy, which looks like an
FRI. A ring or a smooth round patch is no radio galaxy of either class."""


@dataclass(frozen=True)
class LabelRules:
    """Thresholds of the labels, as stated in a model's metadata.

    Attributes:
        compact_below_beams: sources smaller than this number of beams are `compact`.
        uncertain_below: if the larger probability is below this value, the label is
            `uncertain`; None: never.
        thresholds: least probabilities by size, signal-to-noise ratio and neighbours, in addition
            to `uncertain_below`; None: none.
    """

    compact_below_beams: float = COMPACT_BELOW_BEAMS
    uncertain_below: float | None = None
    thresholds: ClassThresholds | None = None

    @classmethod
    def from_metadata(cls, values: Mapping | None) -> "LabelRules":
        """Return the rules of a model's metadata; missing values take the defaults.

        Args:
            values: entry `labels` of the metadata, or None.
        """
        values = values or {}
        uncertain, thresholds = values.get("uncertain_below"), values.get("thresholds")
        return cls(
            float(values.get("compact_below_beams", COMPACT_BELOW_BEAMS)),
            None if uncertain is None else float(uncertain),
            None if thresholds is None else ClassThresholds.from_metadata(thresholds),
        )

    def calibrated(self, uncertain_below: float | None) -> "LabelRules":
        """Return the rules for probabilities that were calibrated with labels of one survey.

        Sources whose class cannot be told stay `unresolved`. For all others the threshold of the
        calibration, which was measured on the survey, replaces the model's.

        Args:
            uncertain_below: threshold of the calibration, or None.
        """
        thresholds = self.thresholds and self.thresholds.without_probabilities()
        return replace(self, uncertain_below=uncertain_below, thresholds=thresholds)

    def before_network(self, cutout: Cutout) -> str | None:
        """Return the label of a cutout that the network does not classify, otherwise None."""
        if flags.INCOMPLETE in cutout.flags:
            return INCOMPLETE
        if flags.NO_SOURCE in cutout.flags:
            return NO_SOURCE
        if flags.BEYOND_FRAME in cutout.flags:
            return BEYOND_FRAME
        if not cutout.size_in_beams >= self.compact_below_beams:
            return COMPACT
        if cutout.point_share >= COMPACT_FROM_POINT:
            return COMPACT
        if (
            cutout.main_share >= COMPACT_FROM_SHARE
            and cutout.main_size_in_beams < self.compact_below_beams
        ):
            return COMPACT
        return None

    def after_network(self, probabilities: np.ndarray, cutout: Cutout) -> str:
        """Return the label of a source that the network classified.

        A source with one of the flags `WITHOUT_CLASS` gets no class.

        Args:
            probabilities: (classes,) probabilities.
            cutout: the source.

        Returns:
            A class, `uncertain` or `unresolved`.
        """
        if WITHOUT_CLASS.intersection(cutout.flags):
            return UNCERTAIN
        if self.thresholds is None:
            return self.of_probabilities(probabilities, flags=cutout.flags)
        cell = self.thresholds.of(cutout)
        if cell is None:
            return UNRESOLVED
        return self.of_probabilities(probabilities, cell, cutout.flags)

    def of_probabilities(
        self,
        probabilities: np.ndarray,
        least: Sequence[float] | None = None,
        flags: Collection[str] = (),
    ) -> str:
        """Return the class, or `uncertain`.

        A source with the flag `off_centre` is not called FRI, because the jets of an FRI begin at
        its core. The two lobes of an FRII whose core is too faint can each look like an FRI: they
        fade from the hot spot.

        Args:
            probabilities: (classes,) probabilities.
            least: least probability of each class, or None.
            flags: flags of the source.
        """
        best = int(np.argmax(probabilities))
        if best == 0 and OFF_CENTRE in flags:
            return UNCERTAIN
        least = (self.uncertain_below or 0.0, 0.0 if least is None else least[best])
        return UNCERTAIN if probabilities[best] < max(least) else CLASS_NAMES[best]


def entropy(probabilities: np.ndarray) -> float:
    """Return the entropy -sum p ln p of (classes,) probabilities, nats: 0 to ln 2 = 0.693.

    Args:
        probabilities: (classes,) class probabilities.
    """
    return float(-sum(p * math.log(p) for p in probabilities.astype(float).tolist() if p > 0))
