"""Read VOTables as Arrow: rows of TABLEDATA are streamed, the binary forms are read whole.

Nothing outside the file is read: a STREAM that refers to other data is refused.
"""

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from keras_astroattn.errors import InputError
from keras_astroattn.images.quiet import quiet

from .catalogue_file import CatalogueFile
from .coordinates import stated_frame

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
    """Reader of the first table of a VOTable that has rows.

    Integers that equal the null value of a field's VALUES are nulls, as are empty cells.

    Args:
        file: the file.
    """

    rows: int | None = None

    def __init__(self, file: CatalogueFile):
        self._path = file.path
        self._file = file
        self._table = _find_table(file)
        frame = self._table.frame
        metadata = {"frame": frame} if frame else None
        if self._table.serialization == "TABLEDATA":
            self._nulls = [one["null"] for one in self._table.fields]
            self.schema = pa.schema(
                [pa.field(f["name"], f["kind"], metadata=f["notes"]) for f in self._table.fields],
                metadata=metadata,
            )
            return
        notes = {one["name"]: one["notes"] for one in self._table.fields}
        whole = _read_whole(file, self._table.number)
        self._check_rows(whole.num_rows)
        self.schema = pa.schema(
            [one.with_metadata(notes.get(one.name, {})) for one in whole.schema], metadata
        )
        self._whole, self.rows = whole.cast(self.schema), whole.num_rows

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, with the given part of the schema's columns."""
        if self._table.serialization != "TABLEDATA":
            for batch in self._whole.to_batches():
                columns = batch.select(schema.names).columns
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
            return
        rows: list[list[str | None]] = []
        count = 0
        for row in _table_rows(self._file, self._table.number, len(self.schema)):
            rows.append(row)
            count += 1
            if len(rows) == _ROWS:
                yield self._batch(rows, schema)
                rows = []
        self._check_rows(count)
        if rows:
            yield self._batch(rows, schema)

    def _check_rows(self, count: int) -> None:
        stated = self._table.rows
        if stated is not None and stated != count:
            raise InputError(
                f"catalogue {self._path} is incomplete: nrows says {stated} rows, it holds {count}"
            )

    def _batch(self, rows: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
        columns, wanted = [], set(schema.names)
        for number, (name, null) in enumerate(zip(self.schema.names, self._nulls, strict=True)):
            if name not in wanted:
                continue
            column, texts = schema.field(name), [row[number] for row in rows]
            try:
                values = [_value(text, column.type, null) for text in texts]
                columns.append(pa.array(values, column.type))
            except (ValueError, OverflowError, pa.ArrowInvalid) as error:
                raise InputError(
                    f"catalogue {self._path}: column {column.name} holds a value that is no "
                    f"{column.type}: {' '.join(str(error).split())[:100]}"
                ) from None
        return pa.RecordBatch.from_arrays(columns, schema=schema)


@dataclass
class _Table:
    """A table of the file: its fields and the position of its rows."""

    number: int
    rows: int | None
    fields: list[dict] = field(default_factory=list)
    serialization: str = ""
    frame: str | None = None


def _events(file: CatalogueFile) -> Iterator[tuple[str, str, ElementTree.Element]]:
    try:
        with file.opened() as stream:
            _skip_blank(stream)
            for event, element in ElementTree.iterparse(stream, events=("start", "end")):
                if not element.tag.endswith("TD"):  # most of the file
                    yield event, element.tag.rsplit("}", 1)[-1], element
    except ElementTree.ParseError as error:
        raise InputError(f"catalogue {file.path} is not a complete VOTable: {error}") from None


def _skip_blank(stream) -> None:
    """Go to the first non-blank byte: XML allows none before its declaration."""
    start = stream.read(65536)
    stream.seek(len(start) - len(start.lstrip()))


def _find_table(file: CatalogueFile) -> _Table:
    """Return the first table with rows, otherwise the first one with a DATA element."""
    number, table, empty, systems = -1, None, None, {}
    root = None
    for event, name, element in _events(file):
        root = root or name
        if root != "VOTABLE":
            raise InputError(f"catalogue {file.path} is XML, but not a VOTable")
        if event == "end" and name == "FIELD" and table is not None:
            table.fields.append(_field(element))
        elif event == "start" and name == "COOSYS":
            system = element.get("system") or "eq_FK5"  # the standard's default
            systems[element.get("ID")] = stated_frame(system, element.get("equinox"))
        elif event == "start" and name == "TABLE":
            number += 1
            table = _Table(number, _count(file, element.get("nrows")))
        elif event == "start" and name in ("TABLEDATA", "BINARY", "BINARY2", "FITS") and table:
            table.serialization = name
        elif event == "start" and name == "STREAM" and element.get("href") is not None:
            raise InputError(
                f"catalogue {file.path} stores its rows elsewhere ({element.get('href')[:100]}): "
                "fetch a VOTable that holds them"
            )
        elif event == "start" and name in ("TR", "STREAM") and table and table.serialization:
            _set_frames(table, systems)
            return table
        elif event == "end" and name == "TABLE":
            if table is not None and table.serialization and empty is None:
                empty = table
            table = None
    if empty is None:
        raise InputError(f"catalogue {file.path} holds no table")
    _set_frames(empty, systems)
    return empty


def _count(file: CatalogueFile, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.strip().isdecimal():
        raise InputError(f"catalogue {file.path}: nrows is {text[:40]!r}, no number")
    return int(text)


def _set_frames(table: _Table, systems: dict[str | None, str]) -> None:
    """Assign to each field the frame it refers to; otherwise to the table the only frame."""
    referred = False
    for one in table.fields:
        if one["ref"] in systems:
            one["notes"]["frame"] = systems[one["ref"]]
            referred = True
    if systems and not referred:
        table.frame = " or ".join(sorted(set(systems.values())))


def _field(element: ElementTree.Element) -> dict:
    datatype, size = element.get("datatype", "char"), element.get("arraysize")
    parts = {child.tag.rsplit("}", 1)[-1]: child for child in element}
    notes = {"unit": element.get("unit"), "ucd": element.get("ucd")}
    if "DESCRIPTION" in parts:
        notes["description"] = " ".join((parts["DESCRIPTION"].text or "").split())
    null = parts["VALUES"].get("null") if "VALUES" in parts else None
    # Vectors stay text, as in the file.
    scalar = size in (None, "1")
    return {
        "name": element.get("name") or element.get("ID") or "",
        "kind": _KINDS.get(datatype, pa.string()) if scalar else pa.string(),
        "notes": {key: value for key, value in notes.items() if value},
        "null": null,
        "ref": element.get("ref"),
    }


def _table_rows(file: CatalogueFile, wanted: int, count: int) -> Iterator[list[str | None]]:
    table, number = None, -1
    for event, name, element in _events(file):
        if name == "TABLE" and event == "start":
            number += 1
        elif number != wanted:
            continue
        elif name == "TABLEDATA":
            if event == "end":
                return
            table = element
        elif name == "TR" and event == "end" and table is not None:
            row = [cell.text for cell in element]
            if len(row) != count:
                raise InputError(f"catalogue {file.path}: a row has {len(row)} cells, not {count}")
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


def _read_whole(file: CatalogueFile, number: int) -> pa.Table:
    with file.opened() as stream:
        _skip_blank(stream)
        content = stream.read(_LARGEST_BINARY + 1)
    if len(content) > _LARGEST_BINARY:
        raise InputError(
            f"catalogue {file.path}: a binary VOTable of this size would not fit in memory: "
            "convert it to FITS or Parquet"
        )
    from astropy.io.votable import parse

    with quiet():
        try:
            # Other tables are neither read nor fetched.
            found = parse(io.BytesIO(content), table_number=number).get_first_table()
            table = found.to_table(use_names_over_ids=True)
        except Exception as error:  # astropy raises many types for broken files
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"catalogue {file.path} cannot be read as a VOTable: {reason}"
            ) from None
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
        fields.append(pa.field(column.name, array.type))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
