"""`Result`: the answers in a table of classified sources, column by column."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.tables import SURVEY_PREFIX, Table, read_table
from keras_astroattn.tables.batches import Values

from .labels import LABELS

_ANSWERS = (
    "path", "name", "label", "p_fri", "p_frii", "entropy_nats", "peak_snr",
    "largest_angular_size_arcsec", "flags", "error", "model", "row", "ra", "dec",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Result:
    """A table of classified sources.

    Attributes:
        path: the file or folder that it was read from.
        table: the table.
        prefix: prefix of the result's columns: `aa_` in a survey, otherwise empty.
        name_column: column of the catalogue that holds the names of the sources.
    """

    path: Path
    table: Table = field(repr=False)
    prefix: str = ""
    name_column: str | None = None

    def __len__(self) -> int:
        return len(self.table)

    def texts(self, name: str) -> list[str]:
        """Return a column of texts; unknown values, and those of a missing column, are ""."""
        values = self.table.values.get(self.prefix + name)
        return [""] * len(self) if values is None else [str(v or "") for v in values]

    def numbers(self, name: str) -> np.ndarray:
        """Return a column of numbers, (n,) float64; unknown values are NaN."""
        values = self.table.values.get(self.prefix + name)
        if values is None or isinstance(values, list):
            return np.full(len(self), np.nan)
        return np.ma.filled(values.astype(np.float64), np.nan)

    @cached_property
    def labels(self) -> list[str]:
        """Label of each row."""
        return self.texts("label")

    @cached_property
    def probabilities(self) -> np.ndarray:
        """(n, 2) P(FRI) and P(FRII); NaN where the network did not classify the source."""
        return np.stack([self.numbers("p_fri"), self.numbers("p_frii")], axis=1)

    @cached_property
    def sources(self) -> list[str]:
        """A text that identifies each row: its path, or row and position in a survey.

        The position is part of it, so that labels of one survey do not fit another one. Several
        sources of one file are distinguished by their names.
        """
        if not self.prefix:
            return _distinct(self.texts("path"), self.texts("name"))
        ra, dec = self.numbers("ra"), self.numbers("dec")
        rows = np.ma.filled(self.table.values[f"{self.prefix}row"], -1).tolist()
        return [f"{row}:{a:.4f}{d:+.4f}" for row, a, d in zip(rows, ra, dec, strict=True)]

    @cached_property
    def names(self) -> list[str]:
        """Name of each row for people: the column `name`, the file's name, or the row."""
        given = self.table.values.get(self.name_column or f"{self.prefix}name")
        if given is not None:
            named = [None if value is None else str(value) for value in _plain(given)]
            return [n or s for n, s in zip(named, self.sources, strict=True)]
        if self.prefix:
            return [f"row {source.split(':')[0]}" for source in self.sources]
        return [Path(path).name for path in self.sources]

    @property
    def model(self) -> str:
        """Name of the model; the first one if there are several."""
        return next(filter(None, self.texts("model")), "")

    @cached_property
    def identity(self) -> str:
        """Sixteen hexadecimal digits of the sources, the same for the same sources."""
        text = "\n".join(self.sources).encode("utf-8", "backslashreplace")
        return hashlib.sha256(text).hexdigest()[:16]


def _plain(values: Values) -> list:
    return values if isinstance(values, list) else values.tolist()


def _distinct(paths: list[str], names: list[str]) -> list[str]:
    """Return the paths, with the name where a path has several rows, and a number if needed."""
    several = {path for path, count in Counter(paths).items() if count > 1}
    found, taken = [], Counter()
    for path, name in zip(paths, names, strict=True):
        text = f"{path}#{name}" if path in several else path
        taken[text] += 1
        found.append(text if taken[text] == 1 else f"{text}#{taken[text]}")
    return found


def read_result(path: Path, whole: bool = False, name_column: str | None = None) -> Result:
    """Read a table of classified sources.

    Args:
        path: file that `astroattn classify` or `astroattn survey-summary --export` wrote, or the
            folder of `astroattn survey`.
        whole: whether to read the columns of the catalogue too.
        name_column: column of the catalogue with the names of the sources.

    Returns:
        The result.

    Raises:
        InputError: It is not such a table.

    Example:
        >>> from pathlib import Path
        >>> from keras_astroattn.edge import Classifier, read_result
        >>> from keras_astroattn.samples import sample_paths
        >>> Classifier().classify(sample_paths()).to_table().write("results.ecsv")
        >>> result = read_result(Path("results.ecsv"))
        >>> result.labels
        ['FRI', 'FRII', 'compact']
        >>> result.probabilities.round(2)[:2]
        array([[1., 0.],
               [0., 1.]])
    """
    require_table(path)
    table = read_table(path, answers(whole, name_column))
    prefix = prefix_of(path, [column.name for column in table.columns], len(table))
    result = Result(path, table, prefix, name_column)
    require_known_labels(path, result.labels)
    return result


def require_table(path: Path) -> None:
    """Refuse a table that does not exist.

    Raises:
        InputError: It does not.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: name the table that astroattn wrote")


def answers(whole: bool = False, name_column: str | None = None) -> Callable[[str], bool]:
    """Return which columns of a table are read: those of the result, and the name.

    Args:
        whole: whether all are.
        name_column: column of the catalogue with the names of the sources.
    """

    def wanted(name: str) -> bool:
        own = name.removeprefix(SURVEY_PREFIX) in _ANSWERS
        return whole or own or name == name_column

    return wanted


def prefix_of(path: Path, names: Collection[str], rows: int) -> str:
    """Return the prefix of the result's columns in a table.

    Args:
        path: the table, for messages.
        names: names of its columns.
        rows: number of its rows.

    Raises:
        InputError: It is no table of classified sources, or has no rows.
    """
    prefix = SURVEY_PREFIX if f"{SURVEY_PREFIX}label" in names else ""
    needed = ("path", "label", "p_fri", "p_frii", *(("row", "ra", "dec") if prefix else ()))
    missing = [prefix + name for name in needed if prefix + name not in names]
    if missing:
        raise InputError(
            f"{path} has no column {missing[0]}: give a table of astroattn classify or survey"
        )
    if not rows:
        raise InputError(f"{path} has no rows")
    return prefix


def require_known_labels(path: Path, labels: Iterable[str]) -> None:
    """Refuse labels that no network of this project gives.

    Args:
        path: the table, for the message.
        labels: its labels.

    Raises:
        InputError: A label is unknown.
    """
    unknown = sorted(set(labels) - set(LABELS))
    if unknown:
        raise InputError(f"{path} has the unknown label {unknown[0][:40]!r}")
