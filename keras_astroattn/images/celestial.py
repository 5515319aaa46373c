"""Celestial coordinates of a map: projections, positions and the local pixel scale.

astropy.wcs takes 0.15 s and 14 MB at import, so it is loaded only for a projection.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from .celestial_keywords import astropy_reason
from .quiet import quiet

if TYPE_CHECKING:
    from astropy.wcs import WCS

ARCSEC = 3600.0

_KNOWN_FRAMES = ("", "ICRS", "FK5", "FK4", "FK4-NO-E")
# Projections whose scale equals the header's at the reference point, and nearly so around it.
_ZENITHAL = {"TAN", "SIN", "ARC", "ZEA", "STG", "NCP"}
_NEAR_REFERENCE = 0.5  # degrees within which the projections differ by less than 1e-4


def build_wcs(keywords: Mapping[str, float | str]) -> "WCS":
    """Return an astropy WCS with two celestial axes.

    Args:
        keywords: celestial keywords, from `wcs_keywords`.

    Raises:
        InputError: Wcslib does not understand the keywords.
    """
    with quiet():
        from astropy.io.fits import Header
        from astropy.wcs import WCS

        try:
            wcs = WCS(Header(dict(keywords)), naxis=2)
            wcs.wcs.set()
        except Exception as error:  # wcslib raises many exception types
            raise InputError(
                f"the coordinates in the header are invalid: {astropy_reason(error)}"
            ) from error
    return wcs


def local_jacobian(
    keywords: Mapping[str, float | str], pixel: tuple[float, float], wcs: "WCS | None" = None
) -> np.ndarray:
    """Return the Jacobian of the sky at a pixel: arcsec for a step of one pixel.

    Args:
        keywords: celestial keywords, from `wcs_keywords`.
        pixel: (x, y) counted from 0.
        wcs: the WCS of `keywords`; None: it is built if needed.

    Returns:
        (2, 2) float64: east and north (rows) for a step along x and y (columns), arcsec.

    Raises:
        InputError: The pixel is not on the sky.
    """
    if wcs is None:
        matrix = np.array([[float(keywords[f"CD{i}_{j}"]) for j in (1, 2)] for i in (1, 2)])
        offset = matrix @ [pixel[i] + 1 - float(keywords[f"CRPIX{i + 1}"]) for i in (0, 1)]
        plain = (
            str(keywords["CTYPE1"])[-3:] in _ZENITHAL
            and {keywords["CUNIT1"], keywords["CUNIT2"]} == {"deg"}
            and not {"LONPOLE", "LATPOLE"} & set(keywords)
            and not any(key.startswith("PV") for key in keywords)
        )
        if plain and math.hypot(*offset) < _NEAR_REFERENCE:
            return matrix * ARCSEC
        wcs = build_wcs(keywords)
    sky = wcs.wcs_pix2world(half_steps(pixel), 0)
    if not np.isfinite(sky).all():
        raise InputError("the middle of the map is not on the sky: name a position")
    return jacobian_from(sky)


def half_steps(pixel: tuple[float, float]) -> list[tuple[float, float]]:
    """Return a pixel (x, y), and the places half a pixel before and behind it along x, then y."""
    x, y = pixel
    return [(x, y), (x - 0.5, y), (x + 0.5, y), (x, y - 0.5), (x, y + 0.5)]


def jacobian_from(sky: np.ndarray) -> np.ndarray:
    """Return the Jacobian of the sky from the positions of five places on a map.

    Args:
        sky: (5, 2) longitude and latitude of `half_steps`, degrees.

    Returns:
        (2, 2) float64: east and north (rows) for a step along x and y (columns), arcsec.
    """
    longitude, latitude = np.radians(sky).T
    # Unit vectors, because differences of right ascension are meaningless at a pole.
    vectors = np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=1,
    )
    a, d = longitude[0], latitude[0]
    east = np.array([-np.sin(a), np.cos(a), 0.0])
    north = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    steps = np.stack([vectors[2] - vectors[1], vectors[4] - vectors[3]], axis=1)
    return np.degrees(np.stack([east, north]) @ steps) * ARCSEC


def sky_to_pixels(
    keywords: Mapping[str, float | str],
    wcs: "WCS",
    longitude: np.ndarray | Sequence[float],
    latitude: np.ndarray | Sequence[float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of positions on the sky.

    Args:
        keywords: celestial keywords of the map, from `wcs_keywords`.
        wcs: the WCS of `keywords`.
        longitude: (n,) ICRS right ascension, degrees.
        latitude: (n,) ICRS declination, degrees.

    Returns:
        x and y, two (n,) arrays counted from 0; NaN where a position cannot be projected.

    Raises:
        InputError: The frame of the map's coordinates is unknown.
    """
    longitude, latitude = np.asarray(longitude, float), np.asarray(latitude, float)
    frame = _foreign_frame(keywords, wcs)
    if frame is not None:
        with quiet():
            from astropy.coordinates import SkyCoord

            there = SkyCoord(longitude, latitude, unit="deg").transform_to(frame).spherical
            longitude, latitude = there.lon.deg, there.lat.deg
    here = np.stack([longitude, latitude], axis=1)
    try:
        pixels = wcs.wcs_world2pix(here, 0)
        back = wcs.wcs_pix2world(pixels, 0)
    except Exception:  # wcslib raises for positions on the far side of the sky
        if len(here) == 1:
            return np.full(1, np.nan), np.full(1, np.nan)
        parts = [sky_to_pixels(keywords, wcs, [a], [d]) for a, d in here]
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    (a, d), (b, e) = np.radians(here).T, np.radians(back).T
    with np.errstate(invalid="ignore"):
        cosine = np.sin(d) * np.sin(e) + np.cos(d) * np.cos(e) * np.cos(a - b)
        # Some projections fold the far side of the sky onto the near one.
        mapped = cosine > 1 - 1e-9
    return np.where(mapped, pixels[:, 0], np.nan), np.where(mapped, pixels[:, 1], np.nan)


def pixels_to_sky(
    keywords: Mapping[str, float | str], wcs: "WCS", x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of pixels on the sky.

    Args:
        keywords: celestial keywords of the map, from `wcs_keywords`.
        wcs: the WCS of `keywords`.
        x: (n,) pixels counted from 0.
        y: (n,) pixels counted from 0.

    Returns:
        ICRS right ascension and declination, two (n,) arrays in degrees; NaN off the sky.

    Raises:
        InputError: The frame of the map's coordinates is unknown.
    """
    longitude, latitude = wcs.wcs_pix2world(np.stack([x, y], axis=1).astype(float), 0).T
    frame = _foreign_frame(keywords, wcs)
    if frame is None:
        return longitude, latitude
    with quiet():
        from astropy.coordinates import SkyCoord

        there = SkyCoord(longitude, latitude, unit="deg", frame=frame).icrs
    return there.ra.deg, there.dec.deg


def frame_of(keywords: Mapping[str, float | str]) -> str | None:
    """Return the frame of the coordinates, as the header names it; None if ICRS or J2000.

    Args:
        keywords: celestial keywords, from `wcs_keywords`.

    Raises:
        InputError: The frame is unknown.
    """
    equinox = float(keywords.get("EQUINOX", keywords.get("EPOCH", 2000.0)) or 2000.0)
    system = str(keywords.get("RADESYS", keywords.get("RADECSYS", ""))).upper()
    if system not in _KNOWN_FRAMES:
        raise InputError(f"the frame {system!r} of its coordinates (RADESYS) is unknown")
    if str(keywords["CTYPE1"]).startswith("RA") and "FK4" not in system and equinox == 2000.0:
        return None
    return system or str(keywords["CTYPE1"])


def _foreign_frame(keywords: Mapping[str, float | str], wcs: "WCS"):
    """Return the astropy frame of the coordinates; None if they are ICRS or J2000."""
    if frame_of(keywords) is None:
        return None
    with quiet():
        from astropy.wcs.utils import wcs_to_celestial_frame

        try:
            return wcs_to_celestial_frame(wcs)
        except ValueError as error:
            raise InputError(
                f"the frame {keywords.get('RADESYS', '')!r} of its coordinates is unknown"
            ) from error
