"""Predictions in one clean pass over a test set, and by the pooled protocol of the paper.

In the pooled protocol (Bowles et al. 2021), every test image is rotated, shifted and scaled at
random `repeats` times, and all predictions are pooled into one confusion matrix and one ROC curve.
An image under one transform is an *augmented view* of its source.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.outputs import softmax

MAX_ROTATION = 180.0
"""Largest rotation of an augmented view, degrees."""

MAX_SHIFT = 2
"""Largest shift of an augmented view along each axis, whole pixels."""

SCALE_RANGE = (0.9, 1.1)
"""Smallest and largest scale of an augmented view."""

PAPER_REPEATS = 360
"""Augmented views of each image in the published tables."""

PAPER_BATCH_SIZE = 16
"""Number of images in a batch for the published tables."""


def draw_transforms(count: int, seed: int, repeat: int, size: int = 150) -> np.ndarray:
    """Return the random affine transforms of one repeat, one for each of `count` images.

    The pixel at x in the transformed image is read at R(theta)^-1 (x - c - t) / z + c, with the
    centre c = (size / 2, size / 2), a rotation R(theta), a scale z and a shift t; x counts from
    the corner of the first pixel. theta is uniform in +-180 degrees, z uniform in 0.9 to 1.1, and
    each component of t a uniform number in +-2 rounded to whole pixels (the conventions of
    torchvision's `RandomAffine`, which the paper used).

    Args:
        count: number of images.
        seed: seed of the protocol.
        repeat: number of the repeat. Its transforms depend only on seed, repeat and count, so
            repeats can be made in any order, or added later.
        size: height and width of the images, pixels.

    Returns:
        (count, 6) float64, rows (a, b, c, d, e, f): the output pixel (x, y) is read at
        (a x + b y + c, d x + e y + f), as `PIL.Image.transform` takes them.
    """
    random = np.random.default_rng([seed, repeat])
    angle = np.deg2rad(random.uniform(-MAX_ROTATION, MAX_ROTATION, count))
    shift_x, shift_y = np.rint(random.uniform(-MAX_SHIFT, MAX_SHIFT, (2, count)))
    scale = random.uniform(*SCALE_RANGE, count)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    centre = size / 2
    return np.stack(
        [
            cosine,
            sine,
            centre - cosine * (centre + shift_x) - sine * (centre + shift_y),
            -sine,
            cosine,
            centre + sine * (centre + shift_x) - cosine * (centre + shift_y),
        ],
        axis=-1,
    )


def transform_images(images: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """Resample 8-bit images bilinearly with Pillow, as the paper does; black outside.

    Args:
        images: (n, h, w) uint8.
        transforms: (n, 6), from `draw_transforms`.

    Returns:
        (n, h, w) uint8.
    """
    return _transform([Image.fromarray(image) for image in images], transforms)


def _transform(images: list[Image.Image], transforms: np.ndarray) -> np.ndarray:
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.stack(
        [
            np.asarray(image.transform(image.size, affine, row, bilinear, fillcolor=0))
            for image, row in zip(images, transforms.tolist(), strict=True)
        ]
    )


def augmented_views(
    images: np.ndarray, repeats: int, seed: int = 0, first: int = 0
) -> Iterator[np.ndarray]:
    """Yield the augmented views of all images, one repeat at a time.

    A thread computes the next repeat while the caller works on the current one.

    Args:
        images: (n, h, w) uint8, square.
        repeats: number of repeats, at least 1.
        seed: seed of the transforms.
        first: number of the first repeat; `first=20` continues after 20 repeats.

    Yields:
        (n, h, w) uint8, the images in their order under new transforms.

    Raises:
        InputError: The images are not 8-bit, or `repeats` is not positive.
    """
    _check_images(images)
    if repeats < 1:
        raise InputError(f"repeats is {repeats}: give at least 1")
    pictures = [Image.fromarray(image) for image in images]

    def views_of(repeat: int) -> np.ndarray:
        return _transform(pictures, draw_transforms(len(images), seed, repeat, images.shape[1]))

    with ThreadPoolExecutor(max_workers=1) as maker:
        upcoming = maker.submit(views_of, first)
        for repeat in range(first, first + repeats):
            present = upcoming.result()
            if repeat + 1 < first + repeats:
                upcoming = maker.submit(views_of, repeat + 1)
            yield present


def predict_clean(
    model: Callable[[np.ndarray], object], images: np.ndarray, batch_size: int = 64
) -> np.ndarray:
    """Return the class probabilities of the original images, in one pass.

    Args:
        model: a Keras model, or any function, from (b, h, w, 1) float32 in [-1, 1] to
            logits (b, classes), or to a dictionary with them under `logits`.
        images: (n, h, w) uint8, as the model sees them (`models.images_seen_by`).
        batch_size: number of consecutive images in a batch. It affects a model that normalizes
            over the batch (`scope="batch"`); the paper has 16.

    Returns:
        (n, classes) float32. Single precision is required to reproduce the paper: if logits are
        so far apart that probabilities saturate at 0 or 1, the published AUC counts those images
        as tied, and double precision would give another AUC.

    Raises:
        InputError: The images are not 8-bit, or `batch_size` is not positive.
    """
    return _predict(_forward(model), images, batch_size)


def predict_pooled(
    model: Callable[[np.ndarray], object],
    images: np.ndarray,
    repeats: int = PAPER_REPEATS,
    seed: int = 0,
    batch_size: int = PAPER_BATCH_SIZE,
    on_repeat: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Return the class probabilities of every image under random transforms: the paper's protocol.

    A batch holds `batch_size` consecutive images of one repeat (the last one may be smaller),
    never of several repeats, because a model may normalize over its batch.

    Args:
        model: as in `predict_clean`.
        images: (n, h, w) uint8, square, as the model sees them (`models.images_seen_by`).
        repeats: number of augmented views of each image; 360 in the paper.
        seed: seed of the transforms.
        batch_size: number of images in a batch; 16 in the paper.
        on_repeat: called after each repeat with the number of finished repeats.

    Returns:
        (repeats, n, classes) float32, which `evaluate_predictions` pools.

    Raises:
        InputError: The images are not 8-bit, or `repeats` or `batch_size` not positive.
    """
    forward = _forward(model)
    predictions = []
    for views in augmented_views(images, repeats, seed):
        predictions.append(_predict(forward, views, batch_size))
        if on_repeat is not None:
            on_repeat(len(predictions))
    return np.stack(predictions)


def _predict(
    forward: Callable[[np.ndarray], np.ndarray], images: np.ndarray, batch_size: int
) -> np.ndarray:
    logits = [forward(inputs) for inputs in network_batches(images, batch_size)]
    return softmax(np.concatenate(logits).astype(np.float32))


def network_batches(images: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Yield batches of images as input of a network.

    Args:
        images: (n, h, w) uint8.
        batch_size: number of consecutive images in a batch; the last batch may be smaller.

    Yields:
        (b, h, w, 1) float32 in [-1, 1].

    Raises:
        InputError: The images are not 8-bit, or `batch_size` is not positive.
    """
    _check_images(images)
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}: give at least 1")
    for start in range(0, len(images), batch_size):
        yield to_network_units(images[start : start + batch_size, :, :, np.newaxis])


def _forward(model: Callable[[np.ndarray], object]) -> Callable[[np.ndarray], np.ndarray]:
    # predict_on_batch is one compiled graph. A call would dispatch each layer of a Keras model
    # separately, and predict() would make a data set for every call.
    call = getattr(model, "predict_on_batch", model)

    def forward(batch: np.ndarray) -> np.ndarray:
        outputs = call(batch)
        return np.asarray(outputs["logits"] if isinstance(outputs, Mapping) else outputs)

    return forward


def _check_images(images: np.ndarray) -> None:
    if images.ndim != 3 or images.dtype != np.uint8 or len(images) == 0:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}: "
            "give at least one as uint8 of shape (images, height, width)"
        )
