"""Pooling of attended features to one vector per gate."""

import keras
from keras import ops

from .base import Float32Layer, register, require_choice

POOLINGS = ("sum", "weighted_mean")


@register
class AttentionPooling(Float32Layer):
    """Reduce features attended by a map to one value per channel.

        sum:            v_c = sum_p x_pc a_p
        weighted_mean:  v_c = sum_p x_pc a_p / sum_p |a_p|

    The paper uses the sum. The weighted mean does not grow with the size of the map; |a| keeps
    it finite for maps with negative values (`tanh`, `std_mean_norm`). A map that is zero
    everywhere gives zeros. Computed in float32 under every dtype policy.

    Shapes: attended features x * a (batch, height, width, channels) and map a
    (batch, height, width) to (batch, channels), float32.

    Args:
        pooling: `"sum"` or `"weighted_mean"`.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: The pooling is unknown.
    """

    def __init__(self, pooling: str = "sum", **kwargs):
        require_choice("pooling", pooling, POOLINGS)
        super().__init__(**kwargs)
        self.pooling = pooling

    def call(self, inputs):
        """Return the vector (batch, channels) for inputs (x * a, a)."""
        attended, a = inputs
        # Rows first: a single float32 sum over 22,500 pixels has about twice the rounding error.
        total = ops.sum(ops.sum(attended, axis=2), axis=1)
        if self.pooling == "sum":
            return total
        weight = ops.sum(ops.abs(a), axis=(1, 2))
        return total / ops.expand_dims(ops.maximum(weight, keras.config.epsilon()), axis=-1)

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, channels)."""
        attended_shape, _ = input_shape
        return (attended_shape[0], attended_shape[-1])

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "pooling": self.pooling}
