"""Write classified sources as regions, to draw them over a map in DS9 or CARTA."""

from collections.abc import Iterable
from pathlib import Path

from keras_astroattn.colours import GREY, LABEL_COLOURS
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.images.conventions import CLASS_NAMES
from keras_astroattn.outputs import probability_text

from .columns import Row

REGION_COLUMNS = (
    *("ra", "dec", "label", "p_fri", "p_frii", "largest_angular_size_arcsec", "beam_arcsec"),
    *("major_arcsec", "minor_arcsec", "position_angle_deg", "centroid_ra", "centroid_dec"),
)
"""Columns that a region is drawn from; tables of earlier versions have none of the shape."""

_PROBABILITIES = {name: f"p_{name.lower()}" for name in CLASS_NAMES}
_RADIUS = 10.0  # arcsec, of a source of which neither size nor beam is known
_DS9 = (
    "# Region file format: DS9\nicrs\n",
    {
        # The second of two axes points north where the angle is 0.
        "ellipse": 'ellipse({ra:.6f},{dec:.6f},{minor:.2f}",{major:.2f}",{angle:.1f})',
        "circle": 'circle({ra:.6f},{dec:.6f},{radius:.2f}")',
    },
    " # color={colour} text={{{text}}}\n",
)
_CRTF = (
    "#CRTFv0\nglobal coord=ICRS\n",
    {
        "ellipse": (
            "ellipse[[{ra:.6f}deg, {dec:.6f}deg], [{major:.2f}arcsec, {minor:.2f}arcsec], "
            "{angle:.1f}deg]"
        ),
        "circle": "circle[[{ra:.6f}deg, {dec:.6f}deg], {radius:.2f}arcsec]",
    },
    ", color={colour}, label='{text}'\n",
)
REGION_WRITERS = {".reg": _DS9, ".crtf": _CRTF}
"""First lines, regions, and the end of a region's line, by the suffix of the file."""


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
    """Write a region for each row that has a position, atomically, and return their number.

    A source is the ellipse of `major_arcsec`, `minor_arcsec` and `position_angle_deg` about its
    centroid. A row without a shape is a circle about its position, whose diameter is the size
    plus the beam. The colour shows the label; the text is the label, and the
    probability of a class.

    Args:
        path: path of the file; its suffix is in `REGION_WRITERS`.
        rows: rows of a table. Columns of the shape may be missing.
        prefix: prefix of the names of the columns.

    Raises:
        OSError: The file is not writable.

    Example:
        >>> from pathlib import Path
        >>> row = {"ra": 180.0, "dec": 30.0, "label": "compact", "beam_arcsec": 5.4}
        >>> write_regions(Path("sources.reg"), [row])
        1
        >>> print(Path("sources.reg").read_text().splitlines()[-1])
        circle(180.000000,30.000000,2.70") # color=#CC79A7 text={compact}
    """
    start, shapes, end = REGION_WRITERS[path.suffix.lower()]
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(start)
        for row in rows:
            values = {name: row.get(prefix + name) for name in REGION_COLUMNS}
            if values["ra"] is None or values["dec"] is None:
                continue
            shape, place = _shape(values)
            file.write(shapes[shape].format(**place))
            file.write(end.format(colour=_colour(values), text=_text(values)))
            count += 1
    return count


def _shape(row: Row) -> tuple[str, dict[str, float]]:
    """Return the name of a row's region, and its place and size."""
    major, minor, angle = row["major_arcsec"], row["minor_arcsec"], row["position_angle_deg"]
    ra, dec = row["centroid_ra"], row["centroid_dec"]
    if not major or not minor or None in (angle, ra, dec):
        diameter = sum(row[name] or 0.0 for name in ("largest_angular_size_arcsec", "beam_arcsec"))
        return "circle", {"ra": row["ra"], "dec": row["dec"], "radius": diameter / 2 or _RADIUS}
    place = {"ra": ra, "dec": dec, "major": major / 2, "minor": minor / 2, "angle": angle}
    return "ellipse", place


def _colour(row: Row) -> str:
    return LABEL_COLOURS.get(row["label"], GREY)


def _text(row: Row) -> str:
    """Return the label; a class has its probability."""
    probability = row[_PROBABILITIES[row["label"]]] if row["label"] in _PROBABILITIES else None
    if probability is None:
        return row["label"]
    return f"{row['label']} {probability_text(probability)}"
