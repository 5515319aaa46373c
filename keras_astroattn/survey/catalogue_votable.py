"""VOTables as Arrow: rows of TABLEDATA are streamed, the binary forms are read whole."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from keras_astroattn.errors import InputError
from keras_astroattn.images.quiet import quiet

_ROWS = 16384
_LARGEST_BINARY = 300 * 2**20
_KINDS = {
    "boolean": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}
_TRUE, _FALSE = {"t", "true", "1"}, {"f", "false", "0"}


class VOTableReader:
    """Reads the first table of a VOTable.

    Integers that equal a field's VALUES null are nulls, and so are empty cells.
    """

    rows: int | None = None

    def __init__(self, path: Path):
        self._path = path
        fields, self._serialization = _read_fields(path)
        if self._serialization != "TABLEDATA":
            self._whole = _read_whole(path)
            self.schema, self.rows = self._whole.schema, self._whole.num_rows
            return
        self._nulls = [field["null"] for field in fields]
        self.schema = pa.schema(
            [pa.field(f["name"], f["kind"], metadata=f["notes"]) for f in fields]
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in order."""
        if self._serialization != "TABLEDATA":
            yield from self._whole.to_batches()
            return
        rows: list[list[str | None]] = []
        for row in _table_rows(self._path, len(self.schema)):
            rows.append(row)
            if len(rows) == _ROWS:
                yield self._batch(rows)
                rows = []
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[list[str | None]]) -> pa.RecordBatch:
        columns = []
        for texts, field, null in zip(
            zip(*rows, strict=True), self.schema, self._nulls, strict=True
        ):
            try:
                values = [_value(text, field.type, null) for text in texts]
                columns.append(pa.array(values, field.type))
            except (ValueError, OverflowError, pa.ArrowInvalid) as error:
                raise InputError(
                    f"catalogue {self._path}: column {field.name} holds what is no "
                    f"{field.type}: {' '.join(str(error).split())[:100]}"
                ) from None
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _events(path: Path) -> Iterator[tuple[str, str, ElementTree.Element]]:
    try:
        with path.open("rb") as file:
            for event, element in ElementTree.iterparse(file, events=("start", "end")):
                yield event, element.tag.rsplit("}", 1)[-1], element
    except ElementTree.ParseError as error:
        raise InputError(f"catalogue {path} is no whole VOTable: {error}") from None


def _read_fields(path: Path) -> tuple[list[dict], str]:
    fields = []
    for event, name, element in _events(path):
        if event == "end" and name == "FIELD":
            fields.append(_field(element))
        if event == "start" and name in ("TABLEDATA", "BINARY", "BINARY2", "FITS"):
            return fields, name
    raise InputError(f"catalogue {path} holds no table")


def _field(element: ElementTree.Element) -> dict:
    datatype, size = element.get("datatype", "char"), element.get("arraysize")
    parts = {child.tag.rsplit("}", 1)[-1]: child for child in element}
    notes = {"unit": element.get("unit"), "ucd": element.get("ucd")}
    if "DESCRIPTION" in parts:
        notes["description"] = " ".join((parts["DESCRIPTION"].text or "").split())
    null = parts["VALUES"].get("null") if "VALUES" in parts else None
    # Vectors stay the text that they are in the file.
    scalar = size in (None, "1")
    return {
        "name": element.get("name") or element.get("ID") or "",
        "kind": _KINDS.get(datatype, pa.string()) if scalar else pa.string(),
        "notes": {key: value for key, value in notes.items() if value},
        "null": null,
    }


def _table_rows(path: Path, count: int) -> Iterator[list[str | None]]:
    table = None
    for event, name, element in _events(path):
        if name == "TABLEDATA":
            if event == "end":
                return
            table = element
        elif name == "TR" and event == "end" and table is not None:
            row = [cell.text for cell in element]
            if len(row) != count:
                raise InputError(f"catalogue {path}: a row has {len(row)} cells, not {count}")
            yield row
            table.clear()


def _value(text: str | None, kind: pa.DataType, null: str | None):
    if kind == pa.string():
        return text
    text = (text or "").strip()
    if not text or text == null:
        return None
    if kind == pa.bool_():
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else None
    if pa.types.is_integer(kind):
        return int(text, 0) if text.lower().startswith("0x") else int(text)
    return float(text)


def _read_whole(path: Path) -> pa.Table:
    if path.stat().st_size > _LARGEST_BINARY:
        raise InputError(
            f"catalogue {path}: a binary VOTable of this size would not fit in memory: "
            "convert it to FITS or Parquet"
        )
    from astropy.io.votable import parse_single_table

    with quiet():
        try:
            table = parse_single_table(path).to_table(use_names_over_ids=True)
        except Exception as error:  # astropy raises many kinds for broken files
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"catalogue {path} cannot be read as a VOTable: {reason}") from None
    fields, arrays = [], []
    for column in table.itercols():
        values = np.asarray(column)
        native = values.astype(values.dtype.newbyteorder("=")) if values.dtype.kind != "O" else None
        mask = np.broadcast_to(getattr(column, "mask", False), values.shape)
        if native is not None and native.ndim == 1 and native.dtype.kind in "biuf":
            array = pa.array(native, mask=np.asarray(mask) if native.dtype.kind != "f" else None)
        else:
            texts = [None if m else str(v) for v, m in zip(values, mask, strict=True)] \
                if values.ndim == 1 else [str(v) for v in values]  # fmt: skip
            array = pa.array(texts, pa.string())
        notes = {"unit": str(column.unit) if column.unit else None}
        notes["description"] = column.description
        notes = {key: value for key, value in notes.items() if value}
        fields.append(pa.field(column.name, array.type, metadata=notes))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
