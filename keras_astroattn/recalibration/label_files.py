"""Read the files of labels: labels.csv, or the answers of Label Studio or Zooniverse."""

import csv
from pathlib import Path

from keras_astroattn.errors import InputError

from .exchange import read_label_studio, read_zooniverse
from .labels import CLEARED, LABELS, GivenLabel, label_of


def read_labels(path: Path) -> list[GivenLabel]:
    """Read a file of labels.

    Args:
        path: `labels.csv` of a report, the CSV export of Zooniverse's classifications, or the
            JSON export of Label Studio.

    Returns:
        The labels, in the order of the file. A labeller's later label replaces the earlier one,
        and one that was taken back counts no more.

    Raises:
        InputError: The file cannot be read, is another kind of file, or has a wrong value.
    """
    latest = {(one.source, one.labeller): one for one in label_history(path)}
    found = [one for one in latest.values() if one.label != CLEARED]
    if not found:
        raise InputError(f"labels {path} holds no label")
    return found


def label_history(path: Path) -> list[GivenLabel]:
    """Read every line of a file of labels, also earlier and taken back labels.

    Args:
        path: a file as for `read_labels`.

    Returns:
        The labels, in the order of the file. The label of a line that takes one back is `CLEARED`.

    Raises:
        InputError: The file cannot be read, is another kind of file, or has a wrong value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"labels {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"labels {path} is no text in UTF-8") from None
    if path.suffix.lower() == ".json":
        return read_label_studio(path, text)
    return _read_csv(path, text)


def _read_csv(path: Path, text: str) -> list[GivenLabel]:
    lines = csv.DictReader(text.splitlines(keepends=True))
    names = set(lines.fieldnames or ())
    try:
        if {"annotations", "subject_data"} <= names:
            return read_zooniverse(path, lines)
        if not {"source", "label"} <= names:
            raise InputError(f"labels {path} has no columns source and label")
        words = (*LABELS, CLEARED)
        return [label_of(path, line, f"line {lines.line_num}", words) for line in lines]
    except csv.Error as error:
        raise InputError(f"labels {path} is no CSV: {error}") from None
