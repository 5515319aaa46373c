"""Frames: the part of each feature map that must be computed for a small source.

The frame is a square in the middle of an image that holds the source; all other pixels are black.
Every feature map has the values of the empty sky where it does not see the source. The head of
`VotesAggregation` reads only the pixels near the source. So each layer computes the pixels that
see the source and that the head sees in turn. The results are those of the whole image, except
for rounding. All parts are squares in the middle of their maps.
"""

import keras

from keras_astroattn.layers import AttentionGate, VotesAggregation
from keras_astroattn.layers.votes import antialiased_matrix
from keras_astroattn.models import sees_source_alone
from keras_astroattn.models.framed_network import (
    can_have_frames,
    inputs_of,
    outputs_of,
    rows_of,
)
from keras_astroattn.outputs import resize_matrix

FRAMES = (26, 50, 66, 90)
"""Sizes of the frames of an exported file, pixels."""

MEAN_MAP = "attention_mean"
"""Name of the size of the mean attention map, in the result of `computed_sizes`."""


def frames_of(model: keras.Model, precision: str) -> tuple[int, ...]:
    """Return the sizes of the frames that an exported file has, pixels.

    A model has frames if it sees the source alone, its convolutions continue the sky beyond the
    border, only pixels of the source vote, and each pixel of an attention map depends on its own
    score alone. Steps of 8 bits, which span the values of a whole tensor, differ between a frame
    and the whole image, so only `float32` and `float16` files have frames.
    """
    if precision not in ("float32", "float16"):
        return ()
    return FRAMES if sees_source_alone(model) and can_have_frames(model) else ()


def computed_sizes(model: keras.Model, size: int) -> dict[str, int]:
    """Return how many pixels of each feature map are computed, along an axis.

    Args:
        model: an `EquivariantAGCNN` for which `can_have_frames` holds.
        size: pixels of the frame; half of them is odd, as half of the image's are, so that the
            pixels of all maps align.

    Returns:
        The sizes by the name of the layer. Those of `P4MGroupPool` are the sizes that the gates
        and the head read, that of `MEAN_MAP` is the size of the mean attention map.
    """
    before = {
        layer.name: layer.input._keras_history.operation.name
        for layer in model.layers
        if not isinstance(layer, (keras.layers.InputLayer, AttentionGate, VotesAggregation))
    }
    backbone = [layer for layer in model.layers if layer.name in before]
    seen = {model.input._keras_history.operation.name: size}
    for layer in backbone:
        seen[layer.name] = outputs_of(layer, seen[before[layer.name]])
    read = _read_by_head(model, size)
    needed = {name: read.get(name, 0) for name in seen}
    for layer in reversed(backbone):
        first = before[layer.name]
        needed[first] = max(needed[first], inputs_of(layer, needed[layer.name]))
    return {name: min(seen[name], needed[name]) for name in seen} | read


def _read_by_head(model: keras.Model, size: int) -> dict[str, int]:
    """Return the pixels of features and g on which a pixel of the source has an effect."""
    (head,) = (layer for layer in model.layers if isinstance(layer, VotesAggregation))
    *features, g, image = head.input
    whole, g_size = image.shape[1], g.shape[1]
    sizes: dict[str, int] = {}
    g_read, mean = rows_of(antialiased_matrix(whole, g_size), size), 0
    for x in features[::2]:
        x_size = x.shape[1]
        x_read = rows_of(antialiased_matrix(whole, x_size), size)
        sizes[x._keras_history.operation.name] = x_read
        g_read = max(g_read, rows_of(resize_matrix(g_size, x_size).T, x_read))
        mean = max(mean, rows_of(resize_matrix(x_size, whole), x_read))
    return sizes | {g._keras_history.operation.name: g_read, MEAN_MAP: mean}
