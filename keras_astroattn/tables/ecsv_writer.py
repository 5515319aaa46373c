"""Write tables as ECSV: CSV under a header with types, units, descriptions and provenance."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .batches import Batch
from .columns import Column
from .provenance import Provenance
from .text import encodable, unit_in
from .text_writers import stream_csv

_DATATYPES = {"str": "string"}


def write_ecsv(
    path: Path, columns: Sequence[Column], batches: Iterable[Batch], provenance: Provenance
) -> None:
    """Write a table as ECSV 1.0, separated by commas; unknown values are empty.

    The header is YAML, of which JSON is a part.

    Args:
        path: path of the file.
        columns: columns of the table.
        batches: values, from `batches_of`.
        provenance: provenance of the table.
    """
    lines = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    lines += [f"- {json.dumps(_described(column))}" for column in columns]
    lines += ["meta: !!omap"] if provenance else []
    lines += [f"- {json.dumps({key: encodable(text)})}" for key, text in provenance.items()]
    lines.append("schema: astropy-2.0")
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.writelines(f"# {line}\n" for line in lines)
        stream_csv(file, columns, batches)


def _described(column: Column) -> dict[str, str]:
    found = {
        "name": column.name,
        "datatype": _DATATYPES.get(column.dtype, column.dtype),
        "unit": unit_in(column.unit, "vounit"),
        "description": column.description,
    }
    described = {key: text for key, text in found.items() if text}
    return described | ({"meta": {"ucd": column.ucd}} if column.ucd else {})
