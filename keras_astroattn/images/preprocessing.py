"""From a radio map in physical units to the 8-bit image that MiraBest is made of.

Porter & Scaife 2023 (MiraBest) and Tang et al. 2019 (FR-DEEP) share the recipe:
measure the noise by sigma clipping, blank what is not above 3 sigma, crop, stretch
linearly to 8 bits.
"""

import numpy as np

from .conventions import IMAGE_SIZE

NOISE_CLIP_SIGMA = 3.0
NOISE_CLIP_ITERATIONS = 5
MASK_SIGMA = 3.0


def measure_noise(field: np.ndarray) -> float:
    """Sigma-clipped standard deviation of a field (3 sigma, 5 iterations), in its units."""
    from astropy.stats import sigma_clipped_stats

    _, _, deviation = sigma_clipped_stats(
        field, sigma=NOISE_CLIP_SIGMA, maxiters=NOISE_CLIP_ITERATIONS
    )
    return float(deviation)


def mask_noise(field: np.ndarray, noise: float) -> np.ndarray:
    """A copy of `field` with every pixel <= 3 noise set to 0 (no background is added)."""
    return np.where(field <= MASK_SIGMA * noise, field.dtype.type(0), field)


def crop_centre(field: np.ndarray, size: int = IMAGE_SIZE) -> np.ndarray:
    """The central `size` x `size` pixels of a (height, width) field."""
    top, left = ((extent - size) // 2 for extent in field.shape)
    return field[top : top + size, left : left + size]


def scale_to_uint8(cutout: np.ndarray) -> np.ndarray:
    """(c - min) / (max - min) * 255, truncated to uint8; a constant cutout gives zeros."""
    low, high = cutout.min(), cutout.max()
    if not high > low:
        return np.zeros(cutout.shape, np.uint8)
    return ((cutout - low) / (high - low) * np.float32(255)).astype(np.uint8)


def preprocess(field: np.ndarray) -> np.ndarray:
    """MiraBest's recipe: a (height, width) field to a (150, 150) uint8 image."""
    return scale_to_uint8(crop_centre(mask_noise(field, measure_noise(field))))
