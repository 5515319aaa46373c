"""The file of a catalogue, and the interface of the reader of each format."""

import contextlib
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from keras_astroattn.images.fits_file import open_fits

BATCH_ROWS = 65536
"""Most rows of a batch."""

RESERVED = "aa_"
"""Prefix of the columns that a survey adds."""


class CatalogueFile:
    """The bytes of a catalogue; a packed one (gzip, bzip2, xz) is unpacked once.

    Args:
        path: path of the file.

    Raises:
        InputError: The file cannot be read, is empty, or its checksum is wrong.
    """

    def __init__(self, path: Path):
        self.path = path
        file, is_packed = open_fits(path)
        self._unpacked: BinaryIO | None = None
        if is_packed:
            self._unpacked = file
            weakref.finalize(self, file.close)
        else:
            # Opened for each pass, because pages of a mapped file count as this process's memory.
            file.close()

    @contextlib.contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the unpacked bytes at their beginning, for one reader at a time."""
        if self._unpacked is None:
            with self.path.open("rb") as file:
                yield file
        else:
            self._unpacked.seek(0)
            yield self._unpacked


class Reader(Protocol):
    """Interface of the reader of a format.

    Attributes:
        schema: schema of every batch. The metadata of a field may hold `unit`,
            `description`, `ucd` and `frame`, that of the schema `frame`.
        rows: number of rows; None if it is known only at the end.
    """

    schema: pa.Schema
    rows: int | None

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, with the given part of the schema's columns."""
