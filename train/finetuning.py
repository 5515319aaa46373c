"""Fine-tune a trained network on labelled sources, and predict each of them out of fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_astroattn.callbacks import EpochSeed, FiniteLoss
from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE, to_network_units
from keras_astroattn.layers import RandomAffine

from .configuration import TrainConfig
from .loop import augmentation
from .networks import load_network

Layers = Literal["all", "last"]

_LAST = ("gate_", "logits", "stage_4")
"""Names with which the last layers begin: the last stage, the gates, and the aggregation."""


@dataclass(frozen=True)
class FineTuning:
    """Options of a fine-tuning.

    Attributes:
        model: network to start from, as in `models.loading.find_network`.
        layers: layers that are trained; batch normalizations never are.
        learning_rate: initial learning rate; a cosine decreases it to zero.
        epochs: number of passes over the labelled sources.
        batch_size: images in a batch.
        folds: number of folds.
        seed: seed of the folds, the order and the augmentation.
    """

    model: str
    layers: Layers = "all"
    learning_rate: float = 3e-4
    epochs: int = 5
    batch_size: int = 16
    folds: int = 5
    seed: int = 0


def fine_tune(
    options: FineTuning,
    images: np.ndarray,
    is_frii: np.ndarray,
    weights: np.ndarray,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Fine-tune a network on labelled images, under random rotations, shifts and reflections.

    The statistics of batch normalizations stay those of the first training: some hundred images
    are too few for new ones.

    Args:
        options: options.
        images: (n, 150, 150) uint8, as the network sees them.
        is_frii: (n,) bool, the labels.
        weights: (n,) weights of the labels in the loss, with the mean 1.
        callbacks: more callbacks.

    Returns:
        The network, from images in [-1, 1] to logits.

    Raises:
        InputError: The network does not exist or cannot be loaded, or the loss diverges.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(options.seed)
    network = load_network(options.model, "--model")
    for layer in network.layers:
        is_wanted = options.layers == "all" or layer.name.startswith(_LAST)
        layer.trainable = is_wanted and not isinstance(layer, keras.layers.BatchNormalization)
    image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    augmented = RandomAffine(**augmentation(TrainConfig()), seed=options.seed)(image)
    model = keras.Model(image, network(augmented))
    batch_size = min(options.batch_size, len(images))
    steps = -(-len(images) // batch_size) * options.epochs
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=TrainConfig.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        # XLA cannot compile the resampling on TensorFlow.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    model.fit(
        to_network_units(images)[..., None],
        keras.utils.to_categorical(is_frii, len(CLASS_NAMES)),
        sample_weight=weights.astype(np.float32),
        batch_size=batch_size,
        epochs=options.epochs,
        verbose=0,
        callbacks=[EpochSeed(options.seed), FiniteLoss(), *callbacks],
    )
    return network


def odds_of(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return (n,) ln P(FRII) / P(FRI) of (n, 150, 150) uint8 images, as the network sees them."""
    logits = network.predict(to_network_units(images)[..., None], batch_size=8, verbose=0)
    return (logits[:, 1] - logits[:, 0]).astype(np.float64)


def out_of_fold_odds(
    options: FineTuning,
    images: np.ndarray,
    is_frii: np.ndarray,
    weights: np.ndarray,
    folds: Sequence[np.ndarray],
    callbacks_of: Callable[[str], Sequence[keras.callbacks.Callback]] = lambda title: (),
) -> np.ndarray:
    """Predict each source by the network that was fine-tuned on the other folds.

    Args:
        options: options.
        images: (n, 150, 150) uint8.
        is_frii: (n,) bool, the labels.
        weights: (n,) weights of the labels in the loss.
        folds: rows of each fold.
        callbacks_of: returns the callbacks of a training from its title.

    Returns:
        (n,) ln P(FRII) / P(FRI).

    Raises:
        InputError: As in `fine_tune`.
    """
    found = np.empty(len(images))
    for number, held_out in enumerate(folds, start=1):
        rest = np.setdiff1d(np.arange(len(images)), held_out)
        given = weights[rest] / weights[rest].mean()
        title = f"fold {number} of {len(folds)}"
        network = fine_tune(options, images[rest], is_frii[rest], given, callbacks_of(title))
        found[held_out] = odds_of(network, images[held_out])
    return found


class FineTuningProgress:
    """A progress bar over the epochs of several trainings.

    Args:
        console: console for the bar. If it is no terminal, each training writes a line.
        trainings: number of trainings.
        epochs: number of epochs of each.
    """

    def __init__(self, console: Console, trainings: int, epochs: int):
        columns = (
            *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
            *(TextColumn("epochs"), TimeRemainingColumn()),
        )
        self.console = console
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task("fine-tuning", total=trainings * epochs)

    def __enter__(self) -> "FineTuningProgress":
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def callbacks(self, title: str) -> list[keras.callbacks.Callback]:
        """Return the callbacks of a training, and show its title."""
        self.bar.update(self.task, description=title)
        if not self.console.is_terminal:
            self.console.print(title, highlight=False)
        return [keras.callbacks.LambdaCallback(on_epoch_end=self._advance)]

    def _advance(self, epoch: int, logs: dict) -> None:
        self.bar.advance(self.task)
