"""Batches of images; the seed and the epoch determine their order."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE, to_network_units
from keras_astroattn.layers import RandomAffine

from .frames import framed_batches, frames_before

_IMAGE = tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32)
_FRAME = tf.TensorSpec((None, None, None, 1), tf.float32)
_TARGET = tf.TensorSpec((None, len(CLASS_NAMES)), tf.float32)
_WEIGHT = tf.TensorSpec((None,), tf.float32)


def steps_per_epoch(count: int, passes: int, batch_size: int) -> int:
    """Return the number of whole batches in `passes` passes over `count` images; at least one."""
    return max(1, count * passes // batch_size)


def epoch_batches(
    count: int, passes: int, batch_size: int, seed: int, epoch: int
) -> Iterator[np.ndarray]:
    """Yield rows of each batch of one epoch; each pass is a permutation of all rows.

    Rows at the end that do not fill a batch are omitted; they differ from epoch to epoch.

    Args:
        count: number of images.
        passes: number of passes over the images.
        batch_size: number of images in a batch.
        seed: seed of the order.
        epoch: number of the epoch.

    Yields:
        (batch_size,) int rows.
    """
    random = np.random.default_rng([seed, epoch])
    order = np.concatenate([random.permutation(count) for _ in range(passes)])
    for step in range(steps_per_epoch(count, passes, batch_size)):
        yield order[step * batch_size : (step + 1) * batch_size]


def training_batches(
    images: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    passes: int,
    batch_size: int,
    seed: int,
    epochs: range,
    augment: dict | None = None,
) -> tf.data.Dataset:
    """Return training batches of (images in network units, targets), epoch after epoch.

    Args:
        images: uint8 (n, 150, 150).
        targets: float32 (n, classes); see `sources.target_probabilities`.
        weights: float32 (n,), weights in the loss, which the batches then hold too; None: none.
        passes: number of passes over the images in an epoch.
        batch_size: number of images in a batch.
        seed: seed of the order.
        epochs: numbers of the epochs.
        augment: options of `RandomAffine`, with which the images are transformed and cut to
            frames (`frames.framed_batches`); None: whole images, as they are.

    Returns:
        The batches.
    """
    columns = (targets,) if weights is None else (targets, weights)

    def batches() -> Iterator[tuple[np.ndarray, ...]]:
        for epoch in epochs:
            for rows in epoch_batches(len(images), passes, batch_size, seed, epoch):
                yield to_network_units(images[rows])[..., None], *(c[rows] for c in columns)

    def framed() -> Iterator[tuple[np.ndarray, ...]]:
        frames = frames_before(images, augment)
        for epoch in epochs:
            order = np.stack(list(epoch_batches(len(images), passes, batch_size, seed, epoch)))
            random = np.random.default_rng([seed, epoch, 1])
            for rows, pixels in framed_batches(images, frames, order, augment, random):
                yield pixels, *(column[rows] for column in columns)

    make, image = (batches, _IMAGE) if augment is None else (framed, _FRAME)
    signature = (image, _TARGET, _WEIGHT)[: 1 + len(columns)]
    return tf.data.Dataset.from_generator(make, output_signature=signature).prefetch(2)


def validation_batches(
    images: np.ndarray, targets: np.ndarray, *, passes: int, batch_size: int, augment: dict
) -> tf.data.Dataset:
    """Return validation batches: one clean pass, or several passes with fixed random transforms.

    The transforms are the same in every epoch, so that losses can be compared.

    Args:
        images: uint8 (n, 150, 150).
        targets: float32 (n, classes); see `sources.target_probabilities`.
        passes: number of augmented passes; 0 means one clean pass.
        batch_size: number of images in a batch.
        augment: options of `RandomAffine`.

    Returns:
        The batches.
    """

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        transform = RandomAffine(**augment, seed=0)
        for _ in range(max(1, passes)):
            for start in range(0, len(images), batch_size):
                rows = slice(start, start + batch_size)
                pixels = to_network_units(images[rows])[..., None]
                if passes:
                    pixels = np.asarray(transform(pixels, training=True))
                yield pixels, targets[rows]

    count = max(1, passes) * -(-len(images) // batch_size)
    return tf.data.Dataset.from_generator(batches, output_signature=(_IMAGE, _TARGET)).apply(
        tf.data.experimental.assert_cardinality(count)
    )
