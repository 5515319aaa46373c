"""Simulated radio galaxies as MiraBest shows real ones; no TensorFlow.

`radio_galaxies` draws them, `telescope` observes them as FIRST does, and MiraBest's own
preprocessing makes the images. Everything is a pure function of (seed, index): source i of
a seed is the same whatever other sources are drawn.
"""

import math
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import IMAGE_SIZE, preprocess

from .radio_galaxies import draw_source, generator, point_source
from .source import SourceModel
from .telescope import NOISE, NOISE_SCATTER, observe


@dataclass(frozen=True)
class Simulation:
    """Simulated images and what is true of them; arrays of length n.

    Attributes:
        image: uint8 (n, 150, 150), preprocessed as MiraBest's.
        label: int64, 0 FRI, 1 FRII, 2 hybrid.
        class_index: int64, MiraBest's ten-class label.
        confident: bool.
        morphology: str.
        name: str, `simulated-<seed>-<index>`.
        ra: float64, deg.
        dec: float64, deg.
        redshift: float64.
        angular_size: float64, arcsec.
        index: int64, the index of the source in its seed.
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
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.label)


def simulate_field(model: SourceModel, seed: int, index: int) -> np.ndarray:
    """Return the raw FIRST-like field of a source: float32 (300, 300), Jy/beam.

    Args:
        model: the source, such as `draw_source(seed, index)`.
        seed: of the noise, 0 or more.
        index: of the field among the seed's, 0 or more.
    """
    rng = generator(seed, index, 1)
    noise = NOISE * math.exp(NOISE_SCATTER * rng.standard_normal())
    return observe(model, rng, noise=noise)


def simulate_point_sources(signal_to_noise: np.ndarray, seed: int) -> np.ndarray:
    """Return images of unresolved sources of given peak over thermal noise.

    Args:
        signal_to_noise: (n,), one source each.
        seed: of the noise; source i is the same whatever n is.

    Returns:
        uint8 (n, 150, 150), preprocessed as MiraBest's.
    """
    images = np.zeros((len(signal_to_noise), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    for index, ratio in enumerate(signal_to_noise):
        field = observe(point_source(float(ratio) * NOISE), generator(seed, index, 1))
        images[index] = preprocess(field)
    return images


def simulate(n: int, seed: int, start: int = 0, label: int | None = None) -> Simulation:
    """Simulate n sources: images made as MiraBest's were, and what is true of them.

    Args:
        n: number of sources.
        seed: 0 or more.
        start: index of the first, so that a set can be made in parts.
        label: 0 FRI, 1 FRII, 2 hybrid for all; None draws FRI and FRII as in MiraBest.

    Returns:
        Source i of the result is the same whatever n and start + i's company are.

    Raises:
        InputError: If n, seed or start is negative, or the label is none of these.
    """
    if n < 0:
        raise InputError(f"simulated sources: cannot make {n} of them; give 0 or more")
    images = np.zeros((n, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    models, places = [], np.zeros((n, 2))
    for i in range(n):
        index = start + i
        model = draw_source(seed, index, label)
        images[i] = preprocess(simulate_field(model, seed, index))
        models.append(model)
        places[i] = _draw_place(generator(seed, index, 2))
    return Simulation(
        image=images,
        label=np.array([m.label for m in models], np.int64),
        class_index=np.array([m.class_index for m in models], np.int64),
        confident=np.array([m.confident for m in models], bool),
        morphology=np.array([m.morphology for m in models], dtype=str),
        name=np.array([f"simulated-{seed}-{start + i:05d}" for i in range(n)], dtype=str),
        ra=places[:, 0],
        dec=places[:, 1],
        redshift=np.array([m.redshift for m in models], np.float64),
        angular_size=np.array([m.angular_size for m in models], np.float64),
        index=np.arange(start, start + n, dtype=np.int64),
    )


def _draw_place(rng: np.random.Generator) -> tuple[float, float]:
    """Return RA, Dec (deg) uniform over most of FIRST's northern area."""
    low, high = math.sin(math.radians(-5)), math.sin(math.radians(57))
    return rng.uniform(115, 255), math.degrees(math.asin(rng.uniform(low, high)))
