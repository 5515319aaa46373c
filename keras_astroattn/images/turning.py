"""An image turned by angles between quarter turns."""

import numpy as np

from .conventions import BLACK


def turn_angles(turns: int) -> tuple[float, ...]:
    """Degrees of so many turns, equally far apart, within a quarter turn: 4 are 0, 22.5, 45, 67.5.

    Quarter turns are nothing new to a network with the symmetry p4m.
    """
    return tuple(90.0 * k / turns for k in range(turns))


def turned(image: np.ndarray, angle: float, fill_value: float = BLACK) -> np.ndarray:
    """Turn an image about its centre, anticlockwise where rows go downwards, as `numpy.rot90`.

    What `layers.Turn` does, in Pillow: one bilinear resampling, what is turned out of the frame
    is lost.

    Args:
        image: (height, width) float32.
        angle: Degrees.
        fill_value: Of what comes from outside the image; by default black in network units.

    Returns:
        (height, width) float32.
    """
    from PIL import Image

    if angle == 0:
        return image
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32))
    return np.asarray(picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=fill_value))
