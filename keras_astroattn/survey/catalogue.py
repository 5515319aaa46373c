"""Read catalogues of any size as Arrow batches: CSV, ECSV, FITS tables, VOTables and Parquet."""

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from keras_astroattn.errors import InputError, reason_of

from .session import require_packages

require_packages("pyarrow")

import pyarrow as pa  # noqa: E402

from .catalogue_file import BATCH_ROWS, RESERVED, CatalogueFile, Reader  # noqa: E402
from .column_mapping import ColumnMapping, map_columns  # noqa: E402

_START = 65536  # bytes read to find the format: blank lines may precede a VOTable


@dataclass(frozen=True)
class Catalogue:
    """A table of sources on disk.

    Attributes:
        path: path of the file.
        schema: its columns, with unit, description, UCD and frame if stated.
        rows: number of rows; None if it is known only at the end.
    """

    path: Path
    schema: pa.Schema
    rows: int | None
    _reader: Reader = field(repr=False)

    def batches(self, columns: Collection[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, at most `BATCH_ROWS` at a time.

        Args:
            columns: names of the columns to read; None: all.

        Raises:
            InputError: The file is damaged.
        """
        schema = self.schema
        if columns is not None:
            schema = pa.schema([f for f in schema if f.name in columns], schema.metadata)
        with _one_error(self.path):
            for batch in self._reader.batches(schema):
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)

    def map_columns(
        self, survey: str | None = None, given: Mapping[str, str] | None = None
    ) -> ColumnMapping:
        """Find the column of each key, as `column_mapping.map_columns` does.

        Args:
            survey: a name in `column_mapping.ADAPTERS`; None: recognised by the columns.
            given: columns by key from the user, which take precedence.

        Raises:
            InputError: A column is not found or not understood. The message names the file.
        """
        try:
            return map_columns(self.schema, survey, given)
        except InputError as error:
            raise InputError(f"catalogue {self.path}: {error}") from None


def open_catalogue(path: str | Path) -> Catalogue:
    """Open a catalogue. The content decides the format, otherwise the name.

    Args:
        path: path of the file, plain or packed with gzip, bzip2 or xz.

    Returns:
        The catalogue.

    Raises:
        InputError: The file cannot be read, has another format, has two columns of the same
            name, or has a column whose name begins with `aa_`.
    """
    path = Path(path)
    try:
        file = CatalogueFile(path)
    except InputError as error:
        raise InputError(f"catalogue {error}") from None
    with _one_error(path):
        reader = _reader_of(file)
    names = reader.schema.names
    for name, count in Counter(names).items():
        if name.lower().startswith(RESERVED):
            raise InputError(
                f"catalogue {path}: its column {name} begins with {RESERVED}, as ours do: rename it"
            )
        if count > 1:
            raise InputError(f"catalogue {path}: two columns are named {name!r}: rename one")
    return Catalogue(path, reader.schema, reader.rows, reader)


@contextlib.contextmanager
def _one_error(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    # LookupError: an XML encoding that does not exist.
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError, LookupError) as error:
        raise InputError(f"catalogue {path} cannot be read: {reason_of(error)}") from None


def _reader_of(file: CatalogueFile) -> Reader:
    with file.opened() as stream:
        start = stream.read(_START)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(f"catalogue {file.path} is empty")
    if start.startswith(b"PAR1"):
        from .catalogue_parquet import ParquetReader

        return ParquetReader(file)
    if start.startswith(b"SIMPLE  ="):
        from .catalogue_fits import FitsReader

        return FitsReader(file)
    if text.startswith((b"<?xml", b"<VOTABLE", b"<!--")):
        from .catalogue_votable import VOTableReader

        return VOTableReader(file)
    name = file.path.name.lower()
    for packed in (".gz", ".bz2", ".xz"):
        name = name.removesuffix(packed)
    if name.endswith((".csv", ".tsv", ".txt", ".ecsv", ".dat", ".gaul", ".srl")) or text.startswith(
        b"# %ECSV"
    ):
        from .catalogue_csv import CsvReader

        return CsvReader(file)
    raise InputError(f"catalogue {file.path} is neither CSV nor a FITS table, a VOTable or Parquet")
