"""A training loss for attention maps that do not correlate with the source."""

from keras import ops

from keras_astroattn.images.conventions import BLACK

from .base import Float32Layer, register

# Half a grey level above black: brighter pixels belong to the source.
_BRIGHT = BLACK + 1 / 255

# A smaller product of variances is rounding error: the map or the image is constant.
_SMALLEST = 1e-12


@register
class SourceCorrelation(Float32Layer):
    """Add a training loss if an attention map correlates too little with the source.

        rho  = sum_p (a_p - mean a)(m_p - mean m)
               / sqrt(sum_p (a_p - mean a)^2 sum_p (m_p - mean m)^2)
        loss = mean over the batch of relu(least - rho)

    where m is the fraction of a map's pixel in which the image is brighter than black. An
    inverted map separates source from sky equally well, so training often converges to it. The
    loss exists in training only, and is zero if rho is at least `least`. A constant map and
    a black image have rho = 0. The layer returns the map unchanged.

    Shapes: map a (batch, h, w) and image (batch, height, width, channels), of which only the
    first channel is read, to the map, float32.

    Args:
        least: smallest correlation without a loss, in (0, 1).
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: `least` is not in (0, 1).
    """

    def __init__(self, least: float, **kwargs):
        if not 0 < least < 1:
            raise ValueError(f"least must be above 0 and below 1; got {least}")
        super().__init__(**kwargs)
        self.least = least

    def call(self, inputs, training=False):
        """Return the map of (map, image), and add the loss while training."""
        a, image = inputs
        if training:
            rho = self.correlation(a, image)
            self.add_loss(ops.mean(ops.relu(self.least - rho)))
        return a

    def correlation(self, a, image):
        """Return rho, (batch,), of maps with the sources of images."""
        bright = ops.cast(image[..., :1] > _BRIGHT, "float32")
        m = ops.image.resize(
            bright,
            a.shape[1:],
            interpolation="bilinear",
            antialias=True,
            data_format="channels_last",
        )
        a, m = (
            each - ops.mean(each, axis=(1, 2), keepdims=True)
            for each in (a, ops.squeeze(m, axis=-1))
        )
        together = ops.sum(a * m, axis=(1, 2))
        apart = ops.sum(a * a, axis=(1, 2)) * ops.sum(m * m, axis=(1, 2))
        return together / ops.sqrt(ops.where(apart > _SMALLEST, apart, ops.ones_like(apart)))

    def compute_output_shape(self, input_shape):
        """Return the shape of the map."""
        return input_shape[0]

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "least": self.least}
