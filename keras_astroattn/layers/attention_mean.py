"""Mean of the attention maps of all gates."""

from keras import ops

from .base import Float32Layer, register


@register
class AttentionMean(Float32Layer):
    """Compute the mean of attention maps of several sizes, at the size of the image.

    Each map is resized bilinearly with half-pixel centres to `size`. The mean is not rescaled.

    Shapes: a list of maps (batch, h, w) to their mean (batch, *size), float32.

    Args:
        size: (height, width) of the image.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.
    """

    def __init__(self, size: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        self.size = tuple(size)

    def call(self, maps):
        """Return the mean of a list of maps."""
        resized = [
            ops.image.resize(
                ops.expand_dims(a, axis=-1),
                self.size,
                interpolation="bilinear",
                data_format="channels_last",
            )
            for a in maps
        ]
        return ops.squeeze(sum(resized) / len(resized), axis=-1)

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, *size)."""
        return (input_shape[0][0], *self.size)

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "size": self.size}
