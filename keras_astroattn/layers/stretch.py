"""Brightness stretch of the image inside the network."""

from keras import ops

from .base import Float32Layer, register, require_choice

STRETCHES = ("linear", "sqrt")

# Keeps the gradient of the square root finite on black sky; far below one step of an 8-bit
# image.
_DARKEST = 1e-6


@register
class Stretch(Float32Layer):
    """Stretch the brightness of an image in network units [-1, 1] to [-1, 1].

        v = max((x + 1) / 2, 1e-6)
        linear: x
        sqrt:   2 sqrt(v) - 1

    The square root makes faint jets and lobes brighter relative to a bright core. The smallest
    v keeps the gradient finite; it makes black -0.998.

    Shapes: any, to the same shape, float32.

    Args:
        stretch: `"linear"` or `"sqrt"`.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: The stretch is unknown.
    """

    def __init__(self, stretch: str = "sqrt", **kwargs):
        require_choice("stretch", stretch, STRETCHES)
        super().__init__(**kwargs)
        self.stretch = stretch

    def call(self, x):
        """Return the stretched image."""
        if self.stretch == "linear":
            return x
        return 2.0 * ops.sqrt(ops.maximum((x + 1.0) / 2.0, _DARKEST)) - 1.0

    def compute_output_shape(self, input_shape):
        """Return the shape of the image."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "stretch": self.stretch}
