"""Randomness as a function of the seed and the epoch."""

import keras
import numpy as np


class EpochSeed(keras.callbacks.Callback):
    """Reset every random generator of the model at the start of each epoch.

    Augmentation and dropout then depend on the seed and the epoch's number alone, so
    that a resumed run draws what the interrupted one would have drawn.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        """Seed the generators by (seed, epoch, position in the model)."""
        states = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for position, state in enumerate(states):
            sequence = np.random.SeedSequence([self.seed, epoch, position])
            state.assign(sequence.generate_state(2).astype(state.dtype))
