"""Brightness unit of a map, and its conversion to Jy/beam."""

import re

from keras_astroattn.errors import InputError

from .beam import Beam

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "k": 1e3, "M": 1e6}
_JANSKY = r"([mMunkµμ]?)(?:jy|jansky|janskies|janskys)"
_PER_BEAM = re.compile(
    rf"{_JANSKY}(?:\s*/\s*\(?\s*(?:beam|bm)\s*\)?|[\s.*]*(?:beam|bm)\s*(?:\^|\*\*)?\(?-1\)?"
    r"|\s+per\s+beam)",
    re.IGNORECASE,
)
_SPELLINGS = (
    (r"([mMunkµμ]?)(?:jy|jansky|janskies|janskys)\b", r"\1Jy"),
    (r"\b(?:pixels?|px|pix)\b", "pix"),
    (r"\b(?:beam|bm)\b", "beam"),
    (r"\bsr\b", "sr"),
    (r"\barcsec\b", "arcsec"),
)  # as astropy spells them
_KELVIN = re.compile(r"(m?)(?:K|kelvins?)(?:\s*\(?T_?b\)?)?", re.IGNORECASE)
_BOLTZMANN, _LIGHT = 1.380649e-23, 299_792_458.0  # J/K, m/s
_STERADIANS = (3.141592653589793 / 180 / 3600) ** 2  # one square arcsec


def to_jansky_per_beam(
    unit: str, beam: Beam | None, pixel_area: float | None, frequency: float | None
) -> float | None:
    """Return the factor that converts a map to Jy/beam.

    Flux densities per beam, pixel or solid angle are converted, and kelvin by the
    Rayleigh-Jeans law, S = 2 k T Omega / lambda^2.

    Args:
        unit: value of BUNIT, in the upper and lower case of any writer.
        beam: beam of the map; required for units that are not per beam.
        pixel_area: area of a pixel, square arcsec; required for units per pixel.
        frequency: frequency, Hz; required for kelvin.

    Returns:
        The factor; None if the unit is missing or arbitrary (counts), or if a required value
        is None.

    Raises:
        InputError: The unit is not one of brightness, for example Jy/beam km/s.
    """
    text = " ".join(unit.split())
    if not text:
        return None
    found = _PER_BEAM.fullmatch(text)
    if found:
        return _prefix(found[1], text)
    found = _KELVIN.fullmatch(text)
    if found:
        if beam is None or frequency is None:
            return None
        kelvin = 2 * _BOLTZMANN * (frequency / _LIGHT) ** 2 / 1e-26  # Jy/sr
        return _PREFIXES[found[1].lower()] * kelvin * beam.area(1.0) * _STERADIANS
    return _with_astropy(text, beam, pixel_area)


def _prefix(prefix: str, text: str) -> float:
    # MJy is a million Jy and mJy a thousandth, but AIPS writes every unit in capitals.
    return _PREFIXES[prefix.lower() if text.upper() == text else prefix]


def _with_astropy(text: str, beam: Beam | None, pixel_area: float | None) -> float | None:
    from astropy import units as u

    # In capitals, M means milli in MJY/PIXEL (AIPS) and mega in MJY/SR (infrared maps).
    is_milli = text.upper() == text and not re.search(r"\bSR\b", text)
    spelled = re.sub(r"\bM(?=JY\b)", "m", text) if is_milli else text
    for pattern, name in _SPELLINGS:
        spelled = re.sub(pattern, name, spelled, flags=re.IGNORECASE)
    spelled = re.sub(r"(pix|beam|sr|arcsec)-(\d)", r"\1^-\2", spelled)
    try:
        parsed = u.Unit(spelled)
    except (ValueError, TypeError):
        parsed = None
    if parsed is None:
        if re.search(r"\bk?m\s*(/|\.|\*|\s)\s*s", text, re.IGNORECASE):
            raise InputError(f"its unit is {text!r}, not a brightness: give a map in Jy/beam")
        if re.search(r"jy|jansk", text, re.IGNORECASE):
            raise InputError(f"its unit {text!r} is not understood: state BUNIT as Jy/beam")
        return None
    solid_angle = None if beam is None else beam.area(1.0) * u.arcsec**2
    if parsed.is_equivalent(u.Jy / u.beam):
        return float(parsed.to(u.Jy / u.beam))
    if parsed.is_equivalent(u.Jy / u.sr):
        return None if beam is None else float((parsed * solid_angle).to(u.Jy).value)
    if parsed.is_equivalent(u.Jy / u.pix):
        if beam is None or not pixel_area:
            return None
        return float(parsed.to(u.Jy / u.pix)) * beam.area(pixel_area)
    arbitrary = (u.dimensionless_unscaled, u.ct, u.adu, u.Unit("DN"), u.electron, u.Jy)
    if any(parsed.is_equivalent(one) for one in arbitrary):
        return None
    raise InputError(f"its unit is {text!r}, not a brightness: give a map in Jy/beam")
