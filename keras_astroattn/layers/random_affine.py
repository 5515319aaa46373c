"""Random rotation, shift, zoom and flips in one bilinear resampling."""

import math

import keras
from keras import ops

from .base import Float32Layer, register


@register
class RandomAffine(Float32Layer):
    """Resample each image once under a random affine transform, in training only.

    The output at p is the input at c + F R(angle) (p - c - t) / z, with c the image's
    centre, R a rotation, t a shift, z a zoom and F the flips. One resampling blurs an image less
    than four.

    Shapes: images (batch, height, width, channels), float32, to the same. Outside
    training the images pass unchanged.

    `keras.ops.image.affine_transform` does not compile under XLA on TensorFlow: compile
    a TensorFlow model that contains this layer with `jit_compile=False`.

    Args:
        rotation: largest angle, degrees, uniform in [-rotation, rotation].
        shift: largest shift along each axis, pixels, uniform in [-shift, shift].
        zoom: largest change of scale: uniform in [1 - zoom, 1 + zoom].
        flip: mirror left-right and up-down, each with probability 1/2.
        fill_value: value of pixels from outside the image; -1 is black in network units.
        seed: seed of the random numbers.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: The rotation or shift is negative, or the zoom is outside [0, 1).
    """

    def __init__(
        self,
        rotation: float = 180.0,
        shift: float = 2.0,
        zoom: float = 0.1,
        flip: bool = True,
        fill_value: float = -1.0,
        seed: int | None = None,
        **kwargs,
    ):
        if rotation < 0 or shift < 0 or not 0 <= zoom < 1:
            raise ValueError(
                "rotation and shift must be at least 0 and zoom in [0, 1); "
                f"got rotation={rotation}, shift={shift}, zoom={zoom}"
            )
        super().__init__(**kwargs)
        self.rotation = rotation
        self.shift = shift
        self.zoom = zoom
        self.flip = flip
        self.fill_value = fill_value
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Do nothing: the layer has no weights."""

    def call(self, images, training=False):
        """Return the transformed images."""
        if not training:
            return images
        return ops.image.affine_transform(
            images,
            self._transforms(ops.shape(images)[0], *images.shape[1:3]),
            interpolation="bilinear",
            fill_mode="constant",
            fill_value=self.fill_value,
            data_format="channels_last",
        )

    def _uniform(self, batch, low: float, high: float):
        return keras.random.uniform((batch,), low, high, dtype="float32", seed=self.seed_generator)

    def _sign(self, batch):
        if not self.flip:
            return ops.ones((batch,), "float32")
        return ops.where(self._uniform(batch, -1.0, 1.0) < 0, -1.0, 1.0)

    def _transforms(self, batch, height: int, width: int):
        """Return rows [a0, a1, a2, b0, b1, b2, 0, 0] that take an output (x, y) to an input."""
        angle = self._uniform(batch, -1.0, 1.0) * math.radians(self.rotation)
        zoom = self._uniform(batch, 1.0 - self.zoom, 1.0 + self.zoom)
        shift_x = self._uniform(batch, -1.0, 1.0) * self.shift
        shift_y = self._uniform(batch, -1.0, 1.0) * self.shift
        flip_x, flip_y = self._sign(batch), self._sign(batch)

        cosine, sine = ops.cos(angle) / zoom, ops.sin(angle) / zoom
        a0, a1 = flip_x * cosine, -flip_x * sine
        b0, b1 = flip_y * sine, flip_y * cosine
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        from_x, from_y = centre_x + shift_x, centre_y + shift_y
        a2 = centre_x - a0 * from_x - a1 * from_y
        b2 = centre_y - b0 * from_x - b1 * from_y
        zero = ops.zeros_like(a0)
        return ops.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=-1)

    def compute_output_shape(self, input_shape):
        """Return the shape of the images."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "rotation": self.rotation,
            "shift": self.shift,
            "zoom": self.zoom,
            "flip": self.flip,
            "fill_value": self.fill_value,
            "seed": self.seed,
        }
