"""Write classified sources as regions, to draw them over a map in DS9 or CARTA."""

from collections.abc import Iterable
from pathlib import Path

from keras_astroattn.colours import GREY, LABEL_COLOURS
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path

from .columns import Row

_RADIUS = 10.0  # arcsec, of a source of which neither size nor beam is known
_DS9 = (
    "# Region file format: DS9\nicrs\n",
    'circle({ra:.6f},{dec:.6f},{radius:.2f}") # color={colour} text={{{text}}}\n',
)
_CRTF = (
    "#CRTFv0\nglobal coord=ICRS\n",
    "circle[[{ra:.6f}deg, {dec:.6f}deg], {radius:.2f}arcsec], color={colour}, label='{text}'\n",
)
REGION_WRITERS = {".reg": _DS9, ".crtf": _CRTF}
"""First lines, and the line of a source, by the suffix of the file."""


def require_region_writer(path: Path, option: str) -> None:
    """Refuse a region file whose format cannot be written.

    Args:
        path: path of the file.
        option: option that names it, for the message.

    Raises:
        InputError: The suffix is not in `REGION_WRITERS`.
    """
    if path.suffix.lower() not in REGION_WRITERS:
        known = ".reg (DS9) or .crtf (CASA, CARTA)"
        raise InputError(f"{option} {path}: its name must end in {known}")


def write_regions(path: Path, rows: Iterable[Row], prefix: str = "") -> int:
    """Write a circle for each row that has a position, atomically, and return their number.

    The diameter is the measured size plus the beam. The colour shows the label; the text is the
    label and its probability.

    Args:
        path: path of the file; its suffix is in `REGION_WRITERS`.
        rows: rows of a table.
        prefix: prefix of the names of the columns.

    Raises:
        OSError: The file is not writable.
    """
    start, line = REGION_WRITERS[path.suffix.lower()]
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(start)
        for row in rows:
            region = _region(row, prefix)
            if region is not None:
                file.write(line.format(**region))
                count += 1
    return count


def _region(row: Row, prefix: str) -> dict[str, float | str] | None:
    def of(name: str):
        return row[prefix + name]

    if of("ra") is None or of("dec") is None:
        return None
    diameter = (of("largest_angular_size_arcsec") or 0.0) + (of("beam_arcsec") or 0.0)
    label = of("label")
    likelier = max((p for p in (of("p_fri"), of("p_frii")) if p is not None), default=None)
    return {
        "ra": of("ra"),
        "dec": of("dec"),
        "radius": diameter / 2 or _RADIUS,
        "colour": LABEL_COLOURS.get(label, GREY),
        "text": label if likelier is None else f"{label} {likelier:.2f}",
    }
