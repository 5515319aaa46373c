"""Write tables as JSON: the columns, then one object for each row."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from .batches import Batch
from .columns import Column


def write_json(path: Path, columns: Sequence[Column], batches: Iterable[Batch]) -> None:
    """Write a table as strict JSON; unknown and infinite values are null."""
    names = [column.name for column in columns]
    notes = [
        {"name": c.name, "unit": c.unit, "ucd": c.ucd, "description": c.description}
        for c in columns
    ]
    between = "\n"
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write('{"columns": ' + json.dumps(notes) + ',\n"sources": [')
        for batch in batches:
            lists = (v if isinstance(v, list) else v.tolist() for v in batch)
            for row in zip(*lists, strict=True):
                file.write(between + json.dumps(dict(zip(names, map(_finite, row), strict=True))))
                between = ",\n"
        file.write("\n]}\n")


def _finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
