"""Stop a training that has diverged."""

import math

import keras

from keras_astroattn.errors import InputError


class FiniteLoss(keras.callbacks.Callback):
    """End the training where a loss is infinite or not a number.

    Nothing that follows would mean anything, and no epoch would ever be the best. Put
    this callback before those that write: the last good epoch's files then stay.

    Raises:
        InputError: at the end of the epoch.
    """

    def on_epoch_end(self, epoch, logs=None):
        """Check the epoch's losses."""
        for name in ("loss", "val_loss"):
            value = float((logs or {}).get(name, 0.0))
            if not math.isfinite(value):
                what = "validation loss" if name == "val_loss" else "loss"
                raise InputError(
                    f"the {what} of epoch {epoch + 1} is {value}: "
                    "train anew with a lower --learning-rate"
                )
