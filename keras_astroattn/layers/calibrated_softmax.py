"""Probabilities that mean what they say."""

import keras
from keras import ops

from .registration import register


@register
class CalibratedSoftmax(keras.layers.Layer):
    """Probabilities of logits, at a temperature that is a weight of the layer.

        p = softmax(logits / temperature)

    The temperature is not trained: it is fitted on the logits of sources that the network was
    not trained on (`keras_astroattn.evaluation.fit_temperature`). It changes how certain the
    network is, never which class it prefers. Shapes: (batch, classes), kept; float32.

    Args:
        temperature: initial value of the weight, above 0.
        **kwargs: of `keras.layers.Layer`; `dtype` is always float32.

    Raises:
        ValueError: for a temperature that is not above 0.

    Source: Guo et al. 2017, On calibration of modern neural networks (arXiv 1706.04599).
    """

    def __init__(self, temperature: float = 1.0, **kwargs):
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be above 0; got {temperature}")
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.initial_temperature = temperature

    def build(self, input_shape):
        """Make the temperature."""
        self.temperature = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_temperature),
            trainable=False,
            name="temperature",
        )

    def call(self, logits):
        """Give the probabilities."""
        return ops.softmax(logits / self.temperature, axis=-1)

    def compute_output_shape(self, input_shape):
        """The logits'."""
        return input_shape

    def get_config(self):
        """What `__init__` took."""
        return {**super().get_config(), "temperature": self.initial_temperature}
