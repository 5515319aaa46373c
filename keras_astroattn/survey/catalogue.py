"""Catalogues of any size as Arrow batches: CSV, FITS tables, VOTables and Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from keras_astroattn.errors import InputError

from .session import require_packages

require_packages("pyarrow")

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

BATCH_ROWS = 65536
"""Rows that a reader gives at a time, at most."""

RESERVED = "aa_"
"""What the names of our columns begin with."""


class Reader(Protocol):
    """What a format has to offer.

    Attributes:
        schema: Of every batch; a field's metadata may hold `unit` and `description`.
        rows: Number of rows, None where it is known only at the end.
    """

    schema: pa.Schema
    rows: int | None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in order."""


@dataclass(frozen=True)
class Catalogue:
    """A table of sources on disk.

    Attributes:
        path: Of the file.
        schema: Its columns, with units and descriptions where the format has them.
        rows: Number of rows, None where it is known only at the end.
    """

    path: Path
    schema: pa.Schema
    rows: int | None
    _reader: Reader = field(repr=False)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in order, at most `BATCH_ROWS` at a time.

        Raises:
            InputError: The file is damaged.
        """
        try:
            for batch in self._reader.batches():
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)
        except (pa.ArrowException, OSError, ValueError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
            raise InputError(f"catalogue {self.path} cannot be read: {reason}") from None


class _ParquetReader:
    def __init__(self, path: Path):
        self._path = path
        with pq.ParquetFile(path) as file:
            # pandas' own notes in the schema would no longer hold for what is written.
            self.schema = file.schema_arrow.remove_metadata()
            self.rows = file.metadata.num_rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)


def open_catalogue(path: str | Path) -> Catalogue:
    """Open a catalogue; its format is told by the file's content, else by its name.

    Raises:
        InputError: The file cannot be read, is of another format, or has two columns of
            one name or one whose name begins with `aa_`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise InputError(f"catalogue {path} cannot be read: {error.strerror or error}") from None
    if not start.strip():
        raise InputError(f"catalogue {path} is empty")
    try:
        reader = _reader_of(path, start)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"catalogue {path} cannot be read: {' '.join(str(error).split())[:200]}"
        ) from None
    names = reader.schema.names
    for name in names:
        if name.lower().startswith(RESERVED):
            raise InputError(
                f"catalogue {path}: its column {name} begins with {RESERVED}, as ours do: rename it"
            )
        if names.count(name) > 1:
            raise InputError(f"catalogue {path}: two columns are named {name!r}: rename one")
    return Catalogue(path, reader.schema, reader.rows, reader)


def _reader_of(path: Path, start: bytes) -> Reader:
    name = path.name.lower()
    if start.startswith(b"PAR1"):
        return _ParquetReader(path)
    if start.startswith(b"SIMPLE  =") or name.endswith((".fits.gz", ".fit.gz", ".fits.bz2")):
        from .catalogue_fits import FitsReader

        return FitsReader(path)
    if b"<VOTABLE" in start or b"<?xml" in start:
        from .catalogue_votable import VOTableReader

        return VOTableReader(path)
    plain = name.removesuffix(".gz").removesuffix(".bz2")
    if plain.endswith((".csv", ".tsv", ".txt", ".ecsv", ".dat")):
        from .catalogue_csv import CsvReader

        return CsvReader(path)
    raise InputError(f"catalogue {path} is neither CSV nor a FITS table, a VOTable or Parquet")
