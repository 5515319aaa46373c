"""Celestial WCS keywords of a map, read from its header.

They are read from the header itself, because other cards, axes and tables of a file can make
astropy fail, and because astropy.wcs takes 0.15 s and 14 MB at import.
"""

import contextlib
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from keras_astroattn.errors import InputError

from .quiet import quiet

_FRAME_NAMES = ("RADESYS", "RADECSYS")
_FRAMES_BY_EQUINOX = {"J2000": "FK5", "B1950": "FK4"}
_EQUINOXES = ("EQUINOX", "EPOCH")
_EQUINOX = re.compile(r"[JB]?(\d{4})(?:\.0*)?")
_MOST_AXES = 9
_PARAMETERS = 40  # most parameters of a celestial projection (the polynomial of TPV)
_AXIS_TYPE = re.compile(r"(RA|DEC|[GE]LON|[GE]LAT)\s*-+\s*([A-Z]{3})(-SIP)?")
_ELEMENT = re.compile(r"(?:PC|CD)(\d+)_(\d+)")
_UNIT = re.compile(r"CUNIT\d+")
_NUMERIC = re.compile(r"(CRVAL|CRPIX|CDELT|CROTA)\d+|(PC|CD|PV)\d+(_\d+)?|LONPOLE|LATPOLE")
_LONGITUDES, _LATITUDES = ("RA", "GLON", "ELON"), ("DEC", "GLAT", "ELAT")


def celestial_axes(header: Mapping) -> tuple[int, int] | None:
    """Return the FITS numbers (from 1) of the longitude and latitude axes, or None."""
    longitude = latitude = None
    count = header.get("NAXIS", _MOST_AXES)
    for axis in range(1, min(int(count), _MOST_AXES) + 1):
        name = str(header.get(f"CTYPE{axis}", "")).upper().split("-")[0].strip()
        longitude = axis if name in _LONGITUDES else longitude
        latitude = axis if name in _LATITUDES else latitude
    return None if longitude is None or latitude is None else (longitude, latitude)


def wcs_keywords(header: Mapping) -> dict[str, float | str] | None:
    """Return the celestial WCS keywords of a header, renumbered to axes 1 (longitude) and 2.

    CDELT, PC and CROTA are converted to CD. Nonstandard spellings (PC001001, CUNIT of DEGREE)
    are read through astropy's WCS, which can repair them.

    Args:
        header: keywords and values; COMMENT and HISTORY are ignored.

    Returns:
        The keywords; None if the header has no celestial axes.

    Raises:
        InputError: The keywords of the celestial axes are invalid.
    """
    axes = celestial_axes(header)
    if axes is None:
        return None
    present = set(header)  # one look-up in astropy's header takes 10 us
    types = [_canonical_type(str(header[f"CTYPE{axis}"])) for axis in axes]
    if present & {"A_ORDER", "B_ORDER", "CPDIS1", "CPDIS2"}:
        raise InputError("its coordinates have distortions (SIP): reproject it to TAN or SIN first")
    if _is_odd(header, axes, present):
        keywords = _keywords_of_astropy(header, axes, types)
    else:
        keywords = _plain_keywords(header, axes, types, present)
    keywords |= _frame(header)
    if not all(math.isfinite(v) for v in keywords.values() if isinstance(v, float)):
        raise InputError("the coordinates in the header are invalid: a value is not finite")
    matrix = [[float(keywords[f"CD{i}_{j}"]) for j in (1, 2)] for i in (1, 2)]
    if abs(np.linalg.det(matrix)) < 1e-30:
        raise InputError(
            "the coordinates in the header are invalid: its pixels have no size (CDELT, CD)"
        )
    return keywords


def _canonical_type(name: str) -> str:
    """Return CTYPE as the standard spells it: RA---SIN for `ra--sin`."""
    name = name.upper().strip()
    found = _AXIS_TYPE.fullmatch(name)
    return found[1].ljust(5, "-") + found[2] if found else name


def _is_odd(header: Mapping, axes: tuple[int, int], present: set[str]) -> bool:
    """Return whether a header spells its coordinates in a nonstandard way."""
    matrix = [key for key in present if key[:2] in ("PC", "CD") and key[2:3].isdigit()]
    return (
        any(str(header.get(f"CUNIT{axis}") or "deg").strip() not in ("", "deg") for axis in axes)
        or any(key[2] == "0" for key in matrix)
        or (any(key[:2] == "PC" for key in matrix) and bool(header.get(f"CROTA{axes[1]}")))
        or any(_couples(key, axes) and header[key] for key in matrix)
    )


def _couples(key: str, axes: tuple[int, int]) -> bool:
    """Return whether an element of the matrix couples a celestial axis with another axis."""
    found = _ELEMENT.fullmatch(key)
    return bool(found) and (int(found[1]) in axes) != (int(found[2]) in axes)


def _plain_keywords(
    header: Mapping, axes: tuple[int, int], types: Sequence[str], present: set[str]
) -> dict[str, float | str]:
    matrix = _cd_matrix(header, axes)
    keywords: dict[str, float | str] = {}
    for new, old in enumerate(axes, start=1):
        keywords[f"CTYPE{new}"] = types[new - 1]
        keywords[f"CRVAL{new}"] = _figure(header, f"CRVAL{old}")
        keywords[f"CRPIX{new}"] = _figure(header, f"CRPIX{old}")
        keywords[f"CUNIT{new}"] = "deg"
        for other in (1, 2):
            keywords[f"CD{new}_{other}"] = float(matrix[new - 1, other - 1])
    for new, old in enumerate(axes, start=1):
        for parameter in range(_PARAMETERS):
            if f"PV{old}_{parameter}" in present:
                keywords[f"PV{new}_{parameter}"] = _figure(header, f"PV{old}_{parameter}")
    for key in ("LONPOLE", "LATPOLE"):
        if header.get(key) is not None:
            keywords[key] = _figure(header, key)
    return keywords


def _keywords_of_astropy(
    header: Mapping, axes: tuple[int, int], types: Sequence[str]
) -> dict[str, float | str]:
    """Return the celestial WCS keywords from astropy's WCS, which reads all but comments."""
    with quiet():
        from astropy.io.fits import Header
        from astropy.wcs import WCS

        whole = Header()
        for key, value in header.items():
            if key in ("COMMENT", "HISTORY", "") or value is None:
                continue
            if _UNIT.fullmatch(key) and int(key[5:]) not in axes:
                continue  # the keyword of another axis, such as frequency
            # astropy reads a text in place of a number as 0.
            value = _figure(header, key) if _NUMERIC.fullmatch(key) else value
            with contextlib.suppress(ValueError):  # not a valid card, so not a WCS keyword
                whole[key] = value
        for axis, name in zip(axes, types, strict=True):
            whole[f"CTYPE{axis}"] = name
        try:
            wcs = WCS(whole)  # repairs the spellings of all axes
            wcs = wcs.sub(list(axes))
            wcs.wcs.set()
            matrix = wcs.pixel_scale_matrix
        except Exception as error:  # wcslib raises many exception types
            raise InputError(
                f"the coordinates in the header are invalid: {astropy_reason(error)}"
            ) from error
    found = wcs.wcs
    keywords: dict[str, float | str] = {}
    for axis in (1, 2):
        keywords[f"CTYPE{axis}"] = str(found.ctype[axis - 1])
        keywords[f"CRVAL{axis}"] = float(found.crval[axis - 1])
        keywords[f"CRPIX{axis}"] = float(found.crpix[axis - 1])
        keywords[f"CUNIT{axis}"] = str(found.cunit[axis - 1]) or "deg"
        for other in (1, 2):
            keywords[f"CD{axis}_{other}"] = float(matrix[axis - 1, other - 1])
    keywords |= {f"PV{axis}_{number}": float(value) for axis, number, value in found.get_pv()}
    if header.get("LONPOLE") is not None or header.get("LATPOLE") is not None:
        keywords |= {"LONPOLE": float(found.lonpole), "LATPOLE": float(found.latpole)}
    return keywords


def astropy_reason(error: Exception) -> str:
    """Return the last line of wcslib's message, without its source location."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


def _figure(header: Mapping, key: str, default: float = 0.0) -> float:
    """Return a number of the header, quoted or not; `default` if it is missing or empty."""
    value = header.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(
            f"the coordinates in the header are invalid: {key} = {value!r} is not a number"
        ) from None


def _frame(header: Mapping) -> dict[str, float | str]:
    """Return RADESYS and EQUINOX as the header states them."""
    found: dict[str, float | str] = {}
    for key in _FRAME_NAMES:
        if header.get(key) is not None:
            name = str(header[key]).upper().strip()
            found[key] = _FRAMES_BY_EQUINOX.get(name, name)
    for key in _EQUINOXES:
        value = header.get(key)
        with contextlib.suppress(TypeError, ValueError):
            found[key] = float(value)
            continue
        stated = _EQUINOX.fullmatch(str(value or "").upper().strip())
        # J2000 is the default.
        if stated and stated[1] != "2000":
            found[key] = float(stated[1])
    return found


def _cd_matrix(header: Mapping, axes: tuple[int, int]) -> np.ndarray:
    pairs = [[(i, j) for j in axes] for i in axes]
    if any(f"CD{i}_{j}" in header for row in pairs for i, j in row):
        return np.array([[_figure(header, f"CD{i}_{j}") for i, j in row] for row in pairs])
    deltas = np.array([_figure(header, f"CDELT{i}") for i in axes])
    if any(f"PC{i}_{j}" in header for row in pairs for i, j in row):
        rotation = [[_figure(header, f"PC{i}_{j}", float(i == j)) for i, j in row] for row in pairs]
        return deltas[:, None] * np.array(rotation)
    angle = math.radians(_figure(header, f"CROTA{axes[1]}"))
    cosine, sine = math.cos(angle), math.sin(angle)
    # Paper II of the FITS WCS series, equation 189 (AIPS's convention).
    return np.array(
        [[deltas[0] * cosine, -deltas[1] * sine], [deltas[0] * sine, deltas[1] * cosine]]
    )


def move_keywords(
    keywords: Mapping[str, float | str], origin: tuple[float, float], step: tuple[float, float]
) -> dict[str, float | str]:
    """Return the WCS keywords of a grid with another origin and pixel size.

    Args:
        keywords: keywords of the old grid, from `wcs_keywords`.
        origin: (x, y) of the new first pixel in pixels of the old grid, counted from 0.
        step: (x, y) distance of the new pixels, in pixels of the old grid.

    Returns:
        The keywords of the new grid.
    """
    moved = dict(keywords)
    for axis, (start, pace) in enumerate(zip(origin, step, strict=True), start=1):
        moved[f"CRPIX{axis}"] = (float(keywords[f"CRPIX{axis}"]) - 1 - start) / pace + 1
        for row in (1, 2):
            moved[f"CD{row}_{axis}"] = float(keywords[f"CD{row}_{axis}"]) * pace
    return moved
