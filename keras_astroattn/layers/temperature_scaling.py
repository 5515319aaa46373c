"""Calibration of class probabilities by a temperature."""

import keras
from keras import ops

from .base import Float32Layer, register


@register(former="CalibratedSoftmax")
class TemperatureScaling(Float32Layer):
    """Convert logits to calibrated probabilities.

        p = softmax(logits / temperature)

    The temperature is a weight of the layer. It is not trained: it is fitted on the logits of
    sources that the network was not trained on (`keras_astroattn.evaluation.fit_temperature`).
    It changes the probabilities, but not the preferred class.

    Shapes: logits (batch, classes) to probabilities of the same shape, float32.

    Args:
        temperature: initial value of the temperature, above 0.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: The temperature is not above 0.

    Source: Guo et al. 2017, On calibration of modern neural networks (arXiv 1706.04599).
    """

    def __init__(self, temperature: float = 1.0, **kwargs):
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be above 0; got {temperature}")
        super().__init__(**kwargs)
        self.initial_temperature = temperature

    def build(self, input_shape):
        """Create the temperature."""
        self.temperature = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_temperature),
            trainable=False,
            name="temperature",
        )

    def call(self, logits):
        """Return the probabilities."""
        return ops.softmax(logits / self.temperature, axis=-1)

    def compute_output_shape(self, input_shape):
        """Return the shape of the logits."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "temperature": self.initial_temperature}
