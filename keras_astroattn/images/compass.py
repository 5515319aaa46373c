"""Directions of north and east on a cutout, and the names of directions."""

import math

import numpy as np

from .cutout import Cutout

COMPASS = (
    "northern",
    "north-eastern",
    "eastern",
    "south-eastern",
    "southern",
    "south-western",
    "western",
    "north-western",
)
"""Names of directions by position angle, from north through east, in steps of 45 degrees."""

PICTURE = (
    "upper",
    "upper-left",
    "left",
    "lower-left",
    "lower",
    "lower-right",
    "right",
    "upper-right",
)
"""Names of directions on a picture, which has no north: from up through left."""


def north_and_east(cutout: Cutout) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the directions of north and east at the middle of a cutout.

    Args:
        cutout: the cutout.

    Returns:
        Two (x, y) vectors in pixels, of one pixel's length on the sky; None without
        celestial coordinates.
    """
    wcs = cutout.wcs
    if wcs is None:
        return None
    middle = (np.array(cutout.pixels.shape[::-1]) - 1) / 2
    longitude, latitude = wcs.wcs_pix2world([middle], 0)[0]
    step = cutout.pixel_scale / 3600
    aside = step / max(np.cos(np.radians(latitude)), 1e-6)
    points = wcs.wcs_world2pix([[longitude, latitude + step], [longitude + aside, latitude]], 0)
    north, east = (tuple((point - middle).tolist()) for point in points)
    return north, east


def direction_name(
    offset: tuple[float, float],
    directions: tuple[tuple[float, float], tuple[float, float]] | None,
) -> str:
    """Return the name of a direction, for example "north-eastern".

    Args:
        offset: (x, y) in pixels; rows are counted from the first row of the array.
        directions: directions of north and east, from `north_and_east`; None for a picture,
            whose first row is at the top.

    Returns:
        One of `COMPASS`, or of `PICTURE` without directions.
    """
    if directions is None:
        angle = math.atan2(-offset[0], -offset[1])
        names = PICTURE
    else:
        north, east = directions
        angle = math.atan2(
            offset[0] * east[0] + offset[1] * east[1], offset[0] * north[0] + offset[1] * north[1]
        )
        names = COMPASS
    return names[round(angle / (math.pi / 4)) % 8]
