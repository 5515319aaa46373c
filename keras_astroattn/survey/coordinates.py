"""Units and frames that a catalogue states for its positions, and the conversion to ICRS degrees.

A stated unit or frame is honoured or refused. Units are astropy's, with their usual spellings.
"""

import re
from typing import NamedTuple

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images.position import HOURS
from keras_astroattn.images.quiet import quiet

_NOT_STATED = ("", "-", "--", "---")
_HOUR_FORMAT = re.compile(r"h+[:\s]*m+[:\s]*s+(\.s+)?")  # "h:m:s", VizieR's unit of text
_DEGREE_FORMAT = re.compile(r"d+[:\s]*m+[:\s]*s+(\.s+)?")
_FRAMES = {
    "icrs": "icrs", "gaia": "icrs", "j2000": "fk5", "fk5": "fk5", "eqfk5": "fk5",
    "fk4": "fk4", "eqfk4": "fk4", "b1950": "fk4", "fk4noe": "fk4noeterms",
    "fk4noeterms": "fk4noeterms", "galactic": "galactic", "gal": "galactic",
    "supergalactic": "supergalactic",
}  # fmt: skip


class AngleUnit(NamedTuple):
    """Conversion of the angles of a column to degrees.

    Attributes:
        factor: degrees of the number 1; NaN if plain numbers have no meaning.
        sexagesimal: degrees of the text 1:00:00.
    """

    factor: float
    sexagesimal: float


def angle_unit(stated: str | None, column: str, is_right_ascension: bool) -> AngleUnit:
    """Return the conversion of a column with a stated unit.

    Args:
        stated: the unit; None: the catalogue states none, and numbers are degrees.
        column: name of the column, for the message.
        is_right_ascension: whether hours are allowed.

    Returns:
        The conversion.

    Raises:
        InputError: The unit is unknown, or is not one of an angle.
    """
    hours = HOURS if is_right_ascension else 1.0
    text = (stated or "").strip().strip("\"'").strip()
    if text in _NOT_STATED:
        return AngleUnit(1.0, hours)
    if _DEGREE_FORMAT.fullmatch(text.lower()):
        return AngleUnit(np.nan, 1.0)
    if is_right_ascension and _HOUR_FORMAT.fullmatch(text.lower()):
        return AngleUnit(np.nan, HOURS)
    factor = _degrees(text, is_right_ascension)
    if factor is None:
        raise InputError(
            f"column {column} is in {stated.strip()!r}, which is not a known unit of "
            f"{'right ascension' if is_right_ascension else 'declination'}: convert it to deg"
        )
    return AngleUnit(factor, HOURS if is_right_ascension and factor == HOURS else 1.0)


def _degrees(text: str, may_be_hours: bool) -> float | None:
    """Return the degrees of a unit; None if it is not one of an angle."""
    from astropy import units

    small = text.lower().rstrip(".")
    for spelling in (text, small, small.removesuffix("s")):
        with quiet():
            try:
                unit = units.Unit(spelling, parse_strict="silent")
                if unit.is_equivalent(units.deg):
                    factor = float(unit.to(units.deg))
                    return HOURS if np.isclose(factor, HOURS, rtol=1e-12) else factor
                if may_be_hours and unit == units.hour:
                    return HOURS
            except (ValueError, TypeError):  # for example, a malformed number in front
                continue
    return None


def stated_frame(system: object, equinox: object = None) -> str | None:
    """Return the frame of a header as text, for example "FK4 1950.0"; None if none is stated.

    Args:
        system: RADESYS, or the system of a COOSYS.
        equinox: EQUINOX, or the equinox of the COOSYS.
    """
    system, equinox = ("" if v is None else str(v).strip() for v in (system, equinox))
    if not system and equinox:
        # FITS standard 4.0, section 8.3.
        year = _year(equinox)
        system = "FK4" if equinox[:1] in "Bb" or (year is not None and year < 1984) else "FK5"
    return f"{re.sub(r'[ _-]', '', system)} {equinox}".strip() or None


def frame_of_name(column: str) -> str | None:
    """Return the frame stated by the name of a column, or None."""
    small = column.lower()
    if re.fullmatch(r"_?(glon|glat|gal_?(lon|lat|l|b)|(lon|lat)_?gal)", small):
        return "galactic"
    return "FK4 B1950" if "1950" in small else None


def frame_of_ucd(ucd: str | None) -> str | None:
    """Return the frame stated by a UCD; None if it states equatorial coordinates or nothing."""
    small = (ucd or "").lower()
    if "pos.galactic" in small or "pos_gal" in small:
        return "galactic"
    if "pos.supergalactic" in small or "pos_sgal" in small:
        return "supergalactic"
    return "ecliptic" if "pos.ecliptic" in small or "pos_ec_" in small else None


def to_icrs(ra: np.ndarray, dec: np.ndarray, frame: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Convert positions to ICRS degrees.

    FK5 at J2000 is treated as ICRS, from which it differs by 0.02 arcsec, as for maps.

    Args:
        ra: (n,) longitude, degrees.
        dec: (n,) latitude, degrees.
        frame: frame from `stated_frame`.

    Returns:
        (n,) right ascension and (n,) declination, degrees.

    Raises:
        InputError: The frame is unknown.
    """
    here = _astropy_frame(frame)
    if here is None or not len(ra):
        return ra, dec
    from astropy.coordinates import SkyCoord

    with quiet():
        there = SkyCoord(ra, dec, unit="deg", frame=here).icrs
    return there.ra.deg, there.dec.deg


def check_frame(frame: str | None, columns: str) -> None:
    """Refuse an unknown frame.

    Args:
        frame: frame from `stated_frame`.
        columns: names of the columns, for the message.

    Raises:
        InputError: The frame is unknown.
    """
    try:
        _astropy_frame(frame)
    except InputError as error:
        raise InputError(f"{columns}: {error}") from None


def _astropy_frame(frame: str | None):
    """Return the frame as astropy's class or instance; None for ICRS."""
    system, _, equinox = (frame or "icrs").partition(" ")
    kind = _FRAMES.get(system.lower())
    year = _year(equinox) if equinox else None
    if kind is None or (equinox and year is None):
        raise InputError(f"the frame {frame!r} of its positions is not known: convert them to ICRS")
    if kind == "icrs" or (kind == "fk5" and year in (None, 2000.0)):
        return None
    from astropy import coordinates
    from astropy.time import Time

    if kind in ("galactic", "supergalactic"):
        return kind
    classes = {
        "fk5": coordinates.FK5,
        "fk4": coordinates.FK4,
        "fk4noeterms": coordinates.FK4NoETerms,
    }
    if year is None:
        return classes[kind]()
    return classes[kind](equinox=Time(year, format="jyear" if kind == "fk5" else "byear"))


def _year(equinox: str) -> float | None:
    try:
        return float(equinox.lstrip("BbJj"))
    except ValueError:
        return None
