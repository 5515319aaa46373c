"""Write tables as VOTable, row by row; astropy's writer would hold the whole table in memory."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .batches import Batch
from .columns import Column
from .provenance import Provenance
from .text import printable, unit_in, xml_cell

_DATATYPES = {
    "bool": "boolean", "uint8": "unsignedByte", "int16": "short", "int32": "int",
    "int64": "long", "float32": "float", "float64": "double",
}  # fmt: skip


def write_votable(
    path: Path, columns: Sequence[Column], batches: Iterable[Batch], provenance: Provenance
) -> None:
    """Write a table as VOTable 1.4; unknown values are empty cells."""
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
            '<RESOURCE type="results">\n'
        )
        for key, text in provenance.items():
            file.write(f"<INFO name={quoteattr(key)} value={quoteattr(printable(text))}/>\n")
        file.write('<TABLE name="sources">\n')
        for column in columns:
            file.write(_field(column))
        file.write("<DATA><TABLEDATA>\n")
        for batch in batches:
            lists = (v if isinstance(v, list) else v.tolist() for v in batch)
            for row in zip(*lists, strict=True):
                cells = "".join(f"<TD>{xml_cell(value)}</TD>" for value in row)
                file.write(f"<TR>{cells}</TR>\n")
        file.write("</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n")


def _field(column: Column) -> str:
    datatype = _DATATYPES.get(column.dtype)
    attributes = {
        "name": column.name,
        "datatype": datatype or "unicodeChar",
        "arraysize": None if datatype else "*",
        "unit": unit_in(column.unit, "vounit"),
        "ucd": column.ucd,
    }
    text = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items() if value)
    if not column.description:
        return f"<FIELD {text}/>\n"
    return f"<FIELD {text}><DESCRIPTION>{escape(column.description)}</DESCRIPTION></FIELD>\n"
