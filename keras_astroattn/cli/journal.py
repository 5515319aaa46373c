"""Rows that are safe on disk before the table is complete, so that a run can go on."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from keras_astroattn.errors import InputError
from keras_astroattn.tables import Row


class Journal:
    """A file of JSON lines beside the results file: what the run is, then its rows.

    Args:
        results: The results file; the journal is `.<its name>.journal`.
        identity: What must be the same for rows to be taken over: model and options.
        resume: Keep the rows of an interrupted run.

    Attributes:
        path: Of the journal.
        done: Paths that have a row.
        scored: How many of these rows are no errors.

    Raises:
        InputError: The interrupted run was another, or the journal cannot be written.
    """

    def __init__(self, results: Path, identity: dict[str, object], resume: bool):
        self.path = results.with_name(f".{results.name}.journal")
        self._identity = json.loads(json.dumps(identity))
        self.done: set[str] = set()
        self.scored = 0
        try:
            kept = self._read() if resume else 0
            self._file: IO[bytes] = open(self.path, "r+b" if kept else "wb")  # noqa: SIM115
            self._file.truncate(kept)
            self._file.seek(kept)
            if not kept:
                self._write_line(self._identity)
        except OSError as error:
            raise self._unwritable(error) from None

    def add(self, row: Row) -> None:
        """Write a row; it is safe against this process being killed when this returns.

        Raises:
            InputError: The disk is full, say; the rows before stay.
        """
        try:
            self._write_line(row)
        except OSError as error:
            raise self._unwritable(error) from None
        self.done.add(row["path"])
        self.scored += row["label"] != "error"

    def rows(self) -> Iterator[Row]:
        """All rows, in the order in which they were written."""
        with self.path.open("rb") as file:
            next(file)
            for line in file:
                yield json.loads(line)

    def close(self) -> None:
        """Close the file and keep it."""
        self._file.close()

    def remove(self) -> None:
        """Close and remove the file: the results file is complete."""
        self.close()
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path)

    def _write_line(self, value: object) -> None:
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()

    def _read(self) -> int:
        """Take over whole lines; give the length of the file up to the last of them."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return 0
        kept = 0
        with file:
            for line in file:
                try:
                    value = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    value = None
                if not isinstance(value, dict):
                    break
                if kept == 0:
                    self._require_same(value)
                else:
                    self.done.add(value["path"])
                    self.scored += value["label"] != "error"
                kept += len(line)
        return kept

    def _require_same(self, identity: dict) -> None:
        differing = [key for key in self._identity if identity.get(key) != self._identity[key]]
        if differing:
            raise InputError(
                f"the interrupted run had another {' and '.join(differing)}: give the same, or "
                "leave --resume out to start anew"
            )

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} cannot be written: {error.strerror or error}; mend that, then go on "
            "with --resume"
        )
