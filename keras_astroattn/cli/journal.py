"""Journal of rows that are safe on disk before the table is complete, to resume a run."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from keras_astroattn.errors import InputError
from keras_astroattn.files import held
from keras_astroattn.tables import Row

_KEY = "_key"


class Journal:
    """A file of JSON lines next to the results file: the identity of the run, then its rows.

    Args:
        results: the results file; the journal is `.<its name>.journal`.
        identity: values that must be equal to continue a run: model and options.
        resume: keep the rows of an interrupted run.
        overwrite: replace the results file, and the rows of an interrupted run unless `resume`.

    Attributes:
        path: path of the journal.
        done: keys that have a row.
        scored: number of these rows that are not errors.

    Raises:
        InputError: Another run writes to the results file, the file exists, the interrupted run
            had other options, or the journal is not writable.
    """

    def __init__(
        self,
        results: Path,
        identity: dict[str, object],
        resume: bool = False,
        overwrite: bool = False,
    ):
        self.path = results.with_name(f".{results.name}.journal")
        self._results = results
        self._identity = json.loads(json.dumps(identity))
        self.done: set[str] = set()
        self.scored = 0
        self._open = contextlib.ExitStack()
        try:
            # Not truncated, because another run may hold it. Not buffered, because a failed
            # write must not be repeated when the file is closed.
            self._file: IO[bytes] = self._open.enter_context(self.path.open("ab+", buffering=0))
            self._open.enter_context(held(self.path))
            self._begin(resume, overwrite)
        except BlockingIOError:
            self.close()
            raise InputError(
                f"--output {results} is being written by another run: wait for its end, or name "
                "another file"
            ) from None
        except OSError as error:
            self.close()
            raise self._unwritable(error) from None
        except InputError:
            if self.path.stat().st_size:
                self.close()
            else:
                self.remove()
            raise

    def _begin(self, resume: bool, overwrite: bool) -> None:
        kept = 0 if overwrite and not resume else self._read(resume)
        if self._results.exists() and not overwrite and not (resume and kept):
            raise InputError(
                f"--output {self._results} exists"
                + (", and there is no interrupted run to go on with" if resume else "")
                + ": add --overwrite to replace it, or name another file"
            )
        if not resume and self.done:
            raise InputError(
                f"an interrupted run to --output {self._results} has {len(self.done)} rows: add "
                "--resume to go on with it, or --overwrite to start from the beginning"
            )
        kept = kept if resume else 0
        self._file.truncate(kept)
        if not kept:
            self._write_line(self._identity)

    def add(self, key: str, row: Row) -> None:
        """Write a row; it survives the end of this process when this method returns.

        Args:
            key: key of the row's target; each row has another one.
            row: the row.

        Raises:
            InputError: The file is not writable (for example, the disk is full); earlier rows
                remain.
        """
        try:
            self._write_line(row | {_KEY: key})
        except OSError as error:
            raise self._unwritable(error) from None
        self.done.add(key)
        self.scored += row["label"] != "error"

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield the key and the row of all rows, in the order in which they were written."""
        with self.path.open("rb") as file:
            next(file)
            for line in file:
                row = json.loads(line)
                yield row.pop(_KEY), row

    def close(self) -> None:
        """Close and keep the file; other runs may then write to the results file."""
        self._open.close()

    def remove(self) -> None:
        """Remove and close the file, after the results file is complete."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path)
        self.close()

    def _write_line(self, value: object) -> None:
        left = memoryview(json.dumps(value).encode() + b"\n")
        while left:  # a nearly full disk accepts only a part
            left = left[self._file.write(left) :]

    def _read(self, same: bool) -> int:
        """Read the complete rows, only those of the same run if `same`.

        Returns:
            Length of the file up to the end of the last complete line.
        """
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
                if not isinstance(value, dict) or (kept and _KEY not in value):
                    break
                if kept == 0:
                    if same:
                        self._require_same(value)
                else:
                    self.done.add(value[_KEY])
                    self.scored += value["label"] != "error"
                kept += len(line)
        return kept

    def _require_same(self, identity: dict) -> None:
        differing = [key for key in self._identity if identity.get(key) != self._identity[key]]
        if differing:
            raise InputError(
                f"the interrupted run had another {' and '.join(differing)}: give the same, or "
                "--overwrite without --resume to start from the beginning"
            )

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} cannot be written: {error.strerror or error}; free the disk, then go on "
            "with --resume"
        )
