"""The positions to classify: of `--position`, and of catalogues and regions of `--positions`."""

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from keras_astroattn.errors import InputError
from keras_astroattn.files import expand_user
from keras_astroattn.images.position import parse_position, position_name

_DS9, _CRTF = "ds9", "crtf"
_REGION_SUFFIXES = {".reg": _DS9, ".crtf": _CRTF}
_REGION_STARTS = {"# Region file format: DS9": _DS9, "#CRTF": _CRTF}
_COMPOSED = {"aegean": ("island", "source")}
"""Columns whose values form the name of a source, by the adapter of the catalogue."""


class Place(NamedTuple):
    """A position to classify.

    Attributes:
        name: name of the source.
        position: (RA, Dec), ICRS degrees; None: unknown.
        error: reason why it is unknown.
    """

    name: str
    position: tuple[float, float] | None
    error: str | None = None


def read_places(
    positions: Iterable[str], file: str | None, columns: Mapping[str, str] | None = None
) -> list[Place]:
    """Return the positions of `--position`, then those of the file of `--positions`.

    A row of the file without a position is a place with an error.

    Args:
        positions: positions as text.
        file: path of a catalogue, of regions, or of a text with one position a line; "-" is the
            standard input; None: none.
        columns: columns of the catalogue by key, from `--columns`.

    Raises:
        InputError: A position or the file cannot be read, or the file holds no position on the sky.
    """
    found = [_named(parse_position(text)) for text in positions]
    if file is None:
        return found
    with _opened(file) as path:
        kind = _region_format(path)
        if kind is not None:
            more = _of_regions(path, kind)
        else:
            more = _of_lines(path) or list(_of_catalogue(path, columns))
    if not any(place.position for place in more):
        reason = f": {more[0].name}: {more[0].error}" if more else ""
        raise InputError(f"--positions {file} holds no position on the sky{reason}")
    return found + more


def _named(position: tuple[float, float], name: object = None) -> Place:
    text = "" if name is None else str(name).strip()
    return Place(text or position_name(*position), position)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[Path]:
    """Yield the path of a file; the standard input is copied to a temporary one."""
    if file != "-":
        yield expand_user(file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "standard input.csv")  # the suffix counts where the content is plain
        path.write_bytes(sys.stdin.buffer.read())
        yield path


def _start(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4096).decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"--positions {path} cannot be read: {error.strerror or error}") from None


def _region_format(path: Path) -> str | None:
    start = _start(path)
    by_content = (kind for text, kind in _REGION_STARTS.items() if start.startswith(text))
    return next(by_content, _REGION_SUFFIXES.get(path.suffix.lower()))


def _of_lines(path: Path) -> list[Place]:
    """Return the places of a text with one position a line; none if its first line is not one."""
    lines = (line for line in _start(path).splitlines() if line.strip() and line[0] != "#")
    try:
        parse_position(next(lines, ""))
    except InputError:
        return []
    found = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                found.append(_named(parse_position(line.strip())))
            except InputError as error:
                raise InputError(f"--positions {path}, line {number}: {error}") from None
    return found


def _of_catalogue(path: Path, columns: Mapping[str, str] | None) -> Iterator[Place]:
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError("catalogues need pyarrow: pip install 'keras-astroattn[parquet]'")
    from keras_astroattn.survey.catalogue import open_catalogue
    from keras_astroattn.survey.column_mapping import MISSING, POSITIONED
    from keras_astroattn.survey.column_mapping import read_positions as positions_of

    catalogue = open_catalogue(path)
    mapping = catalogue.map_columns(given=columns)
    named_by = _COMPOSED.get(mapping.survey) or ((mapping.id,) if mapping.id else ())
    row = 0
    for batch in catalogue.batches(mapping.names | set(named_by)):
        found = positions_of(batch, mapping)
        parts = [batch.column(name).to_pylist() for name in named_by]
        names = ["_".join(map(_text, values)) for values in zip(*parts, strict=True)]
        for place, state in enumerate(found.state.tolist()):
            row += 1
            name = names[place] if names else None
            if state == POSITIONED:
                yield _named((float(found.ra[place]), float(found.dec[place])), name)
            else:
                reason = "no position: RA or Dec is missing"
                reason = reason if state == MISSING else "its position is not on the sky"
                yield Place(name or f"row {row}", None, reason)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _of_regions(path: Path, kind: str) -> list[Place]:
    if importlib.util.find_spec("regions") is None:
        raise InputError("region files need regions: pip install 'keras-astroattn[regions]'")
    from regions import Regions, SkyRegion

    from keras_astroattn.images.quiet import quiet

    try:
        with quiet():
            found = Regions.read(str(path), format=kind)
    except Exception as error:  # the parsers raise many types
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"--positions {path} cannot be read as regions: {reason}") from None
    for region in found:
        if not isinstance(region, SkyRegion):
            raise InputError(
                f"--positions {path}: a region is in pixels: save the regions in ICRS or FK5"
            )
    return [_named(_middle(region), _label(region)) for region in found]


def _middle(region) -> tuple[float, float]:
    """Return the middle of a region, ICRS degrees."""
    from astropy.coordinates import SkyCoord

    from keras_astroattn.images.quiet import quiet

    with quiet():
        if hasattr(region, "center"):
            middle = region.center.icrs
        else:  # a polygon or a line
            corners = region.vertices if hasattr(region, "vertices") else None
            corners = SkyCoord([region.start, region.end]) if corners is None else corners
            mean = corners.icrs.cartesian.mean()
            middle = SkyCoord(mean, frame="icrs").spherical
            return float(middle.lon.wrap_at("360d").deg), float(middle.lat.deg)
    return float(middle.ra.deg), float(middle.dec.deg)


def _label(region) -> str | None:
    return region.meta.get("text") or region.meta.get("label")
