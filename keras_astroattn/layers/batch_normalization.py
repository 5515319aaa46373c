"""Batch normalization of feature maps with few channels."""

import keras
from keras import ops

from .base import register


@register(former="FoldedBatchNormalization")
class FastBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization that is fast for feature maps with few channels.

        y = gamma (f - mean) / sqrt(variance + epsilon) + beta

    with the mean and variance of a channel over all other axes. The result is that of
    `keras.layers.BatchNormalization`. The layer reshapes (.., n, channels) to (.., n x
    channels) before it computes, because arithmetic over an axis of six channels takes a quarter
    of a training step.

    Shapes: (batch, .., n, channels) to the same shape; n must be known. The layer computes in
    float32 and returns the compute dtype. On a feature map on the group p4m
    (`keras_astroattn.layers.P4MConv2D`) n counts the symmetries. They share the statistics as
    the pixels do, so the result stays on the group.

    Args:
        **kwargs: options of `keras.layers.BatchNormalization`; `axis`, `center`, `scale` and
            `synchronized` keep their defaults.

    Raises:
        ValueError: One of these four has another value, or n is not known.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if (self.axis, self.center, self.scale, self.synchronized) != (-1, True, True, False):
            raise ValueError(
                "axis must be -1, center and scale True, synchronized False; got "
                f"{self.axis}, {self.center}, {self.scale}, {self.synchronized}"
            )

    def build(self, input_shape):
        """Create the weights of `keras.layers.BatchNormalization`."""
        if len(input_shape) < 3 or input_shape[-2] is None:
            raise ValueError(
                f"a feature map is (batch, .., n, channels), n known; got {tuple(input_shape)}"
            )
        super().build(input_shape)

    def call(self, f, training=None):
        """Return the normalized feature map."""
        *middle, n, channels = f.shape[1:]
        merged = ops.cast(ops.reshape(f, (-1, *middle, n * channels)), "float32")
        moments = None
        if training and self.trainable:
            axes = tuple(range(1 + len(middle)))
            moments = [ops.reshape(one, (n, channels)) for one in ops.moments(merged, axes)]
        scale, offset = self.scale_and_offset(moments)
        y = merged * ops.tile(scale, [n]) + ops.tile(offset, [n])
        return ops.reshape(ops.cast(y, self.compute_dtype), (-1, *middle, n, channels))

    def scale_and_offset(self, moments=None):
        """Return the scale and the offset of y = scale f + offset, each (channels,).

        Args:
            moments: mean and variance of f over a batch, each (n, channels), which the moving
                statistics follow; None: the moving statistics count.
        """
        if moments is None:
            mean, variance = self.moving_mean, self.moving_variance
        else:
            means, variances = moments
            # All n have equal weight: the variance is the mean variance plus that of the means.
            mean = ops.mean(means, axis=0)
            variance = ops.mean(variances + ops.square(means - mean), axis=0)
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(self.momentum * moving + (1 - self.momentum) * now)
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return scale, self.beta - mean * scale
