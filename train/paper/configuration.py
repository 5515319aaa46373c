"""The options of the experiments, with their defaults, help texts and checks."""

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

MISCLASSIFIED_REPEATS = 1000
"""Random transforms of each source in experiment 5 of the paper."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """Options of `python -m train.paper`."""

    weights: str = PUBLISHED
    """Weights: `published`, or a folder of runs, for example of `python -m train.sweep`."""

    output: Path
    """Folder of the results. Experiments with the same folder share their predictions."""

    data_dir: Path | None = None
    """Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`."""

    published_dir: Path | None = None
    """Folder with `checkpoints/` and `losses/` of the paper; by default
    `KERAS_ASTROATTN_PUBLISHED`."""

    repeats: int | None = None
    """Number of random transforms of each image; by default 360 as in the paper, and 1000 for
    `misclassified`."""

    in_full: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ()
    """Names of networks that always get at least 360 transforms, whatever --repeats says; `*`
    stands for any text."""

    split: Literal["test", "train", "all"] = "test"
    """Split of the data set to evaluate on."""

    seed: int = 0
    """Seed of the transforms."""

    document: Path | None = None
    """File to which `reproduction` also writes its document."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: A value is out of range; the error names the option.
        """
        if self.repeats is not None and self.repeats < 1:
            raise InputError(f"--repeats must be at least 1; got {self.repeats}")
        if self.seed < 0:
            raise InputError(f"--seed must be at least 0; got {self.seed}")

    def repeats_of(self, experiment: str) -> int:
        """Return the number of random transforms of each image in an experiment."""
        if self.repeats is not None:
            return self.repeats
        return MISCLASSIFIED_REPEATS if experiment == "misclassified" else PAPER_REPEATS

    def published_folder(self) -> Path:
        """Return the folder with the published weights.

        Raises:
            InputError: No folder is named, or it holds no `checkpoints` folder.
        """
        named = self.published_dir or os.environ.get(PUBLISHED_VARIABLE)
        if not named:
            raise InputError(
                "the published weights are not named: give the folder with checkpoints/ by "
                f"--published-dir or {PUBLISHED_VARIABLE}"
            )
        folder = expand_user(named)
        if not (folder / "checkpoints").is_dir():
            raise InputError(
                f"{folder} holds no folder checkpoints/: name the published weights' folder by "
                f"--published-dir or {PUBLISHED_VARIABLE}"
            )
        return folder
