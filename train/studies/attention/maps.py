"""Attention maps, gradient maps, and the orders of deletion that they give."""

import keras
import numpy as np

from keras_astroattn.evaluation import (
    deletion_order,
    grad_cam,
    named_maps,
    patch_values,
    resize_maps,
)
from keras_astroattn.images import to_network_units
from keras_astroattn.layers import AttentionGate

BATCH_SIZE = 16
SEED = 20

MEAN = "mean"
"""Name of the mean attention map; the maps of the gates are `gate 1`, `gate 2`, ..."""

ATTENTION, LEAST, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM = (
    "attention",
    "least attention",
    "attended evidence",
    "Grad-CAM",
    "brightness",
    "random",
)
"""Orders of deletion. Each gate gives a further one, under its own name."""


def read_maps(
    with_maps: keras.Model, images: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Predict classes and attention maps.

    Args:
        with_maps: an `attention_model`.
        images: (n, h, w) uint8.

    Returns:
        Classes (n,), and by the name of the map (n, h', w') float32.
    """
    parts = []
    for start in range(0, len(images), BATCH_SIZE):
        # The last batch repeats images: another size would compile the graph again.
        rows = start + np.arange(BATCH_SIZE) % (len(images) - start)
        parts.append(with_maps.predict_on_batch(to_network_units(images[rows, ..., np.newaxis])))
    outputs = {
        name: np.concatenate([part[name] for part in parts])[: len(images)] for name in parts[0]
    }
    return outputs["logits"].argmax(axis=-1), named_maps(outputs)


def read_gradients(
    model: keras.Model, images: np.ndarray, classes: np.ndarray
) -> dict[str, np.ndarray]:
    """Return Grad-CAM and `attended_evidence` for one class of each image.

    Args:
        model: from images to logits.
        images: (n, h, w) uint8.
        classes: (n,).

    Returns:
        By the name of the order of deletion: (n, h', w').
    """
    return {
        EVIDENCE: attended_evidence(model, images, classes),
        GRAD_CAM: grad_cam(model, images, classes, batch_size=BATCH_SIZE),
    }


def attended_evidence(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return gradient x activation at the gates: the contribution of each pixel to the margin.

    The sum over gates and channels of x a dy/d(x a), where the margin y is the logit of the
    class minus the highest of the other logits. It is a first-order approximation, and exact
    where the head is linear. The value of a coarse pixel is spread over the image pixels that
    it covers.

    Args:
        model: a network with attention gates.
        images: (n, h, w) uint8.
        classes: (n,).

    Returns:
        (n, h, w) float64.
    """
    import tensorflow as tf

    gates = [layer for layer in model.layers if isinstance(layer, AttentionGate)]
    inner = keras.Model(model.input, [model.output, *(gate.output[0] for gate in gates)])
    size = images.shape[1:]
    found = []
    for start in range(0, len(images), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        with tf.GradientTape() as tape:
            logits, *attended = inner(to_network_units(images[rows, ..., np.newaxis]))
            own = tf.one_hot(classes[rows], logits.shape[-1], dtype=logits.dtype)
            others = tf.reduce_max(logits - own * logits.dtype.max, axis=-1)
            margin = tf.reduce_sum(own * logits, axis=-1) - others
        slopes = tape.gradient(margin, attended)
        parts = [
            tf.reduce_sum(slope * one, axis=-1).numpy()
            for slope, one in zip(slopes, attended, strict=True)
        ]
        found.append(
            sum(resize_maps(one, size) * one[0].size / (size[0] * size[1]) for one in parts)
        )
    return np.concatenate(found)


def rank_patches(
    images: np.ndarray, patches: np.ndarray, maps: dict[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Return the value of each patch under each order of deletion.

    Args:
        images: (n, h, w) uint8.
        patches: (n, h, w), from `flux_patches`.
        maps: by name: (n, h', w'); `mean` among them.

    Returns:
        By order: n arrays (k,).
    """
    values = {name: patch_values(one, patches) for name, one in maps.items()}
    attention = values.pop(MEAN)
    return {
        ATTENTION: attention,
        BRIGHTNESS: patch_values(images, patches),
        LEAST: [-one for one in attention],
        **values,
    }


def deletion_orders(ranked: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Return the patches of every image by `rank_patches`, highest value first."""
    random = np.random.default_rng(SEED)
    return {
        name: [deletion_order(one, random) for one in values] for name, values in ranked.items()
    }
