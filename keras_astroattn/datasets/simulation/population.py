"""Images of simulated radio galaxies, prepared as MiraBest's; no TensorFlow.

`radio_galaxies` draws the sources, `telescope` observes them as FIRST does, and MiraBest's recipe
makes the images. Everything is a pure function of (seed, index): source i of a seed does not
depend on the other sources drawn.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import IMAGE_SIZE, preprocess

from ..classes import LabelledImages
from .many_beams import observe_with_any_beam
from .radio_galaxies import draw_source, generator, point_source
from .source import SourceModel
from .telescope import NOISE, NOISE_SCATTER, observe

Observation = Literal["first", "many-beams"]
"""How sources are observed: as FIRST does, or with beams of any width (`many_beams`)."""

OBSERVATIONS: tuple[Observation, ...] = ("first", "many-beams")


@dataclass(frozen=True)
class Simulation(LabelledImages):
    """Simulated images and their true properties; arrays of length n.

    Attributes:
        image: uint8 (n, 150, 150), prepared by MiraBest's recipe.
        label: int64, 0 FRI, 1 FRII, 2 hybrid.
        class_index: int64, index of MiraBest's ten classes.
        confident: bool, whether the label is certain.
        morphology: str, morphology within the class.
        name: str, `simulated-<seed>-<index>`.
        ra: float64, right ascension, degrees.
        dec: float64, declination, degrees.
        redshift: float64, redshift of the host galaxy.
        angular_size: float64, arcsec.
        index: int64, index of the source in its seed.
    """

    index: np.ndarray


def simulate_field(model: SourceModel, seed: int, index: int) -> np.ndarray:
    """Return the raw field of a source as FIRST would observe it.

    Args:
        model: the source, for example `draw_source(seed, index)`.
        seed: seed of the noise, 0 or more.
        index: index of the field in the seed, 0 or more.

    Returns:
        float32 (300, 300), Jy/beam.
    """
    rng = generator(seed, index, 1)
    noise = NOISE * math.exp(NOISE_SCATTER * rng.standard_normal())
    return observe(model, rng, noise=noise)


def simulate_point_sources(signal_to_noise: np.ndarray, seed: int) -> np.ndarray:
    """Return images of unresolved sources with given signal-to-noise ratios.

    Args:
        signal_to_noise: (n,) peak over thermal noise of each source.
        seed: seed of the noise; source i does not depend on n.

    Returns:
        uint8 (n, 150, 150), prepared by MiraBest's recipe.
    """
    images = np.zeros((len(signal_to_noise), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    for index, ratio in enumerate(signal_to_noise):
        field = observe(point_source(float(ratio) * NOISE), generator(seed, index, 1))
        images[index] = preprocess(field)
    return images


def simulate(
    n: int,
    seed: int,
    start: int = 0,
    label: int | None = None,
    observation: Observation = "first",
) -> Simulation:
    """Simulate n sources: images prepared as MiraBest's, and their true properties.

    Args:
        n: number of sources.
        seed: seed, 0 or more.
        start: index of the first source, so that a set can be made in parts.
        label: 0 FRI, 1 FRII, 2 hybrid for all; None draws FRI and FRII as in MiraBest.
        observation: `"first"`: as FIRST observes them; `"many-beams"`: with beams of any width.
            Then `angular_size` is that with a beam of 5.4 arcsec, and sources whose measured
            size is below four beams are not `confident`.

    Returns:
        The sources. Source `start + i` does not depend on `n` or `start`.

    Raises:
        InputError: `n`, `seed` or `start` is negative, or the label or observation is not one of
            these.

    Example:
        >>> sources = simulate(2, seed=1, label=1)
        >>> sources.image.shape, sources.label.tolist()
        ((2, 150, 150), [1, 1])
    """
    if n < 0:
        raise InputError(f"simulated sources: cannot make {n} of them; give 0 or more")
    if observation not in OBSERVATIONS:
        raise InputError(
            f"simulated sources: observation {observation!r} is none of {', '.join(OBSERVATIONS)}"
        )
    images = np.zeros((n, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    models, places, confident = [], np.zeros((n, 2)), np.zeros(n, bool)
    for i in range(n):
        index = start + i
        if observation == "first":
            model = draw_source(seed, index, label)
            images[i] = preprocess(simulate_field(model, seed, index))
            confident[i] = model.confident
        else:
            found = observe_with_any_beam(seed, index, label)
            model, images[i], confident[i] = found.model, found.cutout.pixels, found.confident
        models.append(model)
        places[i] = _draw_place(generator(seed, index, 2))
    return Simulation(
        image=images,
        label=np.array([m.label for m in models], np.int64),
        class_index=np.array([m.class_index for m in models], np.int64),
        confident=confident,
        morphology=np.array([m.morphology for m in models], dtype=str),
        name=np.array([f"simulated-{seed}-{start + i:05d}" for i in range(n)], dtype=str),
        ra=places[:, 0],
        dec=places[:, 1],
        redshift=np.array([m.redshift for m in models], np.float64),
        angular_size=np.array([m.angular_size for m in models], np.float64),
        index=np.arange(start, start + n, dtype=np.int64),
    )


def _draw_place(rng: np.random.Generator) -> tuple[float, float]:
    """Return RA and Dec in degrees, uniform over most of FIRST's northern area."""
    low, high = math.sin(math.radians(-5)), math.sin(math.radians(57))
    return rng.uniform(115, 255), math.degrees(math.asin(rng.uniform(low, high)))
