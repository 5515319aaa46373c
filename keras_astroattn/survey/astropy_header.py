"""Notes of astropy about a table, in YAML: the header of ECSV, and the metadata of Parquet."""

from collections.abc import Iterable, Mapping, Sequence

from keras_astroattn.errors import InputError
from keras_astroattn.images.quiet import quiet

from .coordinates import stated_frame

Notes = dict[str, dict[str, str]]
"""`unit`, `description`, `datatype` and `frame` by column."""


def table_notes(lines: Sequence[str]) -> tuple[str | None, Notes]:
    """Return the frame of a table, and the notes about its columns.

    Args:
        lines: lines of the YAML text.

    Returns:
        The frame, or None; and the notes by the name of the column.

    Raises:
        InputError: The text is not astropy's.
    """
    from astropy.table import meta

    with quiet():
        try:
            header = meta.get_header_from_yaml(list(lines))
            columns = header["datatype"]
            notes = {str(column["name"]): _kept(column) for column in columns}
            table = header.get("meta") or {}
        except Exception as error:  # YAML raises many types
            reason = " ".join(str(error).split())[:100]
            raise InputError(f"the header is not astropy's: {reason}") from None
    if not isinstance(table, Mapping):
        return None, notes
    for name, frame in _frames(table.get("__serialized_columns__") or {}):
        if name in notes:
            notes[name]["frame"] = frame
    values = {str(key).upper(): value for key, value in table.items()}
    system = values.get("RADESYS", values.get("RADECSYS"))
    return stated_frame(system, values.get("EQUINOX")), notes


def _kept(column: Mapping) -> dict[str, str]:
    kept = {key: column.get(key) for key in ("unit", "description", "datatype")}
    return {key: str(value) for key, value in kept.items() if value}


def _frames(serialized: Mapping) -> Iterable[tuple[str, str]]:
    """Yield (name of a column, frame) of the coordinates that were written as columns."""
    for one in serialized.values():
        if not isinstance(one, Mapping) or "SkyCoord" not in str(one.get("__class__")):
            continue
        equinox = one.get("equinox")
        frame = stated_frame(one.get("frame"), getattr(equinox, "value", equinox))
        for part in one.values():
            value = part.get("value") if isinstance(part, Mapping) else None
            for column in (part, value):
                if isinstance(column, Mapping) and "name" in column and frame:
                    yield str(column["name"]), frame
