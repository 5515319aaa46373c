"""Checkpoints that stay valid if the training is killed at any time."""

import os
import re
from pathlib import Path

import keras

from keras_astroattn.files import atomic_path
from keras_astroattn.models.loading import RUN_MODEL


def save_model(model: keras.Model, path: str | os.PathLike) -> None:
    """Save a `.keras` file that is complete or absent.

    Args:
        model: the model.
        path: path of the file.
    """
    with atomic_path(path) as temporary:
        model.save(temporary)


class Checkpoints(keras.callbacks.Callback):
    """Save the best and the last network, and everything that a resumed training needs.

    At the end of each epoch it writes, in this order, each under a temporary name and then
    renamed: `best.keras` if the validation loss is the lowest so far (without validation:
    always), `last.keras`, and `resume_NNNN.keras`, the fitted model with its optimizer after
    epoch NNNN (earlier ones are then removed). `resume_NNNN.keras` commits an epoch: if training
    is killed earlier, the epoch is trained again, with the same result. Put this callback after
    all others.

    Args:
        network: network that is saved as `best.keras` and `last.keras`; the fitted model
            contains it behind its augmentation.
        folder: folder of the run.
        best: lowest validation loss of the epochs before a resume.
        monitor: quantity whose minimum is best.
        restart: number of epochs after which the best is sought only among later ones.
    """

    BEST, LAST, RESUME = RUN_MODEL, "last.keras", "resume_{:04d}.keras"

    def __init__(
        self,
        network: keras.Model,
        folder: str | os.PathLike,
        best: float = float("inf"),
        monitor: str = "val_loss",
        restart: int | None = None,
    ):
        super().__init__()
        self.network = network
        self.folder = Path(folder)
        self.best = best
        self.monitor = monitor
        self.restart = restart

    def __repr__(self) -> str:
        return f"Checkpoints({self.monitor}, best={self.best:.4g}, {self.folder})"

    def on_epoch_begin(self, epoch, logs=None):
        """Forget the best of the epochs before a restart."""
        if epoch == self.restart:
            self.best = float("inf")

    def on_epoch_end(self, epoch, logs=None):
        """Save the model, and commit the epoch."""
        value = (logs or {}).get(self.monitor)
        if value is None or value < self.best:
            self.best = self.best if value is None else value
            save_model(self.network, self.folder / self.BEST)
        save_model(self.network, self.folder / self.LAST)
        save_model(self.model, self.folder / self.RESUME.format(epoch + 1))
        remove_committed(self.folder, before=epoch + 1)


def committed(folder: str | os.PathLike) -> dict[int, Path]:
    """Return the files to resume from, by the number of finished epochs (two after a kill).

    The name states the number, because an optimizer does not count the steps that
    `LossScaleOptimizer` skips.

    Args:
        folder: folder of the run.
    """
    pattern = re.compile(r"resume_(\d{4,})\.keras")
    names = {path: pattern.fullmatch(path.name) for path in Path(folder).glob("resume_*.keras")}
    return {int(match[1]): path for path, match in names.items() if match}


def remove_committed(folder: str | os.PathLike, before: float = float("inf")) -> None:
    """Remove the files to resume from after fewer than `before` epochs.

    Args:
        folder: folder of the run.
        before: number of epochs.
    """
    for epoch, path in committed(folder).items():
        if epoch < before:
            path.unlink(missing_ok=True)
