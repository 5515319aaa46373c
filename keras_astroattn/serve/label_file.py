"""`LabelFile`: labels on the disk as soon as they are given, each as one appended line."""

import csv
import errno
import fcntl
import io
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import Chosen, GivenLabel
from keras_astroattn.recalibration.label_files import label_history
from keras_astroattn.recalibration.labels import CLEARED, FIELDS, refuse_strange
from keras_astroattn.tables import utc_now

_MODE = 0o644


class LabelFile:
    """A file of labels that is on the disk before a call returns: each label appends one line.

    The line of a later label of the same labeller and source replaces that of an earlier one,
    which stays in the file. A line with the label `CLEARED` takes the label back. Use it from any
    number of threads, and as a context manager.

    Args:
        path: path of the file (`labels.csv`); it may exist.
        table: the table, for messages.
        row_of: number of a source in the table by its text; None if there is no such source.

    Attributes:
        path: path of the file.
        dropped: the incomplete last line of the file, as a crash of the machine leaves it, which
            was taken out; otherwise "".

    Raises:
        InputError: The file cannot be read or written, is no file of labels, holds labels of other
            sources, or another process writes it.
    """

    def __init__(self, path: Path, table: Path, row_of: Callable[[str], int | None]):
        self.path, self.dropped = path, ""
        self._lock = threading.Lock()
        self._labels: dict[str, dict[int, GivenLabel]] = defaultdict(dict)
        self._done: dict[str, list[tuple[int, GivenLabel, GivenLabel | None]]] = defaultdict(list)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _MODE)
        except OSError as error:
            raise InputError(f"labels {path} cannot be written: {error.strerror}") from None
        try:
            self._hold()
            self._read(table, row_of)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> "LabelFile":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._is_current() and os.fstat(self._file).st_size <= len(_line(FIELDS)):
                self.path.unlink()  # nobody gave a label
            os.close(self._file)

    def give(self, row: int, source: str, label: str | None, labeller: str, chosen: Chosen | None):
        """Write a label.

        Args:
            row: number of the source in the table.
            source: text that identifies the source.
            label: one of `LABELS`; None takes the label back.
            labeller: name of the person.
            chosen: the part of the sample that the source belongs to, or None.

        Raises:
            InputError: The file cannot be written; the label does not count.
        """
        part, inclusion = (chosen.part, chosen.inclusion) if chosen else ("", None)
        one = GivenLabel(source, label or CLEARED, labeller, utc_now(), part, inclusion)
        with self._lock:
            before = self._labels[labeller].get(row)
            self._write(row, one)
            self._done[labeller].append((row, one, before))

    def undo(self, labeller: str) -> int | None:
        """Take the last change of a labeller in this session back.

        Args:
            labeller: name of the person.

        Returns:
            Number of the source; None if there is no change left.

        Raises:
            InputError: The file cannot be written; the change still counts.
        """
        with self._lock:
            if not self._done[labeller]:
                return None
            row, one, before = self._done[labeller][-1]
            again = before or GivenLabel(one.source, CLEARED, labeller, utc_now())
            self._write(row, again)
            self._done[labeller].pop()
            return row

    def of(self, labeller: str) -> Mapping[int, str]:
        """Return the labels of a person by the number of the source."""
        with self._lock:
            return {row: one.label for row, one in self._labels.get(labeller, {}).items()}

    def all(self) -> list[tuple[int, GivenLabel]]:
        """Return the labels of all people that count, with the number of the source."""
        with self._lock:
            return [given for of in self._labels.values() for given in of.items()]

    @property
    def count(self) -> int:
        """Number of labels of all people."""
        return len(self.all())

    def csv(self) -> str:
        """Return the labels that count as a file, without those that were replaced."""
        return "".join(map(_line, [FIELDS, *(_values(one) for _, one in self.all())]))

    def _write(self, row: int, one: GivenLabel) -> None:
        if not self._is_current():
            raise InputError(f"{self.path} was moved or removed: start astroattn serve again")
        size = os.fstat(self._file).st_size
        try:
            _append(self._file, _line(_values(one)))
        except OSError as error:
            os.ftruncate(self._file, size)
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from None
        self._count(row, one)

    def _count(self, row: int, one: GivenLabel) -> None:
        if one.label == CLEARED:
            self._labels[one.labeller].pop(row, None)
        else:
            self._labels[one.labeller][row] = one

    def _is_current(self) -> bool:
        """Return whether the path still names the open file."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except OSError:
            return False

    def _hold(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"labels {self.path} are in use by another astroattn serve: end it, or name "
                "another file with --labels"
            ) from None
        except OSError:
            pass  # the file system has no locks

    def _read(self, table: Path, row_of: Callable[[str], int | None]) -> None:
        """Read the labels of the file; cut an incomplete last line off."""
        head, content = _line(FIELDS).encode(), self.path.read_bytes()
        if head.startswith(content):  # a new file, or one whose first line is incomplete
            os.ftruncate(self._file, 0)
            _append(self._file, _line(FIELDS))
            _sync_folder(self.path.parent)
            return
        whole = _complete(content)
        first = whole.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
        if first != ",".join(FIELDS):
            raise InputError(
                f"labels {self.path} begins with other columns than {','.join(FIELDS)}: name "
                "another file with --labels"
            )
        if len(whole) < len(content):
            self.dropped = content[len(whole) :].decode("utf-8", "replace")
            os.ftruncate(self._file, len(whole))
        given = label_history(self.path)
        rows = {one.source: row_of(one.source) for one in given}
        refuse_strange((source for source, row in rows.items() if row is None), table)
        for one in given:
            self._count(rows[one.source], one)


def _values(one: GivenLabel) -> tuple:
    inclusion = "" if one.inclusion is None else repr(one.inclusion)
    return one.source, one.label, one.labeller, one.time, one.part, inclusion


def _line(values: tuple) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _append(file: int, line: str) -> None:
    """Write a line, and wait until it is on the disk.

    Raises:
        OSError: The line is not written, or only a part of it.
    """
    content = line.encode()
    if os.write(file, content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a crash of the machine."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError:
        pass  # the file system does not synchronise folders
    finally:
        os.close(opened)


def _complete(content: bytes) -> bytes:
    """Return the content up to the last complete line; a cell in quotes may hold line ends."""
    while content and (not content.endswith(b"\n") or content.count(b'"') % 2):
        content = content[: content[:-1].rfind(b"\n") + 1]
    return content
