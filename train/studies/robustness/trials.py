"""Degraded FIRST fields and simulated sources, and their labels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_astroattn.datasets.simulation import SourceModel, draw_source, generator, observe
from keras_astroattn.datasets.simulation.radio_galaxies import (
    NEIGHBOURS_PER_FIELD,
    draw_neighbours,
)
from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import (
    BEAM,
    CLASS_NAMES,
    FIELD_SIZE,
    PIXEL_SCALE,
    Cutout,
    cutout_from_field,
)

BEAMS = (5.4, 6.0, 8.0, 10.0, 15.0, 25.0, 45.0)
"""Full widths at half maximum from FIRST's to NVSS's beam, arcsec."""

SEED = 20

_NEIGHBOURS = 8  # purpose of `generator`

Field = tuple[np.ndarray, int]
"""A map in Jy/beam, and its class."""


@dataclass(frozen=True)
class Trial:
    """One classified image.

    Attributes:
        truth: true class: 0 FRI, 1 FRII, -1 a point source.
        label: one of `edge.labels.LABELS`.
        network: class that the network predicts, before the label rules.
        size: largest angular size, in beams.
        ratio: signal-to-noise ratio of the peak.
    """

    truth: int
    label: str
    network: int
    size: float
    ratio: float

    @property
    def classified(self) -> bool:
        """Whether the label is a class."""
        return self.label in CLASS_NAMES

    @property
    def right(self) -> bool:
        """Whether the label is the true class."""
        return self.label == CLASS_NAMES[self.truth]


def classify(
    classifier: Classifier, cutout: Cutout, truth: int, ratio: float | None = None
) -> Trial:
    """Classify a cutout with the network alone, and with the label rules.

    Args:
        classifier: the model.
        cutout: the image.
        truth: true class, see `Trial`.
        ratio: signal-to-noise ratio; by default that of the cutout.

    Returns:
        The trial.
    """
    outputs = classifier.predict(classifier.network_input(cutout))
    found = classifier.describe(cutout, outputs)
    return Trial(
        truth,
        found.label,
        int(outputs["probabilities"][0].argmax()),
        cutout.size_in_beams,
        cutout.peak_snr if ratio is None else ratio,
    )


def first_fields(folder: Path) -> list[tuple[np.ndarray, int]]:
    """Return FIRST fields of FRI and FRII sources.

    Args:
        folder: folder of FITS files whose names begin with the class, as in MiraBest.

    Returns:
        (300, 300) maps in Jy/beam with their classes, 0 FRI or 1 FRII.

    Raises:
        InputError: There is none.
    """
    from astropy.io import fits

    classes = {"1": 0, "2": 1}
    paths = [path for path in sorted(folder.glob("*.fits")) if path.name[0] in classes]
    if not paths:
        raise InputError(f"{folder} holds no FIRST field whose name begins with its class")
    return [(np.squeeze(fits.getdata(path)), classes[path.name[0]]) for path in paths]


def drawn_for_field(index: int, scale: float) -> SourceModel:
    """Return a source with neighbours of FIRST's density on the sky in all of its field.

    Args:
        index: its number.
        scale: pixel scale of the field of 300 x 300 pixels, arcsec.
    """
    return among_neighbours(draw_source(SEED, index), SEED, index, scale)


def among_neighbours(source: SourceModel, seed: int, index: int, scale: float) -> SourceModel:
    """Replace the neighbours of a source by those of FIRST's density in all of a field.

    Args:
        source: the source.
        seed: seed of the set.
        index: its number.
        scale: pixel scale of the field of 300 x 300 pixels, arcsec.
    """
    wider = scale / PIXEL_SCALE
    neighbours = draw_neighbours(
        generator(seed, index, _NEIGHBOURS),
        NEIGHBOURS_PER_FIELD * wider**2,
        FIELD_SIZE * PIXEL_SCALE * wider,
    )
    return replace(source, neighbours=neighbours)


def simulated_trials(classifier: Classifier, count: int) -> dict[float, list[Trial]]:
    """Classify simulated sources observed with each of `BEAMS`, three pixels a beam."""
    found: dict[float, list[Trial]] = {}
    for beam in BEAMS:
        scale = beam * PIXEL_SCALE / BEAM
        for index in range(count):
            source = drawn_for_field(index, scale)
            field = observe(source, generator(SEED, index, 1), pixel_scale=scale, beam=beam)
            cutout = cutout_from_field(field, scale, beam)
            found.setdefault(beam, []).append(classify(classifier, cutout, source.label))
    return found
