"""Simulated sources of surveys unlike FIRST, cut as a user's maps are, and classified.

A map depends on the beam only through the size in beams, the pixels per beam and the density of
neighbours. So all maps are drawn with FIRST's beam, and with neighbours of many densities.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_astroattn.datasets.simulation import (
    NOISE,
    Components,
    SourceModel,
    draw_source,
    generator,
    log_uniform,
    observe,
    point_source,
    render,
    scaled_flux,
    scaled_size,
)
from keras_astroattn.datasets.simulation.source import gaussians
from keras_astroattn.edge import LabelRules
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.images import BEAM, Cutout, cutout_from_field, to_network_units

LEAST_SIZE = 2.0
"""Size of the certain part of a source below which no class is given, beams.

Below, a label is the share of FRI in the training, or what a network learned of the simulation; and
a point source that is linked to a neighbour looks large, but its certain part is small.
"""

POINT = -1
"""Label of a point source."""

SIZES = (1.0, 40.0)
"""Least and largest angular size of a galaxy, beams; drawn uniformly in the logarithm."""

RATIOS = (6.0, 1000.0)
"""Least and largest peak over noise, drawn uniformly in the logarithm."""

DENSITIES = (0.5, 75.0)
"""Least and largest mean number of neighbours above 5 sigma in a frame, uniform in the logarithm:
0.5 in FIRST, 20 in NVSS."""

POINTS_PER_GALAXY = 3.0
"""Point sources for each galaxy of over one beam in a survey: three of four sources of a steep law
N(> size) ~ 1 / size from 0.25 to 40 beams are smaller than a beam."""

POSITION_ERROR = 1.0
"""Error (rms) of the position along each axis, pixels of the frame."""

FIELD = 100.0
"""Width of the map on which the noise of a frame is measured, beams: 300 pixels of a third."""

_LABELS = (0, 1, POINT)  # of sources 0, 1, 2, and so on
_PIXELS_PER_BEAM = (2.5, 3.0, 3.0, 4.0)
_FRAME = 50.0  # beams: 150 pixels of a third of a beam
_FAINTEST, _BRIGHTEST, _COUNT_SLOPE = 2.0, 300.0, 1.1  # sigma; N(> S) ~ S^-1.1
_PURPOSE = 7  # of `generator`, as in `simulation.many_beams`, whose data sets have another seed


@dataclass(frozen=True, eq=False)
class Population:
    """Sources whose certain part has at least `LEAST_SIZE`, simulated or degraded; length n.

    Attributes:
        pixels: (n, 150, 150) uint8, images for the network.
        alone: (n, 150, 150) uint8, images for a network that sees the source alone.
        label: 0 FRI, 1 FRII, `POINT`.
        true_size: angular size, beams; 0 for a point source; None for degraded copies.
        size: measured size of the certain part (`Cutout.certain_size`), beams.
        ratio: measured peak over noise.
        neighbours: number of other islands in the frame; None for degraded copies, which stand for
            any number.
    """

    pixels: np.ndarray
    alone: np.ndarray
    label: np.ndarray
    true_size: np.ndarray | None
    size: np.ndarray
    ratio: np.ndarray
    neighbours: np.ndarray | None

    def __len__(self) -> int:
        return len(self.label)

    def images(self, batch: int, source_alone: bool) -> Iterator[np.ndarray]:
        """Yield inputs of a network, (batch, 150, 150, 1) float32; the last may be smaller.

        Args:
            batch: number of images in a batch.
            source_alone: whether the network sees the source alone.
        """
        pixels = self.alone if source_alone else self.pixels
        for start in range(0, len(self), batch):
            yield to_network_units(pixels[start : start + batch])[..., np.newaxis]

    def selections(self) -> dict[str, np.ndarray]:
        """Return the (n,) weights of the sources in surveys of three selections.

        Degraded copies are one selection, with equal weights. Of simulated sources, galaxies of
        every size are equally common in the first selection. In the second their number falls as
        N(> size) ~ 1 / size. The third has `POINTS_PER_GALAXY` point sources for each of these.
        """
        if self.true_size is None:
            return {"degraded images of MiraBest": np.ones(len(self))}
        is_galaxy = self.label != POINT
        steep = np.where(is_galaxy, 1 / np.maximum(self.true_size, SIZES[0]), 0.0)
        low, high = SIZES
        mean = (1 / low - 1 / high) / math.log(high / low)  # of 1 / size, of all drawn galaxies
        points_per_galaxy = _LABELS.count(POINT) / (len(_LABELS) - _LABELS.count(POINT))
        of_point = POINTS_PER_GALAXY * mean / points_per_galaxy
        return {
            "galaxies of all sizes equally common": is_galaxy.astype(float),
            "galaxies whose number falls as 1 / size": steep,
            f"the latter and {POINTS_PER_GALAXY:g} point sources for each": np.where(
                is_galaxy, steep, of_point
            ),
        }


def simulate_population(
    count: int, seed: int, report_progress: Callable[[int], object] = lambda done: None
) -> Population:
    """Simulate as many FRI, FRII and points, and keep those of at least `LEAST_SIZE`.

    Sources that get a label before the network are left out.

    Args:
        count: number of simulated sources, at least 3.
        seed: seed of everything; source i does not depend on `count`.
        report_progress: called with the number of finished sources.

    Raises:
        InputError: No source is kept.
    """
    rules = LabelRules()
    kept = []
    for index in range(count):
        model, cutout = simulated_cutout(seed, index)
        if may_have_class(cutout, rules):
            kept.append(_row(model, cutout))
        report_progress(index + 1)
    if not kept:
        raise InputError(f"none of {count} simulated sources is large enough: simulate more")
    return Population(*map(np.array, zip(*kept, strict=True)))


def may_have_class(cutout: Cutout, rules: LabelRules) -> bool:
    """Return whether the network classifies a source whose certain part is large enough."""
    return rules.before_network(cutout) is None and cutout.certain_size_in_beams >= LEAST_SIZE


def _row(model: SourceModel, cutout: Cutout) -> tuple:
    true_size = 0.0 if model.label == POINT else model.angular_size / BEAM
    return (
        *(cutout.pixels, cutout.source_alone().pixels, model.label, true_size),
        *(cutout.certain_size_in_beams, cutout.contrast, cutout.neighbours),
    )


def simulated_cutout(seed: int, index: int) -> tuple[SourceModel, Cutout]:
    """Return source `index` of a survey of some density of neighbours, and its cutout.

    Args:
        seed: seed of the set.
        index: number of the source, as in `simulated_map`.
    """
    model, field, scale, centre = simulated_map(seed, index)
    return model, cutout_from_field(field, scale, BEAM, centre=centre, recentre=True)


def simulated_map(
    seed: int, index: int, width: float = FIELD
) -> tuple[SourceModel, np.ndarray, float, tuple[float, float]]:
    """Return source `index` of a survey of some density of neighbours, and its map.

    Args:
        seed: seed of the set.
        index: number of the source; the remainder by 3 is 0 for an FRI, 1 for an FRII, 2 for
            a point source.
        width: height and width of the map, beams.

    Returns:
        The source, its map in Jy/beam, the pixel scale in arcsec, and (x, y) of the position.
    """
    rng = generator(seed, index, _PURPOSE)
    size, ratio, density = (log_uniform(rng, *limits) for limits in (SIZES, RATIOS, DENSITIES))
    scale = BEAM / _PIXELS_PER_BEAM[rng.integers(len(_PIXELS_PER_BEAM))]
    model = _source(seed, index, size)
    model = scaled_flux(model, ratio * NOISE / float(render(model).max()))
    model = replace(model, neighbours=draw_neighbours(rng, density, width))
    pixels = math.ceil(width * BEAM / scale)
    middle = (pixels - 1) / 2
    field = observe(model, rng, (pixels, pixels), scale, centre=(middle, middle))
    error = rng.normal(0, POSITION_ERROR, 2) * BEAM / 3 / scale
    return model, field, scale, (middle + error[0], middle + error[1])


def _source(seed: int, index: int, size: float) -> SourceModel:
    label = _LABELS[index % len(_LABELS)]
    if label == POINT:
        return point_source(1.0)
    return scaled_size(draw_source(seed, index, label), size * BEAM)


def draw_neighbours(rng: np.random.Generator, density: float, width: float = FIELD) -> Components:
    """Draw unrelated point sources.

    Args:
        rng: random generator.
        density: mean number above 5 sigma in a frame, 50 beams wide.
        width: height and width of the map, beams.
    """
    frames = (width / _FRAME) ** 2
    count = rng.poisson(frames * density * (5 / _FAINTEST) ** _COUNT_SLOPE)
    ratio = np.minimum(_FAINTEST * (1 - rng.random(count)) ** (-1 / _COUNT_SLOPE), _BRIGHTEST)
    half = width * BEAM / 2
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
