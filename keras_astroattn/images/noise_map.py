"""Check that a noise map covers the same pixels as the map."""

import math
from collections.abc import Mapping

import numpy as np

from keras_astroattn.errors import InputError

from .celestial import build_wcs, pixels_to_sky, sky_to_pixels

_TOLERANCE = 1.0  # pixels

Keywords = Mapping[str, float | str]


def pixel_offset(
    keywords: Keywords | None,
    shape: tuple[int, int],
    of_noise: Keywords | None,
    noise_shape: tuple[int, int],
) -> tuple[int, int]:
    """Return the offset (x, y) from a pixel of a map to the same sky on its noise map.

    The positions are compared at the corners and the middle of the map.

    Args:
        keywords: celestial WCS keywords of the map; None: it has no coordinates.
        shape: (height, width) of the map, pixels.
        of_noise: celestial WCS keywords of the noise map, or None.
        noise_shape: (height, width) of the noise map, pixels.

    Returns:
        (x, y) offset, whole pixels.

    Raises:
        InputError: The offset differs by more than a pixel from whole pixels, or the maps
            cannot be compared.
    """
    if keywords == of_noise:
        if keywords is None and shape != noise_shape:
            raise InputError(
                f"has shape {noise_shape} and the map {shape}: give one on the same pixels"
            )
        return 0, 0
    if keywords is None or of_noise is None:
        which = "the map has" if keywords is None else "it has"
        raise InputError(f"cannot be compared, as {which} no celestial coordinates")
    height, width = shape
    x, y = (
        np.array(p, float)
        for p in zip(
            (0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1),
            ((width - 1) / 2, (height - 1) / 2), strict=True,
        )
    )  # fmt: skip
    ra, dec = pixels_to_sky(keywords, build_wcs(keywords), x, y)
    on_sky = np.isfinite(ra) & np.isfinite(dec)
    there = sky_to_pixels(of_noise, build_wcs(of_noise), ra[on_sky], dec[on_sky])
    shift = np.stack(there) - np.stack([x, y])[:, on_sky]
    if not shift.size or not np.isfinite(shift).all():
        raise InputError("shows another part of the sky: give one on the same pixels")
    offset = np.round(np.median(shift, axis=1))
    away = float(np.abs(shift - offset[:, np.newaxis]).max())
    apart = math.hypot(*offset)
    if away > _TOLERANCE or (shape == noise_shape and apart > max(shape)):
        raise InputError(
            f"differs from the map's pixels by up to {max(away, apart):.1f} of them: give one on "
            "the same pixels"
        )
    return int(offset[0]), int(offset[1])
