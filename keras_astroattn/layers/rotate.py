"""Rotation of images by a fixed angle."""

import math

from keras import ops

from .base import Float32Layer, register


@register(former="Turn")
class Rotate(Float32Layer):
    """Rotate images about their centre c by a fixed angle.

        y(p) = x(c + R(-angle) (p - c))

    The rotation is anticlockwise on an image whose rows run down, as that of `numpy.rot90`. It
    is one bilinear resampling; pixels that leave the frame are lost. Like `RandomAffine`, the
    layer does not compile under XLA on TensorFlow.

    Shapes: images (batch, height, width, channels) to the same shape, float32.

    Args:
        angle: rotation angle, degrees.
        fill_value: value of pixels from outside the image; -1 is black in network units.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.
    """

    def __init__(self, angle: float, fill_value: float = -1.0, **kwargs):
        super().__init__(**kwargs)
        self.angle = angle
        self.fill_value = fill_value

    def build(self, input_shape):
        """Do nothing: the layer has no weights."""

    def call(self, images):
        """Return the rotated images."""
        if self.angle == 0:
            return images
        height, width = images.shape[1:3]
        cosine, sine = (f(math.radians(self.angle)) for f in (math.cos, math.sin))
        x, y = (width - 1) / 2, (height - 1) / 2
        # An output (x, y) is read at (a0 x + a1 y + a2, b0 x + b1 y + b2).
        row = [
            *(cosine, -sine, x - cosine * x + sine * y),
            *(sine, cosine, y - sine * x - cosine * y),
            *(0.0, 0.0),
        ]
        transforms = ops.ones((ops.shape(images)[0], 1), "float32") * ops.convert_to_tensor(
            [row], dtype="float32"
        )
        return ops.image.affine_transform(
            images,
            transforms,
            interpolation="bilinear",
            fill_mode="constant",
            fill_value=self.fill_value,
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape):
        """Return the shape of the images."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "angle": self.angle, "fill_value": self.fill_value}
