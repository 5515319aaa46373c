"""Copies of real sources as wider beams and noisier maps show them."""

import dataclasses
import math

import numpy as np

from keras_astroattn.datasets import Sources, join
from keras_astroattn.datasets.simulation import draw_noise
from keras_astroattn.datasets.simulation.many_beams import SOFT_BELOW
from keras_astroattn.images import (
    BEAM,
    FIELD_SIZE,
    IMAGE_SIZE,
    PIXEL_SCALE,
    Beam,
    Cutout,
    cutout_from_field,
    measure_noise,
)
from keras_astroattn.images.preprocessing import MASK_SIGMA
from keras_astroattn.images.resampling import smooth

BEAMS = (BEAM, 45.0)
"""Narrowest and widest beam, arcsec; uniform in the logarithm."""

SMALLEST = 1.0
"""Least measured size of a copy, beams: smaller sources are never given a class."""

FAINTEST = 8.0
"""Least peak over noise of a copy."""

_NOISIER = 0.75  # share of the copies with added noise
_TRIES = 6
_MARGIN = (FIELD_SIZE - IMAGE_SIZE) // 2


def smoothed(field: np.ndarray, beam: float) -> np.ndarray:
    """Smooth a FIRST field (Jy/beam) to a beam of `beam` arcsec."""
    if beam <= BEAM:
        return field
    covariance = (Beam.of(beam).covariance - Beam.of(BEAM).covariance) / PIXEL_SCALE**2
    return smooth(field, covariance) * np.float32((beam / BEAM) ** 2)


def with_noise(
    field: np.ndarray, ratio: float, rng: np.random.Generator, beam: float = BEAM
) -> np.ndarray | None:
    """Add noise until the peak is `ratio` times the noise; None if the field is noisier."""
    noise, peak = measure_noise(field), float(np.nanmax(field[75:225, 75:225]))
    wanted = peak / ratio
    if wanted <= noise:
        return None
    more = float(np.sqrt(wanted**2 - noise**2))
    return field + draw_noise(rng, field.shape, more, beam=beam)


def with_copies(sources: Sources, copies: int, seed: int) -> Sources:
    """Add degraded copies of each source.

    A copy has a wider beam and, for three of four copies, more noise. It is shown as `read_fits`
    shows a map: with three pixels a beam, recentred on the source. Its label counts as uncertain
    if the source measures less than `SOFT_BELOW` beams.

    Args:
        sources: sources with the images of FIRST.
        copies: number of copies of each source.
        seed: seed of beams and noise; a copy depends on its source's name, not on the others.

    Returns:
        The sources, followed by their copies.
    """
    parts = [sources]
    for copy in range(copies):
        images, confident = sources.image.copy(), sources.confident.copy()
        for row, image in enumerate(sources.image):
            rng = np.random.default_rng([seed, copy, *str(sources.name[row]).encode()])
            found = degraded_cutout(image, rng)
            if found is not None:
                images[row] = found.pixels
                confident[row] &= found.size_in_beams >= SOFT_BELOW
        parts.append(dataclasses.replace(sources, image=images, confident=confident))
    return join(parts)


def degraded_cutout(image: np.ndarray, rng: np.random.Generator) -> Cutout | None:
    """Return a copy of an image with a wider beam and, for most copies, more noise.

    Args:
        image: uint8 (150, 150), an image of FIRST.
        rng: random generator of beam and noise.

    Returns:
        The copy, recentred on the source; None if the source is too small or faint for one.
    """
    if not image.any():
        return None
    field = _field(image, rng)
    beam = math.exp(rng.uniform(*np.log(BEAMS)))
    for _ in range(_TRIES):
        seen = smoothed(field, beam)
        cutout = cutout_from_field(seen, PIXEL_SCALE, beam, recentre=True)
        if rng.random() < _NOISIER and cutout.peak_snr > FAINTEST:
            ratio = math.exp(rng.uniform(math.log(FAINTEST), math.log(cutout.peak_snr)))
            noisy = with_noise(seen, ratio, rng, beam)
            if noisy is not None:
                cutout = cutout_from_field(noisy, PIXEL_SCALE, beam, recentre=True)
        if cutout.size_in_beams >= SMALLEST:  # NaN without a source
            return cutout
        beam = math.sqrt(beam * BEAM)
    return None


def _field(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a field, in units of the noise, that an image may have been made from.

    The faintest pixel of an image is at 3 sigma, where the noise was clipped. The clipped sky is
    filled with noise.
    """
    field = draw_noise(rng, (FIELD_SIZE, FIELD_SIZE), 1.0)
    middle = field[_MARGIN : _MARGIN + IMAGE_SIZE, _MARGIN : _MARGIN + IMAGE_SIZE]
    lit = image > 0
    scale = np.float32(MASK_SIGMA / image[lit].min())
    middle[lit] = image[lit] * scale
    return field
