"""Random deletion of parts of a source, for training on the rest."""

import keras
from keras import ops

from keras_astroattn.images.conventions import BLACK

from .base import Float32Layer, register
from .votes import source_pixels

# Pixels outside the source rank after all others.
_NEVER = -1e9


@register
class SourceDeletion(Float32Layer):
    """Paint a random share of each source's pixels black, in connected pieces.

        f    = noise + t (E - mean E) / std E          over the pixels of the source
        D    = the pixels of the source with the highest f, a share s of them
        y(P) = black on D, x(P) elsewhere

    The noise is Gaussian, drawn every `scale` pixels and interpolated. s is uniform from
    `smallest` to `largest`. E is a guide: t is zero for half of the images, and otherwise
    uniform from 0 to 2, with reversed sign for a quarter. So some deletions remove the pixels
    that the guide marks, and some keep them.

    Shapes: images (batch, height, width, channels) and guide (batch, height, width) to images,
    float32. The first channel of an image shows its source.

    Args:
        smallest: smallest share of the source's pixels.
        largest: largest share.
        scale: distance of the noise's nodes, pixels.
        seed: seed of the random numbers.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: The shares are not 0 < smallest <= largest < 1.
    """

    def __init__(
        self,
        smallest: float = 0.05,
        largest: float = 0.9,
        scale: int = 6,
        seed: int | None = None,
        **kwargs,
    ):
        if not 0 < smallest <= largest < 1:
            raise ValueError(
                "shares must be 0 < smallest <= largest < 1; "
                f"got smallest={smallest}, largest={largest}"
            )
        super().__init__(**kwargs)
        self.smallest = smallest
        self.largest = largest
        self.scale = scale
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Do nothing: the layer has no weights."""

    def call(self, inputs):
        """Return the images with D painted black."""
        images, guide = inputs
        source = source_pixels(images)
        f = self._noise(images) + self._strength(images) * _standardized(guide, source)
        flat = ops.reshape(ops.where(source > 0, f, _NEVER), (-1, f.shape[1] * f.shape[2]))
        pixels = ops.sum(source, axis=(1, 2))
        share = self._uniform(images, self.smallest, self.largest)
        # The threshold is f of the k-th highest pixel; the sort is ascending.
        k = ops.cast(ops.ceil(share * pixels), "int32")
        place = ops.clip(flat.shape[1] - k, 0, flat.shape[1] - 1)
        lowest = ops.take_along_axis(ops.sort(flat, axis=1), place[:, None], axis=1)[..., None]
        deleted = ops.logical_and(source > 0, f >= lowest)
        return ops.where(deleted[..., None], ops.cast(BLACK, images.dtype), images)

    def _noise(self, images):
        height, width = images.shape[1:3]
        nodes = (-(-height // self.scale), -(-width // self.scale))
        noise = keras.random.normal((ops.shape(images)[0], *nodes, 1), seed=self.seed_generator)
        smooth = ops.image.resize(
            noise, (height, width), interpolation="bicubic", data_format="channels_last"
        )
        return smooth[..., 0]

    def _strength(self, images):
        """Return t, (batch, 1, 1)."""
        size, guided, sign = (self._uniform(images, 0.0, top) for top in (2.0, 1.0, 1.0))
        t = ops.where(guided < 0.5, size, 0.0) * ops.where(sign < 0.25, -1.0, 1.0)
        return t[:, None, None]

    def _uniform(self, images, low: float, high: float):
        return keras.random.uniform(
            (ops.shape(images)[0],), low, high, dtype="float32", seed=self.seed_generator
        )

    def compute_output_shape(self, input_shape):
        """Return the shape of the images."""
        return input_shape[0]

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "smallest": self.smallest,
            "largest": self.largest,
            "scale": self.scale,
            "seed": self.seed,
        }


def _standardized(values, source):
    """Standardize values (batch, h, w) by their mean and deviation over the source."""
    axes = {"axis": (1, 2), "keepdims": True}
    pixels = ops.maximum(ops.sum(source, **axes), 1.0)
    centred = values - ops.sum(values * source, **axes) / pixels
    deviation = ops.sqrt(ops.sum(source * ops.square(centred), **axes) / pixels)
    return centred / ops.maximum(deviation, keras.config.epsilon())
