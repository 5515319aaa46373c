"""Conventions about an image and its class that the whole project shares."""

import numpy as np

CLASS_NAMES = ("FRI", "FRII")
"""Names of the classes, in the order of the network's logits."""

IMAGE_SIZE = 150
"""Height and width of the network's input, pixels."""

FIELD_SIZE = 300
"""Height and width of the field on which the noise is measured, pixels (MiraBest's)."""

PIXEL_SCALE = 1.8
"""Pixel scale of the network's input, arcsec (FIRST's)."""

BEAM = 5.4
"""Full width at half maximum of the beam of the training images, arcsec (FIRST's)."""

BLACK = -1.0
"""The empty sky in network units."""


def to_network_units(pixels: np.ndarray) -> np.ndarray:
    """Scale uint8 pixels v of any shape to float32 in [-1, 1]: (v / 255 - 0.5) / 0.5."""
    return (pixels.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
