"""Convert values, units and names to forms that the files of tables can hold."""

import math
import unicodedata
from html import escape  # the import of xml.sax.saxutils loads the modules of HTTP

_SIMPLE = frozenset({"deg", "arcsec", "arcmin", "rad", "Jy", "mJy", "Jy/beam", "Hz", "s", "pix"})
_ASCII = {"µ": "u", "μ": "u", "±": "+/-", "×": "x", "°": " deg", "′": "'", "″": '"', "–": "-",
          "—": "-", "−": "-", "≤": "<=", "≥": ">=", "²": "2", "³": "3"}  # fmt: skip


def encodable(value: str | float | None) -> str | float | None:
    """Return a value that UTF-8 can encode; names of files need not be UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def xml_cell(value: str | float | None) -> str:
    """Return the text between a VOTable's <TD> and </TD>."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value))
    return escape(printable(value), quote=False)


def printable(text: str) -> str:
    """Return a text without control characters, most of which XML cannot represent."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def unit_in(unit: str | None, syntax: str) -> str | None:
    """Return a unit in the syntax of a file format; a unit unknown to astropy is unchanged.

    Args:
        unit: unit as stated, or None.
        syntax: "fits" or "vounit".
    """
    if not unit or unit in _SIMPLE:
        return unit or None
    from astropy import units

    from keras_astroattn.images.quiet import quiet

    with quiet():
        for spelling in (unit, unit.lower(), unit.lower().removesuffix("s")):
            try:
                return units.Unit(spelling).to_string(syntax)
            except (ValueError, TypeError):
                continue
    return unit


def ascii_text(text: str) -> str:
    """Transcribe a text to ASCII for a FITS header: without accents, Greek letters by name."""
    parts = []
    for character in text:
        if character in _ASCII:
            parts.append(_ASCII[character])
        elif character.isascii():
            parts.append(character if character.isprintable() else " ")
        else:
            parts.append(_transcribed(character))
    return "".join(parts)


def _transcribed(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if plain.isascii() and plain:
        return plain
    name = unicodedata.name(plain[:1] or character, "")
    if name.startswith("GREEK") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split(" ")[0].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    return "?"
