"""Predictions of a network on sources that it was not trained on, and their files."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from rich.console import Console

from keras_astroattn.datasets import Sources
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.images import to_network_units, tta_angles
from keras_astroattn.models import EquivariantAGCNN, images_seen_by, tta_model
from keras_astroattn.models.wrappers import TTA_VIEWS

from .configuration import TrainConfig
from .loop import build, fit, network_of
from .sources import training_images

SYMMETRIES = 8


@dataclass(frozen=True)
class Predictions:
    """Logits of sources that a network was not trained on.

    Attributes:
        rows: (n,) rows of the sources in their data set.
        logits: (views, n, 2) float32, of the original image, then of its other views; see
            `view_logits`.
    """

    rows: np.ndarray
    logits: np.ndarray

    def save(self, path: Path) -> None:
        """Write both arrays as .npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(path, {"rows": self.rows, "logits": self.logits})

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read predictions that `save` wrote.

        Args:
            path: path of the file.

        Raises:
            InputError: There is no such file, or it is damaged.
        """
        arrays = read_arrays(path)
        if arrays is None:
            raise InputError(f"{path} holds no predictions: remove it and train again")
        return cls(**arrays)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as one compressed .npz file that is complete or absent."""
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read arrays that `save_arrays` wrote; None if the file is missing or damaged."""
    try:
        # np.load does not close a file that it opened and could not read.
        with path.open("rb") as opened, np.load(opened) as file:
            return dict(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def trained(config: TrainConfig, training: Sources, console: Console) -> keras.Model:
    """Train as `train.run` does, without validation sources, and return the network."""
    keras.backend.clear_session()
    training = training_images(config, training)
    model = build(config, len(training))
    fit(config, model, training, console)
    return network_of(model)


def view_logits(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return logits of several views of each image, for test-time augmentation.

    The views of an equivariant network, whose logits do not change under rotations by 90 degrees
    and reflections, are rotations by 0, 22.5, 45 and 67.5 degrees. Those of any other network are
    the eight symmetries of the square.

    Args:
        network: model from images to logits.
        images: (n, 150, 150) uint8, whole frames.

    Returns:
        (views, n, 2) float32; the first view is the original image.
    """
    pixels = to_network_units(images_seen_by(network, images))[..., np.newaxis]
    if isinstance(network, EquivariantAGCNN):
        views = [(tta_model(network, [angle]), pixels) for angle in tta_angles(TTA_VIEWS)]
    else:
        views = [(network, view) for view in symmetric_images(pixels)]
    return np.stack([model.predict(seen, batch_size=16, verbose=0) for model, seen in views])


def symmetric_images(images: np.ndarray) -> list[np.ndarray]:
    """Return the images under the eight symmetries of the square, the originals first."""
    return [
        np.ascontiguousarray(np.rot90(mirrored, quarters, axes=(1, 2)))
        for mirrored in (images, images[:, :, ::-1])
        for quarters in range(SYMMETRIES // 2)
    ]
