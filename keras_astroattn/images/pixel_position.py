"""Position on the sky of one pixel of a map, and the directions of the sky there.

astropy.wcs takes 0.15 s at import, so the two usual projections are computed here.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from .celestial import build_wcs, frame_of, half_steps, jacobian_from, pixels_to_sky

if TYPE_CHECKING:
    from astropy.wcs import WCS


def pixel_position(
    keywords: Mapping[str, float | str], pixel: tuple[float, float], wcs: "WCS | None" = None
) -> tuple[float, float] | None:
    """Return the position of a pixel on the sky.

    Gnomonic (TAN) and orthographic (SIN) projections follow Calabretta & Greisen 2002, equations
    54 and 59; other headers go through astropy.

    Args:
        keywords: celestial keywords, from `celestial_keywords.wcs_keywords`.
        pixel: (x, y) counted from 0.
        wcs: the WCS of `keywords`; None: it is built if needed.

    Returns:
        ICRS right ascension in [0, 360) and declination, degrees; None off the sky, and if the
        frame of the coordinates is unknown.
    """
    try:
        if wcs is None and _is_plain(keywords):
            ra, dec = _deprojected(keywords, pixel)
        else:
            wcs = build_wcs(keywords) if wcs is None else wcs
            x, y = (np.array([value]) for value in pixel)
            ra, dec = (float(angle[0]) for angle in pixels_to_sky(keywords, wcs, x, y))
    except InputError:
        return None
    if not (math.isfinite(ra) and math.isfinite(dec)):
        return None
    return ra % 360.0 % 360.0, dec  # twice, because -1e-16 % 360 is 360


def icrs_jacobian(
    keywords: Mapping[str, float | str], pixel: tuple[float, float]
) -> np.ndarray | None:
    """Return the Jacobian of the sky at a pixel, with north as in ICRS.

    Args:
        keywords: celestial keywords, from `celestial_keywords.wcs_keywords`.
        pixel: (x, y) counted from 0.

    Returns:
        (2, 2) float64: east and north (rows) for a step along x and y (columns), arcsec; None
        where `pixel_position` is None.
    """
    if _is_plain(keywords):
        sky = [_deprojected(keywords, place) for place in half_steps(pixel)]
    else:
        try:
            wcs = build_wcs(keywords)
        except InputError:
            return None
        sky = [
            pixel_position(keywords, place, wcs) or (math.nan,) * 2 for place in half_steps(pixel)
        ]
    found = np.array(sky)
    return jacobian_from(found) if np.isfinite(found).all() else None


def _is_plain(keywords: Mapping[str, float | str]) -> bool:
    """Return whether a header is a TAN or SIN in ICRS or J2000, without parameters."""
    return (
        _projection(keywords) in ("TAN", "SIN")
        and {keywords["CUNIT1"], keywords["CUNIT2"]} == {"deg"}
        and keywords.get("LONPOLE", 180.0) == 180.0  # LATPOLE has no effect on TAN and SIN
        and abs(float(keywords["CRVAL2"])) < 90.0
        and not any(key.startswith("PV") and value for key, value in keywords.items())
        and frame_of(keywords) is None
    )


def _projection(keywords: Mapping[str, float | str]) -> str:
    return str(keywords["CTYPE1"])[-3:]


def _deprojected(
    keywords: Mapping[str, float | str], pixel: tuple[float, float]
) -> tuple[float, float]:
    projection = _projection(keywords)
    offsets = [pixel[axis] + 1 - float(keywords[f"CRPIX{axis + 1}"]) for axis in (0, 1)]
    east, north = (
        math.radians(sum(float(keywords[f"CD{row}_{axis + 1}"]) * offsets[axis] for axis in (0, 1)))
        for row in (1, 2)
    )
    beyond = 1 - east**2 - north**2
    if projection == "SIN" and beyond < 0:
        return math.nan, math.nan
    outwards = 1.0 if projection == "TAN" else math.sqrt(beyond)
    a, d = (math.radians(float(keywords[f"CRVAL{axis}"])) for axis in (1, 2))
    # The direction of the pixel on the axes outwards, east and north at the reference point.
    forward = outwards * math.cos(d) - north * math.sin(d)
    upward = outwards * math.sin(d) + north * math.cos(d)
    longitude = a + math.atan2(east, forward)
    latitude = math.atan2(upward, math.hypot(east, forward))
    return math.degrees(longitude), math.degrees(latitude)
