"""Every option of the experiments: its default, its help, its check."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation.protocol import PAPER_REPEATS
from keras_astroattn.files import expand_user

PUBLISHED_VARIABLE = "KERAS_ASTROATTN_PUBLISHED"
PUBLISHED = "published"

EXPERIMENTS = ("datasets", "aggregation", "gates", "distributions", "misclassified")
"""The paper's experiments, 1 to 5."""

MISCLASSIFIED_REPEATS = 1000
"""Turns of each source in the paper's experiment 5."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """Options of `python -m train.paper`."""

    weights: str = PUBLISHED
    """`published`: the paper's; or a folder of runs, such as `python -m train.sweep` makes."""

    output: Path
    """Folder of the results. Experiments with one output share what they evaluate."""

    data_dir: Path | None = None
    """Folder with the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`."""

    published_dir: Path | None = None
    """Folder with the paper's `checkpoints/` and `losses/`; by default
    `KERAS_ASTROATTN_PUBLISHED`."""

    repeats: int | None = None
    """Random transforms of every image; by default the paper's 360, and 1000 for
    `misclassified`."""

    in_full: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ()
    """Networks whose images get the paper's 360 transforms even where --repeats are fewer:
    their names, in which `*` stands for anything."""

    split: Literal["test", "train", "all"] = "test"
    """Sources to evaluate on."""

    seed: int = 0
    """Of the transforms."""

    document: Path | None = None
    """Where `reproduction` writes its document too."""

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            InputError: naming the option.
        """
        if self.repeats is not None and self.repeats < 1:
            raise InputError(f"--repeats must be at least 1; got {self.repeats}")
        if self.seed < 0:
            raise InputError(f"--seed must be at least 0; got {self.seed}")

    def repeats_of(self, experiment: str) -> int:
        """Turns of each image in an experiment."""
        if self.repeats is not None:
            return self.repeats
        return MISCLASSIFIED_REPEATS if experiment == "misclassified" else PAPER_REPEATS

    def published_folder(self) -> Path:
        """The folder with the paper's weights.

        Raises:
            InputError: none is named, or it holds no `checkpoints` folder.
        """
        named = self.published_dir or os.environ.get(PUBLISHED_VARIABLE)
        if not named:
            raise InputError(
                "where are the published weights? name the folder that holds checkpoints/ by "
                f"--published-dir or {PUBLISHED_VARIABLE}"
            )
        folder = expand_user(named)
        if not (folder / "checkpoints").is_dir():
            raise InputError(
                f"{folder} holds no folder checkpoints/: name the published weights' folder by "
                f"--published-dir or {PUBLISHED_VARIABLE}"
            )
        return folder
