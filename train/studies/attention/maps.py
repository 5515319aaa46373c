"""Maps of a network, and the values of patches that they give."""

from collections.abc import Mapping

import keras
import numpy as np

from keras_astroattn.evaluation import gradient_maps, named_maps, patch_values, resize_maps
from keras_astroattn.images import to_network_units
from keras_astroattn.layers import AttentionGate
from keras_astroattn.models.wrappers import votes_head
from keras_astroattn.outputs import signed_evidence

BATCH_SIZE = 16
SEED = 20

MEAN, EVIDENCE, GRADIENT, GRAD_CAM, SALIENCY, BRIGHTNESS = (
    "mean",
    "evidence",
    "gradient x activation",
    "Grad-CAM",
    "saliency",
    "brightness",
)
"""Maps: the mean attention map, the signed evidence of a network with votes or, of another one, its
approximation, and the maps that every network has. The gates are `gate 1`, `gate 2`, ..."""

ATTENTION, EVIDENCE_SUMS, EVIDENCE_MEANS, ORACLE, RANDOM = (
    "attention",
    "evidence, patch sums",
    "evidence, patch means",
    "oracle",
    "random",
)
"""Orders of the patches. The other maps give orders under their own names, by patch means."""

ORDERS = (
    *(ATTENTION, EVIDENCE_SUMS, EVIDENCE_MEANS, GRADIENT, GRAD_CAM, SALIENCY, BRIGHTNESS, ORACLE),
)
"""Orders by the value of each patch, in the order of the tables; a network has most of them."""

MAP_OF_ORDER = {ATTENTION: MEAN, EVIDENCE_SUMS: EVIDENCE, EVIDENCE_MEANS: EVIDENCE}
"""Map behind an order; the others bear the name of their map."""


def read_maps(
    with_maps: keras.Model, images: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Predict classes, attention maps and, of a network that has it, the evidence.

    Args:
        with_maps: a `full_model`.
        images: (n, h, w) uint8.

    Returns:
        Classes (n,), and by the name of the map (n, h', w') float32. The evidence is signed:
        positive pixels speak for FRII.
    """
    parts = []
    for start in range(0, len(images), BATCH_SIZE):
        # The last batch repeats images: another size would compile the graph again.
        rows = start + np.arange(BATCH_SIZE) % (len(images) - start)
        parts.append(with_maps.predict_on_batch(to_network_units(images[rows, ..., np.newaxis])))
    outputs = {
        name: np.concatenate([part[name] for part in parts])[: len(images)] for name in parts[0]
    }
    maps = named_maps(outputs)
    evidence = signed_evidence(outputs)
    if evidence is not None:
        maps[EVIDENCE] = evidence
    return outputs["logits"].argmax(axis=-1), maps


def for_class(maps: Mapping[str, np.ndarray], classes: np.ndarray) -> dict[str, np.ndarray]:
    """Turn the signed evidence into evidence for one class of each image, 0 FRI or 1 FRII."""
    sign = np.where(classes == 1, 1, -1)[:, np.newaxis, np.newaxis]
    return {name: one * sign if name == EVIDENCE else one for name, one in maps.items()}


def read_gradients(
    model: keras.Model, images: np.ndarray, classes: np.ndarray
) -> dict[str, np.ndarray]:
    """Return maps by the gradient of one class of each image.

    Args:
        model: from images to logits.
        images: (n, h, w) uint8.
        classes: (n,).

    Returns:
        By name: (n, h', w') `GRAD_CAM` and `SALIENCY`, and `GRADIENT` of a network without votes.
    """
    maps = gradient_maps(
        model, images, classes, batch_size=BATCH_SIZE, methods=(GRAD_CAM, SALIENCY)
    )
    if votes_head(model) is None:
        maps[GRADIENT] = gradient_times_activation(model, images, classes)
    return maps


def gradient_times_activation(
    model: keras.Model, images: np.ndarray, classes: np.ndarray
) -> np.ndarray:
    """Return gradient x activation at the gates: the contribution of each pixel to the margin.

    The sum over gates and channels of x a dy/d(x a), where the margin y is the logit of the
    class minus the highest of the other logits. It is a first-order approximation, and exact
    where the head is linear. The value of a coarse pixel is spread over the image pixels that
    it covers.

    Args:
        model: a network with attention gates and another aggregation than votes.
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


def value_patches(
    images: np.ndarray, patches: np.ndarray, maps: Mapping[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Return the value of each patch in each order but the oracle's.

    Args:
        images: (n, h, w) uint8.
        patches: (n, h, w), from `flux_patches`.
        maps: by name: (n, h', w'), of the predicted classes; see `for_class`.

    Returns:
        By order: n arrays (k,).
    """
    found = {}
    for order in ORDERS:
        name = MAP_OF_ORDER.get(order, order)
        one = images if name == BRIGHTNESS else maps.get(name)
        if one is not None:
            found[order] = patch_values(one, patches, total=order == EVIDENCE_SUMS)
    return found
