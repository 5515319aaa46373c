"""The table of fetched cutouts; it is complete after every row."""

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.files import held
from keras_astroattn.tables import Column, batches_of, write_table

from .image import is_complete_file
from .sources import Key, Source, file_name

FETCHED, NO_COVERAGE, FAILED = "fetched", "no_coverage", "failed"
"""Values of the column `status`."""

TABLE = "fetched.csv"
"""Name of the table in the output folder."""

# fmt: off
COLUMNS = (
    Column("name", "str", "name of the source in the list of positions", None, "meta.id"),
    Column("ra", "float64", "right ascension that was asked for (ICRS)", "deg", "pos.eq.ra"),
    Column("dec", "float64", "declination that was asked for (ICRS)", "deg", "pos.eq.dec"),
    Column("survey", "str", "survey", None, "meta.id"),
    Column("size_arcmin", "float64", "width that was asked for", "arcmin", "phys.angSize"),
    Column("file", "str", "file in the folder of this table", None, "meta.file"),
    Column("status", "str", "fetched, no_coverage or failed", None, "meta.code.status"),
    Column("reason", "str", "reason why there is no file", None, "meta.note"),
    Column("url", "str", "address of the cutout", None, "meta.ref.url"),
)
"""Columns of the table."""
# fmt: on


class FetchTable:
    """Rows by source, in a file that grows with each row.

    Args:
        folder: the output folder.
        survey: name of the survey.
        size: width of the cutouts, arcmin.
        overwrite: ignore an existing table.

    Raises:
        InputError: The folder holds other files, or cutouts of another survey or size.
    """

    def __init__(self, folder: Path, survey: str, size: float, overwrite: bool):
        self.path = folder / TABLE
        self._folder, self._survey, self._size = folder, survey, size
        self._rows: dict[Key, Mapping] = {}
        if self.path.exists():
            self._read(overwrite)
        elif any(not path.name.startswith(".") for path in folder.iterdir()):
            raise InputError(
                f"--output {folder} holds files and no {TABLE}: name a new or empty folder"
            )
        self._file = self.path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        if not self._file.tell():
            self._write([column.name for column in COLUMNS])

    def _read(self, overwrite: bool) -> None:
        content = self.path.read_bytes()
        kept = content.rfind(b"\n") + 1  # a killed process may have cut off the last line
        os.truncate(self.path, kept)
        lines = csv.reader(content[:kept].decode("utf-8", "replace").splitlines(keepends=True))
        names = [column.name for column in COLUMNS]
        if kept and next(lines) != names:
            raise InputError(f"{self.path} is another table: name another --output")
        for line in lines:
            row: dict = dict(zip(names, line, strict=False))
            try:
                row |= {name: float(row[name]) for name in ("ra", "dec", "size_arcmin")}
            except (KeyError, ValueError):
                raise InputError(f"{self.path} is damaged at the row {','.join(line)}") from None
            if not (self._is_ours(row) or overwrite):
                raise InputError(
                    f"--output {self._folder} holds cutouts of {row['survey']}, "
                    f"{row['size_arcmin']:g} arcmin wide: name another folder, or add --overwrite"
                )
            self._rows[row["name"], row["ra"], row["dec"]] = row

    def _is_ours(self, row: Mapping) -> bool:
        return row["survey"] == self._survey and row["size_arcmin"] == self._size

    def is_done(self, source: Source) -> bool:
        """Return whether a source needs no request: its file is there, or there is none."""
        row = self._rows.get(source.key)
        if row is None or not self._is_ours(row):
            return False
        if row["status"] == FETCHED:
            return is_complete_file(self._folder / row["file"])
        return row["status"] == NO_COVERAGE

    def names(self, sources: list[Source]) -> dict[Key, str]:
        """Return the name of the file of each source, by its key; known sources keep theirs."""
        named = {key: row["file"] for key, row in self._rows.items() if row["file"]}
        taken = set(named.values())
        for source in sources:
            if source.key not in named or not named[source.key].startswith(f"{self._survey}_"):
                named[source.key] = file_name(self._survey, source, taken)
                taken.add(named[source.key])
        return named

    def add(self, source: Source, status: str, file: str = "", reason: str = "", url: str = ""):
        """Add the row of a source; it is on disk when this method returns."""
        values = (*source.key, self._survey, self._size, file, status, reason, url)
        row = dict(zip((column.name for column in COLUMNS), values, strict=True))
        self._rows[source.key] = row
        self._write(values)

    def _write(self, values) -> None:
        self._writer.writerow(values)
        self._file.flush()

    def rows(self, sources: list[Source]) -> Iterator[Mapping]:
        """Yield the rows of the given sources, in their order."""
        for key in dict.fromkeys(source.key for source in sources):
            if key in self._rows:
                yield self._rows[key]

    def finish(self, sources: list[Source]) -> None:
        """Write each row once: those of the given sources in their order, then the others."""
        self._file.close()
        keys = dict.fromkeys([*(source.key for source in sources), *self._rows])
        rows = [self._rows[key] for key in keys if key in self._rows]
        write_table(self.path, COLUMNS, batches_of(COLUMNS, rows))


@contextmanager
def open_table(folder: Path, survey: str, size: float, overwrite: bool) -> Iterator[FetchTable]:
    """Create the output folder, and hold it against other runs.

    Raises:
        InputError: As for `FetchTable`; or the folder is not writable, or another run writes.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with held(folder):
            table = FetchTable(folder, survey, size, overwrite)
            try:
                yield table
            finally:
                table._file.close()
    except BlockingIOError:
        raise InputError(
            f"--output {folder} is being written by another run: wait for its end"
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise InputError(
            f"--output {folder} cannot be written: {reason}; then give the same command again"
        ) from None
