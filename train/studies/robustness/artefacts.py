"""Fields without a resolved radio galaxy: empty sky, and imaging artefacts.

Each function returns a (300, 300) field in Jy/beam, with the pixels and the noise of FIRST.
"""

from collections.abc import Callable

import numpy as np

from keras_astroattn.datasets.simulation import draw_noise
from keras_astroattn.datasets.simulation.telescope import NOISE
from keras_astroattn.images import BEAM, PIXEL_SCALE

SIZE = 300
_ROW, _COLUMN = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
_RADIUS = np.hypot(_ROW, _COLUMN)
_SIGMA = BEAM / PIXEL_SCALE / np.sqrt(8 * np.log(2))
_POINT = np.exp(-(_RADIUS**2) / (2 * _SIGMA**2))
_BRIGHT = 1.0  # Jy/beam: 7000 times the noise, as 3C sources are


def blank(rng: np.random.Generator) -> np.ndarray:
    """Return noise alone."""
    return draw_noise(rng, (SIZE, SIZE), NOISE)


def stripes(rng: np.random.Generator) -> np.ndarray:
    """Return a ripple over the whole field, three times the noise, as of one bad baseline."""
    angle, wavelength = rng.uniform(0, np.pi), rng.uniform(12, 60)
    across = _ROW * np.sin(angle) + _COLUMN * np.cos(angle)
    return blank(rng) + 3 * NOISE * np.cos(2 * np.pi * across / wavelength)


def hot_pixels(rng: np.random.Generator) -> np.ndarray:
    """Return forty single pixels at random places, 300 times the noise."""
    field = blank(rng)
    field[tuple(rng.integers(0, SIZE, (2, 40)))] += 300 * NOISE
    return field


def spokes(share: float) -> Callable[[np.random.Generator], np.ndarray]:
    """Return a bright point with the six arms of a VLA snapshot, `share` times as bright."""

    def field(rng: np.random.Generator) -> np.ndarray:
        rotation, wavelength = rng.uniform(0, np.pi), rng.uniform(20, 50)
        bearing = np.arctan2(_ROW, _COLUMN)
        across = [_RADIUS * np.sin(bearing - rotation - k * np.pi / 3) for k in range(3)]
        arms = sum(np.exp(-(distance**2) / (2 * 2**2)) for distance in across)
        fading = np.cos(2 * np.pi * _RADIUS / wavelength) / (1 + _RADIUS / 20)
        return blank(rng) + _BRIGHT * (_POINT + share * arms * fading)

    return field


def rings(share: float) -> Callable[[np.random.Generator], np.ndarray]:
    """Return a bright point with rings around it, `share` times as bright."""

    def field(rng: np.random.Generator) -> np.ndarray:
        wavelength = rng.uniform(12, 40)
        fading = np.cos(2 * np.pi * _RADIUS / wavelength) / (1 + _RADIUS / 15)
        return blank(rng) + _BRIGHT * (_POINT + share * fading)

    return field


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "blank sky": blank,
    "stripes": stripes,
    "hot pixels": hot_pixels,
    "six arms, 0.3 % of the peak": spokes(0.003),
    "six arms, 1 %": spokes(0.01),
    "six arms, 3 %": spokes(0.03),
    "rings, 0.3 %": rings(0.003),
    "rings, 1 %": rings(0.01),
}
"""Kinds of fields, by their name in the tables."""
