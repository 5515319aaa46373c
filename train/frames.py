"""Batches of frames: squares in the middle of images that hold their sources."""

from collections.abc import Iterator

import keras
import numpy as np

from keras_astroattn.edge.frames import cut, placed, smallest_frame
from keras_astroattn.images import BLACK, IMAGE_SIZE, to_network_units
from keras_astroattn.layers import RandomAffine
from keras_astroattn.layers.base import register

FRAMES = (26, 34, 50, 66, 82, 106, IMAGE_SIZE)
"""Sizes of the frames, pixels. A training step is traced for each, so there are few."""

GROUP = 32
"""Batches whose images are sorted by frame."""


def frames_before(images: np.ndarray, augment: dict) -> np.ndarray:
    """Return the size of a frame that holds each source however it is transformed.

    A rotation keeps the distance of a pixel from the middle of the image, a zoom scales it, and a
    shift adds to it. Bilinear resampling lights pixels up to the diagonal of a pixel farther away.

    Args:
        images: uint8 (n, 150, 150).
        augment: options of `RandomAffine`.

    Returns:
        (n,) int, of `FRAMES`.
    """
    transform = RandomAffine(**augment)
    offsets = np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2
    distances = np.hypot(offsets[:, np.newaxis], offsets)
    radius = np.array([distances[image > 0].max(initial=0) for image in images])
    reach = (radius + np.sqrt(2)) * (1 + transform.zoom) + transform.shift
    held = np.array(FRAMES[:-1]) / 2  # the next pixel outside is half a pixel farther
    return np.array(FRAMES)[np.searchsorted(held, reach)]


def framed_batches(
    images: np.ndarray,
    frames: np.ndarray,
    batches: np.ndarray,
    augment: dict,
    random: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Transform images, and yield batches of those that need frames of similar size.

    The images of `GROUP` batches are transformed, sorted by the frames that they then need, and
    split into batches, which are shuffled. Images of one frame are in random order.

    Args:
        images: uint8 (n, 150, 150).
        frames: (n,) result of `frames_before`.
        batches: (steps, batch_size) rows.
        augment: options of `RandomAffine`.
        random: generator of the order and of the transforms.

    Yields:
        The rows of a batch, and its images in network units, (batch_size, size, size, 1), with the
        largest size that one of them needs.
    """
    transform = RandomAffine(**augment, seed=int(random.integers(2**31)))
    for start in range(0, len(batches), GROUP):
        group = batches[start : start + GROUP]
        rows, pixels = group.ravel(), []
        rows = rows[np.argsort(frames[rows], kind="stable")]
        for frame in np.unique(frames[rows]):
            pixels.append(_transformed(images[rows[frames[rows] == frame]], frame, transform))
        pixels = np.concatenate(pixels)
        needed = np.array([smallest_frame(image, FRAMES) for image in pixels])
        order = np.lexsort((random.permutation(len(rows)), needed))
        for batch in random.permutation(order.reshape(group.shape)):
            size = needed[batch].max()
            yield rows[batch], cut(pixels, size)[batch]


def _transformed(images: np.ndarray, frame: int, transform: RandomAffine) -> np.ndarray:
    """Transform images in a frame, and return them whole, in network units."""
    pixels = to_network_units(cut(images[..., np.newaxis], frame))
    pixels = keras.ops.convert_to_numpy(transform(pixels, training=True))
    return placed(pixels, (IMAGE_SIZE, IMAGE_SIZE, 1), outside=BLACK)


@register
class FramedTraining(keras.Model):
    """A functional model that trains on batches of images of several sizes.

    On TensorFlow, Keras would trace the second size as an unknown one. Here each size has a train
    function of its own, which is traced once. The other backends do this themselves.
    """

    def make_train_function(self, force=False):
        """Make the function that trains on the next batch of an iterator."""
        if keras.backend.backend() != "tensorflow":
            super().make_train_function(force)
            return
        if self.train_function is not None and not force:
            return
        functions = {}

        def train_on_next(iterator):
            batch = next(iterator)
            size = batch[0].shape[1]
            if size not in functions:
                super(FramedTraining, self).make_train_function(force=True)
                functions[size] = self.train_function
                self.train_function = train_on_next
            return functions[size](iter([batch]))

        self.train_function = train_on_next
