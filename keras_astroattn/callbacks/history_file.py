"""The training history as a CSV file that is complete at any time."""

import csv
import os
import time
from pathlib import Path

import keras

from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.report import csv_table


def read_history(path: str | os.PathLike) -> list[dict[str, float]]:
    """Read a history file, with one row for each epoch.

    Args:
        path: path of the CSV file.

    Returns:
        The rows; none if the file does not exist.

    Raises:
        InputError: The file is not a history, or is damaged.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {**{name: float(value) for name, value in row.items()}, "epoch": int(row["epoch"])}
                for row in csv.DictReader(file)
            ]
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}): train again in another folder") from None


class HistoryFile(keras.callbacks.Callback):
    """Write a CSV file, one row an epoch: epoch (from 1), seconds, then Keras's logs.

    Each epoch writes the whole file under a temporary name, and renames it.

    Args:
        path: path of the CSV file.
        rows: rows of the epochs before a resume.
    """

    def __init__(self, path: str | os.PathLike, rows: list[dict[str, float]] | None = None):
        super().__init__()
        self.path = Path(path)
        self.rows = list(rows or [])

    def __repr__(self) -> str:
        return f"HistoryFile({self.path}, {len(self.rows)} epochs)"

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock of the epoch."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Add the row of the epoch, and write the file."""
        seconds = time.perf_counter() - self._started
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": epoch + 1, "seconds": round(seconds, 3), **values})
        write_text(self.path, csv_table(self.rows))
