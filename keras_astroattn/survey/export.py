"""A scored survey as one FITS table or VOTable, part by part, for TOPCAT and the like."""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.tables import xml_cell

from .parts import part_paths, read_parts

SUFFIXES = (".fits", ".vot")
"""Of the files that can be written."""

_FITS_KINDS = {
    "bool": ("L", "u1"), "int8": ("I", ">i2"), "int16": ("I", ">i2"), "int32": ("J", ">i4"),
    "int64": ("K", ">i8"), "uint8": ("B", "u1"), "uint16": ("J", ">i4"), "uint32": ("K", ">i8"),
    "float": ("E", ">f4"), "double": ("D", ">f8"), "halffloat": ("E", ">f4"),
}  # fmt: skip
_VOTABLE_KINDS = {
    "bool": "boolean", "int8": "short", "int16": "short", "int32": "int", "int64": "long",
    "uint8": "unsignedByte", "uint16": "int", "uint32": "long", "float": "float",
    "double": "double", "halffloat": "float",
}  # fmt: skip
_NULLS = {"I": -32768, "J": -(2**31), "K": -(2**63)}


def export_survey(folder: Path, path: Path) -> int:
    """Write the table of a survey as one file; give its number of rows.

    Columns that are neither numbers nor text (lists, say) are written as text. Missing
    integers are TNULL in FITS, empty in a VOTable.

    Args:
        folder: Of the output.
        path: It ends in one of `SUFFIXES`.

    Raises:
        InputError: The ending is another, there are no rows, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"--export {path}: its name must end in one of {', '.join(SUFFIXES)}")
    parts = part_paths(folder)
    if not parts:
        raise InputError(f"{folder} holds no rows: there is nothing to export")
    rows = sum(pq.read_metadata(part).num_rows for part in parts)
    schema = pq.read_schema(parts[0])
    try:
        with atomic_path(path) as temporary:
            if suffix == ".fits":
                _write_fits(temporary, folder, schema, rows)
            else:
                _write_votable(temporary, folder, schema)
    except OSError as error:
        raise InputError(f"--export {path} cannot be written: {error.strerror or error}") from None
    return rows


def _note(field: pa.Field, key: bytes) -> str:
    return (field.metadata or {}).get(key, b"").decode()


def _text(column: pa.ChunkedArray) -> list[str | None]:
    if pa.types.is_nested(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    return pc.cast(column, pa.string()).to_pylist()


def _ascii(texts: list[str | None]) -> list[bytes]:
    return [(text or "").encode("ascii", "replace") for text in texts]


def _write_fits(path: Path, folder: Path, schema: pa.Schema, rows: int) -> None:
    from astropy.io import fits

    widths = {field.name: 1 for field in schema if str(field.type) not in _FITS_KINDS}
    for table in read_parts(folder, list(widths)):
        for name in widths:
            longest = max(map(len, _ascii(_text(table.column(name)))), default=0)
            widths[name] = max(widths[name], longest)
    kinds = [
        (f"{widths[f.name]}A", f"S{widths[f.name]}") if f.name in widths
        else _FITS_KINDS[str(f.type)]
        for f in schema
    ]  # fmt: skip
    dtype = np.dtype([(f"c{i}", kind) for i, (_, kind) in enumerate(kinds)])
    header = fits.Header()
    header["XTENSION"], header["BITPIX"], header["NAXIS"] = "BINTABLE", 8, 2
    header["NAXIS1"], header["NAXIS2"] = dtype.itemsize, rows
    header["PCOUNT"], header["GCOUNT"], header["TFIELDS"] = 0, 1, len(kinds)
    for number, (field, (form, _)) in enumerate(zip(schema, kinds, strict=True), start=1):
        header[f"TTYPE{number}"], header[f"TFORM{number}"] = field.name, form
        if form in _NULLS:
            header[f"TNULL{number}"] = _NULLS[form]
        if _note(field, b"unit"):
            header[f"TUNIT{number}"] = _note(field, b"unit")
        if _note(field, b"description"):
            header[f"TCOMM{number}"] = _note(field, b"description")
    with path.open("wb") as file:
        file.write(fits.PrimaryHDU().header.tostring().encode("ascii"))
        file.write(header.tostring().encode("ascii"))
        written = 0
        for table in read_parts(folder):
            records = np.zeros(table.num_rows, dtype)
            for place, (field, (form, _)) in enumerate(zip(schema, kinds, strict=True)):
                column = table.column(field.name)
                if field.name in widths:
                    records[f"c{place}"] = _ascii(_text(column))
                else:
                    records[f"c{place}"] = _fits_values(column, form)
            file.write(records.tobytes())
            written += records.nbytes
        file.write(b"\0" * (-written % 2880))


def _fits_values(column: pa.ChunkedArray, form: str) -> np.ndarray:
    if form == "L":
        texts = {True: ord("T"), False: ord("F"), None: 0}
        return np.array([texts[value] for value in column.to_pylist()], "u1")
    if form in _NULLS and column.null_count:
        column = pc.fill_null(pc.cast(column, pa.int64()), _NULLS[form])
    elif form == "B" and column.null_count:
        column = pc.fill_null(column, 0)
    return column.to_numpy()


def _write_votable(path: Path, folder: Path, schema: pa.Schema) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
            '<RESOURCE type="results">\n<TABLE name="survey">\n'
        )
        for field in schema:
            kind = _VOTABLE_KINDS.get(str(field.type))
            datatype = f'datatype="{kind}"' if kind else 'datatype="unicodeChar" arraysize="*"'
            unit = f" unit={quoteattr(_note(field, b'unit'))}" if _note(field, b"unit") else ""
            file.write(
                f"<FIELD name={quoteattr(field.name)} {datatype}{unit}>"
                f"<DESCRIPTION>{escape(_note(field, b'description'))}</DESCRIPTION></FIELD>\n"
            )
        file.write("<DATA><TABLEDATA>\n")
        for cells in _cells(folder, schema):
            file.write("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in cells) + "</TR>\n")
        file.write("</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n")


def _cells(folder: Path, schema: pa.Schema) -> Iterator[tuple[str, ...]]:
    for table in read_parts(folder):
        columns = []
        for field in schema:
            column = table.column(field.name)
            plain = str(field.type) in _VOTABLE_KINDS
            values = column.to_pylist() if plain else _text(column)
            columns.append([_cell(value) for value in values])
        yield from zip(*columns, strict=True)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value != value:
        return "NaN"
    return xml_cell(value)
