"""Callbacks for reproducible random numbers, and for the end of trainings that diverge."""

import math

import keras
import numpy as np

from keras_astroattn.errors import InputError


class EpochSeed(keras.callbacks.Callback):
    """Reset every random generator of the model at the start of each epoch.

    Augmentation and dropout then depend only on the seed and the number of the epoch, so that a
    resumed run repeats the random numbers of an uninterrupted one.

    Args:
        seed: seed of the run.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def __repr__(self) -> str:
        return f"EpochSeed({self.seed})"

    def on_epoch_begin(self, epoch, logs=None):
        """Seed the generators by (seed, epoch, position in the model)."""
        states = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for position, state in enumerate(states):
            sequence = np.random.SeedSequence([self.seed, epoch, position])
            state.assign(sequence.generate_state(2).astype(state.dtype))


class FiniteLoss(keras.callbacks.Callback):
    """Stop the training if a loss is infinite or not a number.

    Put this callback before callbacks that write files, so that the files of the last good epoch
    remain.

    Raises:
        InputError: A loss is not finite at the end of an epoch.
    """

    def __repr__(self) -> str:
        return "FiniteLoss()"

    def on_epoch_end(self, epoch, logs=None):
        """Check the losses of the epoch."""
        for name in ("loss", "val_loss"):
            value = float((logs or {}).get(name, 0.0))
            if not math.isfinite(value):
                what = "validation loss" if name == "val_loss" else "loss"
                raise InputError(
                    f"the {what} of epoch {epoch + 1} is {value}: "
                    "train again with a lower --learning-rate"
                )
