"""Values as the files of tables can hold them."""

import math
from xml.sax.saxutils import escape


def encodable(value: str | float | None) -> str | float | None:
    """A value as UTF-8 can write it: file names need not be."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def xml_cell(value: str | float | None) -> str:
    """What stands between a VOTable's <TD> and </TD>."""
    if value is None:
        return ""
    if isinstance(value, float):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value))
    # XML has no way to write most control characters.
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value))
