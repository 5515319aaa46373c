"""Base class of the image classifiers: checks and configuration that all of them have."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras


class ImageClassifier(keras.Model):
    """A functional model from an image to logits, whose options are attributes.

    `input_shape`, an attribute of every Keras model, is stored as `image_shape`.
    """

    def _set_options(self, options: Mapping[str, Any], dtype) -> None:
        """Keep the arguments of `__init__`, after the functional model was built."""
        # Keras gives a functional model the global policy, by which `compile` scales the loss.
        self.dtype_policy = dtype
        self._option_names = tuple(options)
        for name, value in options.items():
            setattr(self, _ATTRIBUTES.get(name, name), value)

    def get_config(self):
        """Return the arguments of `__init__`."""
        options = {name: getattr(self, _ATTRIBUTES.get(name, name)) for name in self._option_names}
        return {
            **options,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the network that `get_config` describes."""
        return cls(**config)


_ATTRIBUTES = {"input_shape": "image_shape"}


def require_classifier(
    input_shape: Sequence[int], *, smallest: int, num_classes: int, dropout: float
) -> None:
    """Check the options that decide whether a network can be built.

    Args:
        input_shape: (height, width, channels).
        smallest: least height and width, pixels, that the pools reduce to one pixel or more.
        num_classes: number of classes, at least 1.
        dropout: dropout rate, in [0, 1).

    Raises:
        ValueError: An option is invalid; the message names it.
    """
    if len(input_shape) != 3 or None in input_shape or min(input_shape[:2]) < smallest:
        raise ValueError(
            "input_shape must be (height, width, channels), at least "
            f"{smallest} x {smallest} pixels; got {tuple(input_shape)}"
        )
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1; got {num_classes}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1); got {dropout}")
