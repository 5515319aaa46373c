"""Summary of a run of `astroattn classify`: labels, flags, and failures."""

from collections import Counter

from rich.console import Console

from keras_astroattn.edge.labels import ERROR, NO_SOURCE
from keras_astroattn.tables import Row

_SHOWN = 5  # failures that are listed with their reason


class Summary:
    """Counts of the rows of a table.

    Args:
        noun: name of the rows, a plural.

    Attributes:
        labels: number of rows with each label.
        flags: number of rows with each flag.
        failures: name and reason of the first rows that failed.
        empty: number of maps without a source in the middle, where no position was named.
    """

    def __init__(self, noun: str = "images"):
        self.noun = noun
        self.labels: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.failures: list[str] = []
        self.empty = 0

    @property
    def failed(self) -> int:
        """Number of rows that failed."""
        return self.labels[ERROR]

    @property
    def total(self) -> int:
        """Number of rows."""
        return self.labels.total()

    def take(self, row: Row) -> Row:
        """Count a row and return it."""
        self.labels[row["label"]] += 1
        self.flags.update(flag for flag in (row["flags"] or "").split(";") if flag)
        self.empty += self.noun == "images" and row["label"] == NO_SOURCE and row["ra"] is not None
        if row["label"] == ERROR and len(self.failures) < _SHOWN:
            is_file = row["path"] is not None and row["ra"] is None
            self.failures.append(f"{row['path'] if is_file else row['name']}: {row['error']}")
        return row

    def print(self, title: str) -> None:
        """Print the counts and the first failures on the standard error.

        Args:
            title: name of the file of the rows.
        """
        counts = sorted((label, count) for label, count in self.labels.items() if count)
        noun = self.noun.removesuffix("s") if self.total == 1 else self.noun
        lines = [f"{title}: {self.total} {noun} ({_listed(counts)})"]
        if self.flags:
            lines.append(f"flags: {_listed(self.flags.most_common())}")
        lines += [f"failed: {failure}" for failure in self.failures]
        if self.failed > _SHOWN:
            lines.append(f"failed: {self.failed - _SHOWN} more")
        _print(lines)
        self.print_hint()

    def print_hint(self) -> None:
        """Print how to find sources that are not in the middle, if there is none."""
        if self.empty:
            _print(
                [
                    f"maps without a source in the middle: {self.empty}; name positions "
                    "(--position, --positions), or find the sources (--detect)"
                ]
            )


def _print(lines: list[str]) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in lines:
        console.print(" ".join(line.split()), markup=False)


def _listed(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts)
