"""Simulated sources that are no radio galaxies: rings, shells and smooth ellipses."""

import math
from dataclasses import dataclass, replace

import numpy as np

from keras_astroattn.datasets.simulation import (
    NOISE,
    draw_noise,
    generator,
    log_uniform,
    point_source,
    render,
)
from keras_astroattn.datasets.simulation.radio_galaxies import (
    NEIGHBOURS_PER_FIELD,
    draw_neighbours,
)
from keras_astroattn.images import BEAM, FIELD_SIZE, Cutout, cutout_from_field
from keras_astroattn.images.beam import PIXELS_PER_BEAM

SIZES = (2.0, 12.0)
"""Least and largest radius of a ring, or full width at half maximum of an ellipse, beams."""

RATIOS = (5.0, 300.0)
"""Least and largest peak over noise; drawn uniformly in the logarithm, as the sizes are."""

BEAMS = (5.4, 15.0, 45.0)
"""Beams, arcsec; the number of neighbours in a frame follows from them."""

RINGS = ("ring", "even ring", "shell")
"""Closed rings; a shell is a thick sphere in projection."""

DAMAGED_RINGS = (
    *("clumpy ring", "broken ring", "broken shell", "centre-filled ring", "centre-filled shell"),
)
"""Rings with clumps, with a gap of 30 to 150 degrees, or with a bright patch in the middle."""

ROUND_ELLIPSES = ("round Gaussian", "round exponential", "round disc")
"""Ellipses with an axis ratio of 1 to 1.5."""

LONG_ELLIPSES = ("Gaussian", "exponential", "disc")
"""Ellipses with an axis ratio of 1 to 3."""

KINDS = (*RINGS, *DAMAGED_RINGS, *ROUND_ELLIPSES, *LONG_ELLIPSES)

_PURPOSE = 17  # of `generator`


@dataclass(frozen=True, eq=False)
class Shape:
    """A simulated source that is no radio galaxy, in the frame that the network sees.

    Attributes:
        kind: one of `KINDS`.
        ratio: peak over noise on the map, before the noise.
        cutout: the frame, recentred on the source.
    """

    kind: str
    ratio: float
    cutout: Cutout


def observe_shape(kind: str, seed: int, index: int) -> Shape:
    """Return source `index` of a kind among unrelated point sources; the three beams alternate."""
    rng = generator(seed + KINDS.index(kind), index, _PURPOSE)
    beam = BEAMS[index % len(BEAMS)]
    scale = beam / PIXELS_PER_BEAM
    image = _ellipse(rng, kind) if kind in (*ROUND_ELLIPSES, *LONG_ELLIPSES) else _ring(rng, kind)
    image = _smoothed(image, PIXELS_PER_BEAM)
    ratio = log_uniform(rng, *RATIOS)
    density = NEIGHBOURS_PER_FIELD * (beam / BEAM) ** 2
    neighbours = draw_neighbours(rng, density, FIELD_SIZE * scale)
    field = render(replace(point_source(0.0), neighbours=neighbours), image.shape, scale, beam)
    field = field + (ratio * NOISE / image.max() * image).astype(np.float32)
    field = field + draw_noise(rng, image.shape, NOISE, scale, beam)
    return Shape(kind, ratio, cutout_from_field(field, scale, beam, as_is=True, recentre=True))


def _ring(rng: np.random.Generator, kind: str) -> np.ndarray:
    radius = PIXELS_PER_BEAM * log_uniform(rng, *SIZES)
    x, y = _places(rng, rng.uniform(1, 1.3))
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    width = radius * rng.uniform(0.1, 0.6)
    if "shell" in kind:
        inner = radius * (1 - rng.uniform(0.1, 0.3))
        outer, hollow = (np.sqrt(np.maximum(a**2 - r**2, 0)) for a in (radius, inner))
        image = outer - hollow
    else:
        image = np.exp(-4 * math.log(2) * ((r - radius) / width) ** 2)
    once, twice = rng.uniform(0, 0 if kind == "even ring" else 0.3, 2)
    brightness = 1 + once * np.cos(angle - rng.uniform(0, 2 * math.pi))
    brightness += twice * np.cos(2 * (angle - rng.uniform(0, 2 * math.pi)))
    if "broken" in kind:
        gap, place = math.radians(rng.uniform(30, 150)), rng.uniform(0, 2 * math.pi)
        brightness[np.abs((angle - place + math.pi) % (2 * math.pi) - math.pi) < gap / 2] = 0
    if "clumpy" in kind:
        clumps = _smoothed(rng.standard_normal(r.shape), max(0.4 * radius, PIXELS_PER_BEAM))
        brightness *= np.exp(0.5 * clumps / clumps.std())
    image = image * brightness
    if "centre-filled" in kind:
        width, peak = radius * rng.uniform(0.2, 0.8), rng.uniform(0.3, 2)
        image = image / image.max() + peak * np.exp(-4 * math.log(2) * (r / width) ** 2)
    return image


def _ellipse(rng: np.random.Generator, kind: str) -> np.ndarray:
    width = PIXELS_PER_BEAM * log_uniform(rng, *SIZES)
    r = np.hypot(*_places(rng, rng.uniform(1, 1.5 if kind in ROUND_ELLIPSES else 3)))
    if "disc" in kind:
        return (r < width / 2).astype(float)
    if "exponential" in kind:
        return np.exp(-2 * math.log(2) * r / width)
    return np.exp(-4 * math.log(2) * (r / width) ** 2)


def _places(rng: np.random.Generator, axis_ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y, pixels, along the axes of an ellipse of any orientation, as on a circle."""
    row, column = np.indices((FIELD_SIZE, FIELD_SIZE)) - (FIELD_SIZE - 1) / 2
    right, down = rng.uniform(-0.5, 0.5, 2)
    angle = rng.uniform(0, math.pi)
    along = (column - right) * math.cos(angle) + (row - down) * math.sin(angle)
    across = (row - down) * math.cos(angle) - (column - right) * math.sin(angle)
    return along / math.sqrt(axis_ratio), across * math.sqrt(axis_ratio)


def _smoothed(image: np.ndarray, width: float) -> np.ndarray:
    """Convolve an image with a Gaussian of a full width at half maximum, pixels."""
    rows, columns = (np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None])
    sigma = width / math.sqrt(8 * math.log(2))
    kernel = np.exp(-2 * (math.pi * sigma) ** 2 * (rows**2 + columns**2))
    return np.fft.irfft2(np.fft.rfft2(image) * kernel, s=image.shape)
