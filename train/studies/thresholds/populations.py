"""Simulated sources of surveys unlike FIRST, cut as a user's maps are, and classified.

A map depends on the beam only through the size in beams, the pixels per beam and the density of
neighbours. So all maps are drawn with FIRST's beam, and with the neighbours of the drawn one.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_astroattn.datasets.simulation import (
    Components,
    draw_source,
    generator,
    log_uniform,
    observe,
    render,
    scaled_flux,
    scaled_size,
)
from keras_astroattn.datasets.simulation.source import gaussians
from keras_astroattn.datasets.simulation.telescope import NOISE
from keras_astroattn.edge import LabelRules
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.images import BEAM, Cutout, cutout_from_field, to_network_units

SIZES = (1.2, 40.0)
"""Least and largest angular size, beams; drawn uniformly in the logarithm."""

RATIOS = (6.0, 1000.0)
"""Least and largest peak over noise, drawn uniformly in the logarithm."""

BEAMS = (5.0, 45.0)
"""Least and largest beam, arcsec, drawn uniformly in the logarithm."""

POSITION_ERROR = 1.0
"""Error (rms) of the position along each axis, pixels of the frame."""

_PIXELS_PER_BEAM = (2.5, 3.0, 3.0, 4.0)
_FIELD = 100.0  # beams: the noise is measured on 300 pixels of a third of a beam
# Neighbours above 5 sigma in a frame: 0.5 at the beam of FIRST, 20 at that of NVSS.
_NEIGHBOURS, _NEIGHBOUR_SLOPE = 0.5, math.log(40) / math.log(45 / 5.4)
_FAINTEST, _BRIGHTEST, _COUNT_SLOPE = 2.0, 300.0, 1.1  # sigma; N(> S) ~ S^-1.1
_PURPOSE = 7  # of `generator`, as in `simulation.many_beams`, whose data sets have another seed


@dataclass(frozen=True, eq=False)
class Population:
    """Simulated sources of at least one beam that the rules leave to the network; length n.

    Attributes:
        pixels: (n, 150, 150) uint8, images for the network.
        alone: (n, 150, 150) uint8, images for a network that sees the source alone.
        is_frii: bool, true class.
        size: measured largest angular size, beams.
        ratio: measured peak over noise.
        beam: beam of the survey, arcsec.
    """

    pixels: np.ndarray
    alone: np.ndarray
    is_frii: np.ndarray
    size: np.ndarray
    ratio: np.ndarray
    beam: np.ndarray

    def __len__(self) -> int:
        return len(self.is_frii)

    def images(self, batch: int, source_alone: bool) -> Iterator[np.ndarray]:
        """Yield inputs of a network, (batch, 150, 150, 1) float32; the last may be smaller.

        Args:
            batch: number of images in a batch.
            source_alone: whether the network sees the source alone.
        """
        pixels = self.alone if source_alone else self.pixels
        for start in range(0, len(self), batch):
            yield to_network_units(pixels[start : start + batch])[..., np.newaxis]


def simulate_population(
    count: int, seed: int, report_progress: Callable[[int], object] = lambda done: None
) -> Population:
    """Simulate sources, half FRI and half FRII, and keep those that the network classifies.

    Args:
        count: number of simulated sources.
        seed: seed of everything; source i does not depend on `count`.
        report_progress: called with the number of finished sources.
    """
    rules = LabelRules()
    kept = []
    for index in range(count):
        cutout, beam = simulated_cutout(seed, index)
        if rules.before_network(cutout) is None:
            images = cutout.pixels, cutout.source_alone().pixels
            kept.append((*images, index % 2, cutout.size_in_beams, cutout.contrast, beam))
        report_progress(index + 1)
    pixels, alone, is_frii, size, ratio, beam = zip(*kept, strict=True)
    return Population(
        np.stack(pixels),
        np.stack(alone),
        np.array(is_frii, bool),
        *map(np.array, (size, ratio, beam)),
    )


def simulated_cutout(seed: int, index: int) -> tuple[Cutout, float]:
    """Return source `index`, FRI if even and FRII if odd, and the beam of its survey, arcsec.

    Args:
        seed: seed of the set.
        index: number of the source.
    """
    rng = generator(seed, index, _PURPOSE)
    size, ratio, beam = (log_uniform(rng, *limits) for limits in (SIZES, RATIOS, BEAMS))
    scale = BEAM / _PIXELS_PER_BEAM[rng.integers(len(_PIXELS_PER_BEAM))]
    model = scaled_size(draw_source(seed, index, index % 2), size * BEAM)
    model = scaled_flux(model, ratio * NOISE / float(render(model).max()))
    model = replace(model, neighbours=draw_neighbours(rng, beam))
    width = math.ceil(_FIELD * BEAM / scale)
    middle = (width - 1) / 2
    field = observe(model, rng, (width, width), scale, centre=(middle, middle))
    error = rng.normal(0, POSITION_ERROR, 2) * BEAM / 3 / scale
    centre = (middle + error[0], middle + error[1])
    return cutout_from_field(field, scale, BEAM, centre=centre, recentre=True), beam


def draw_neighbours(rng: np.random.Generator, beam: float) -> Components:
    """Draw unrelated point sources at the density of a survey.

    Args:
        rng: random generator.
        beam: beam of the survey, arcsec.
    """
    in_frame = _NEIGHBOURS * (beam / BEAM) ** _NEIGHBOUR_SLOPE
    count = rng.poisson(4 * in_frame * (5 / _FAINTEST) ** _COUNT_SLOPE)  # field: four frames
    ratio = np.minimum(_FAINTEST * (1 - rng.random(count)) ** (-1 / _COUNT_SLOPE), _BRIGHTEST)
    half = _FIELD * BEAM / 2
    east, north = rng.uniform(-half, half, (2, count))
    return gaussians("neighbour", 0, ratio * NOISE, east, north, np.zeros(count))


def write_population(path: Path, population: Population) -> None:
    """Write a population to a compressed file of numpy."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(population))


def read_population(path: Path) -> Population:
    """Read a file of `write_population`.

    Raises:
        InputError: The file cannot be read, or is none of `write_population`.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return Population(**arrays)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise InputError(
            f"{path} holds no simulated sources of this version: name another file"
        ) from None
