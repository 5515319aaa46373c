"""Rotated views of an image, for test-time augmentation."""

import numpy as np

from .conventions import BLACK


def tta_angles(views: int) -> tuple[float, ...]:
    """Return the rotation angles of test-time augmentation.

    The angles are equally far apart within a quarter of a rotation. (The p4m network gives the
    same logits for an image rotated by 90 degrees.)

    Args:
        views: number of views, at least 1.

    Returns:
        `views` angles, degrees; for 4 views 0, 22.5, 45 and 67.5.
    """
    return tuple(90.0 * k / views for k in range(views))


def rotate_image(image: np.ndarray, angle: float, fill_value: float = BLACK) -> np.ndarray:
    """Rotate an image about its centre, as `layers.Rotate` does.

    The rotation is anticlockwise on an image whose rows run down, as that of `numpy.rot90`. It
    is one bilinear resampling (Pillow); pixels that leave the frame are lost.

    Args:
        image: (height, width) float32.
        angle: rotation angle, degrees.
        fill_value: value of pixels from outside the image; by default black in network units.

    Returns:
        (height, width) float32.
    """
    from PIL import Image

    if angle == 0:
        return image
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32))
    return np.asarray(picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=fill_value))
