"""Experiments in a notebook, each by one call."""

import csv
import io
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs

from .configuration import PUBLISHED, ExperimentConfig

if TYPE_CHECKING:
    from IPython.display import Image, Markdown

REPEATS_VARIABLE = "KERAS_ASTROATTN_REPEATS"
OUTPUT_VARIABLE = "KERAS_ASTROATTN_OUTPUT"

REPEATS = 20
"""Default number of random transforms of each image."""

OUTPUT = Path("..") / "runs" / "notebooks"
"""Folder of the results, seen from `notebooks/`; the notebooks share their predictions."""

Cell = str | int | float


@dataclass(frozen=True)
class Results:
    """Figures and table of an experiment, for display.

    Attributes:
        folder: folder of the results; None if data were missing and nothing was made. Then
            nothing is displayed.
    """

    folder: Path | None

    def figure(self, name: str) -> "Image | None":
        """Return a figure by its name, without the suffix, at half the resolution of its file.

        Args:
            name: name of the figure, e.g. `roc`.

        Raises:
            InputError: The experiment made no such figure.
        """
        if self.folder is None:
            return None
        from IPython.display import Image
        from PIL import Image as Picture

        path = self.folder / f"{name}.png"
        if not path.exists():
            made = ", ".join(sorted(one.stem for one in self.folder.glob("*.png")))
            raise InputError(f"no figure {name}: there are {made}")
        with Picture.open(path) as picture:
            half = (picture.width // 2, picture.height // 2)
            smaller = picture.convert("RGB").resize(half, Picture.Resampling.LANCZOS)
        content = io.BytesIO()
        smaller.save(content, "png", optimize=True)
        return Image(data=content.getvalue(), format="png", width=smaller.width)

    def rows(self) -> list[dict[str, str]]:
        """Return the results table, `results.csv`, as text."""
        if self.folder is None:
            return []
        with (self.folder / "results.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def table(
        self, columns: Mapping[str, str] | Sequence[str], **equal: str | Sequence[str]
    ) -> "Markdown | None":
        """Return some columns of the results table.

        Args:
            columns: names of the columns, or titles by name.
            **equal: for a named column, the value or the values of the rows to show.
        """
        titles = columns if isinstance(columns, Mapping) else {name: name for name in columns}
        wanted = {name: [one] if isinstance(one, str) else one for name, one in equal.items()}
        chosen = [
            [_number(row[name]) for name in titles]
            for row in self.rows()
            if all(row[name] in values for name, values in wanted.items())
        ]
        return show_table(list(titles.values()), chosen) if chosen else None


def experiment(name: str, repeats: int | None = None, weights: str | Path = PUBLISHED) -> Results:
    """Run an experiment of `python -m train.paper`, or print why it cannot run.

    Data are found by `KERAS_ASTROATTN_DATA`, the published weights by
    `KERAS_ASTROATTN_PUBLISHED`.

    Args:
        name: name of the experiment.
        repeats: random transforms of each image; by default `KERAS_ASTROATTN_REPEATS`, or 20.
        weights: `published`, or a folder of runs.
    """
    try:
        config = ExperimentConfig(
            weights=str(weights),
            output=output_folder(),
            repeats=repeats_from_environment() if repeats is None else repeats,
        )
        quiet_tensorflow()
        with quiet_native_logs():
            from rich.console import Console

            from .__main__ import module_of
            from .session import Session

            module = module_of(name)
        session = Session(config, name, Console(quiet=True))
        module.run(session)
    except InputError as error:
        say_missing(error)
        return Results(None)
    return Results(session.folder)


def quiet_tensorflow() -> None:
    """Keep the warnings of TensorFlow out of a notebook."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def output_folder() -> Path:
    """Return the folder of the results: `KERAS_ASTROATTN_OUTPUT`, or `runs/notebooks`."""
    return Path(os.environ.get(OUTPUT_VARIABLE) or OUTPUT)


def repeats_from_environment() -> int:
    """Return the value of `KERAS_ASTROATTN_REPEATS`, or 20.

    Raises:
        InputError: It is not a whole number.
    """
    named = os.environ.get(REPEATS_VARIABLE) or str(REPEATS)
    if not named.isdecimal():
        raise InputError(f"{REPEATS_VARIABLE} is {named!r}: give a whole number from 1")
    return int(named)


def say_missing(error: InputError) -> None:
    """Print why the figures below are missing."""
    print(f"Not run; the figures below are missing:\n{error}")


def show_table(titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> "Markdown":
    """Return a table for display."""
    from IPython.display import Markdown

    from keras_astroattn.report import markdown_table

    return Markdown(markdown_table(titles, ([str(cell) for cell in row] for row in rows)))


def _number(text: str) -> str:
    """Return a number with a decimal point to three decimals; other text unchanged."""
    try:
        return text if "." not in text else f"{float(text):.3f}"
    except ValueError:
        return text
