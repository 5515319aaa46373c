"""The beam that a FITS file states: in BMAJ, in CASA's table of beams, or in AIPS's history."""

import math
import re
from collections.abc import Sequence
from typing import Any

from keras_astroattn.errors import InputError

from .beam import Beam
from .celestial import ARCSEC
from .fits_file import HduHeader

_FIGURES = r"BMAJ\s*=\s*([-+.\dEeDd]+)\s+BMIN\s*=\s*([-+.\dEeDd]+)(?:\s+BPA\s*=\s*([-+.\dEeDd]+))?"
# CLEAN writes degrees; CONVL writes the arcsec that the user gave.
_CLEAN = re.compile(rf"\s*(?:AIPS\s+)?(?:CLEAN\s+)?{_FIGURES}")
_CONVL = re.compile(rf"\s*(?:AIPS\s+)?CONVL\s+{_FIGURES}")
_MOST_PIXELS = 1000.0
_LEAST_PIXELS = 0.5
_WIDEST, _NARROWEST = 180 * ARCSEC, 1e-6  # limits in arcsec if the pixel scale is unknown
_ROUND = 1.05
_ADVICE = "give it as --beam, in arcsec"


def stated_beam(header: HduHeader) -> tuple[Beam, str] | None:
    """Return the beam that a header states, and the place that states it.

    The places are BMAJ, BMIN and BPA, and the last beam in AIPS's HISTORY. An axis without a
    value, or a BMAJ of 0, states none. Without BPA, the angle is 0.

    Args:
        header: header of the map.

    Returns:
        The beam and its place, or None.

    Raises:
        InputError: A value is not a width or an angle.
    """
    major = _figure(header, "BMAJ")
    if major:
        minor = _figure(header, "BMIN")
        minor = major if minor is None else minor
        if min(major, minor) <= 0:
            key, value = ("BMAJ", major) if major <= 0 else ("BMIN", minor)
            raise InputError(f"the header's {key} = {value:g} is not a beam width: {_ADVICE}")
        return _ordered(major * ARCSEC, minor * ARCSEC, _figure(header, "BPA") or 0.0), "BMAJ"
    for line in reversed(header.lines("HISTORY")):
        if "BMAJ" not in line:  # both patterns take a microsecond a line
            continue
        for pattern, unit in ((_CONVL, 1.0), (_CLEAN, ARCSEC)):
            found = pattern.match(line)
            if not found:
                continue
            try:
                figures = [float((v or "0").upper().replace("D", "E")) for v in found.groups()]
                return _ordered(figures[0] * unit, figures[1] * unit, figures[2]), "HISTORY"
            except ValueError:  # includes InputError
                continue
    return None


def lacks_angle(header: HduHeader, beam: Beam) -> bool:
    """Return whether an elongated beam of BMAJ and BMIN has no BPA."""
    return beam.major > _ROUND * beam.minor and _figure(header, "BPA") is None


def beam_of_plane(rows: Any, units: Sequence[str], channel: int, polarisation: int) -> Beam | None:
    """Return the beam of one plane in CASA's table of beams.

    Args:
        rows: record array with BMAJ, BMIN, BPA and, for several planes, CHAN and POL.
        units: units of BMAJ, BMIN and BPA; empty: arcsec and degrees.
        channel: channel of the plane, from 0.
        polarisation: Stokes plane, from 0.

    Returns:
        The beam; None if the table has no row for the plane.

    Raises:
        InputError: A unit is unknown, or the beam is not valid.
    """
    chosen = [
        row
        for row in rows
        if len(rows) == 1
        or (
            ("CHAN" not in rows.dtype.names or int(row["CHAN"]) == channel)
            and ("POL" not in rows.dtype.names or int(row["POL"]) == polarisation)
        )
    ]
    if len(chosen) != 1:
        return None
    figures = []
    for name, unit, usual in zip(
        ("BMAJ", "BMIN", "BPA"), units, ("arcsec", "arcsec", "deg"), strict=True
    ):
        from astropy import units as u

        try:
            figures.append(float(chosen[0][name]) * u.Unit(unit.strip() or usual).to(usual))
        except (ValueError, TypeError) as error:
            raise InputError(f"the unit {unit!r} of {name} in its BEAMS is unknown") from error
    return _ordered(*figures)


def check_beam(
    beam: Beam, where: str, scales: Sequence[float] | None, shape: tuple[int, int]
) -> None:
    """Refuse a beam that cannot be the map's, usually because of a wrong unit.

    Args:
        beam: beam as stated or given.
        where: place that states it, for the message.
        scales: arcsec of a pixel along x and y; None if unknown.
        shape: (height, width) of the map, pixels.

    Raises:
        InputError: The beam is wider than the map or than 1000 pixels, or narrower than half a
            pixel.
    """
    stated = f"the beam of {beam.major:.6g} x {beam.minor:.6g} arcsec ({where})"
    if scales is None:
        if beam.major > _WIDEST or beam.minor < _NARROWEST:
            raise InputError(f"{stated} cannot be that of a map: {_ADVICE}")
        return
    extent = max(shape[1] * scales[0], shape[0] * scales[1])
    if beam.major > extent:
        reason = f"is wider than the map, {extent:.4g} arcsec"
    elif beam.major > _MOST_PIXELS * max(scales):
        reason = f"is {beam.major / max(scales):.0f} pixels wide"
    elif beam.minor < _LEAST_PIXELS * min(scales):
        reason = f"is narrower than half a pixel of {min(scales):.4g} arcsec"
    else:
        return
    hint = "BMAJ and BMIN are degrees" if where == "BMAJ" else "it is in another unit"
    raise InputError(f"{stated} {reason}, so it is a mistake ({hint}): {_ADVICE}")


def _figure(header: HduHeader, key: str) -> float | None:
    """Return a number of the header; None if the card is missing or empty."""
    value = header.values.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise InputError(f"the header's {key} = {value!r} is not a number: {_ADVICE}")
    return number


def _ordered(major: float, minor: float, angle: float) -> Beam:
    return Beam(max(major, minor), min(major, minor), angle)
