"""The graph of a gate and of its maps: scores, normalization, resizing and pooling.

`export.inference_graph` says how the scores are rearranged.
"""

import itertools
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from keras_astroattn.layers import AttentionGate, AttentionNormalization
from keras_astroattn.layers.middle import central_block
from keras_astroattn.outputs import resize_matrix

from .votes_graph import by_matrices

STRIP_BYTES = 768 * 1024
"""A strip of the gates' widest tensor should not exceed this (the L2 cache is 1 MiB)."""

MANY_ROWS = 8
"""Least number of rows for one of g at which the rows between two of g are made together."""

_SMALLEST_RANGE = 1e-12


def array(variable) -> np.ndarray:
    """Return the values of a variable, float32."""
    with tf.init_scope():  # outside the traced graph, to get a value and not a tensor
        return np.asarray(variable.numpy(), np.float32)


def scores(gate: AttentionGate, x: tf.Tensor, g: tf.Tensor, integer: bool) -> tf.Tensor:
    """Return the scores s (batch, height, width) of a gate."""
    theta, phi = array(gate.theta.kernel)[0, 0], array(gate.phi.kernel)[0, 0]
    psi, bias = array(gate.psi.kernel)[0, 0, :, 0], array(gate.psi.bias)
    whole_x, whole_g = (tensor.shape[1:3] for tensor in gate.input)
    if integer:
        gating = tf.image.resize(_pointwise(g, phi), x.shape[1:3])
        compared = tf.nn.relu(_pointwise(x, theta) + gating)
        s = _pointwise(compared, psi[:, np.newaxis]) + bias
        return tf.reshape(s, [-1, *x.shape[1:3]])
    signs = [(psi > 0, tf.maximum), (psi < 0, tf.minimum)]
    signs = [(channels, pick) for channels, pick in signs if channels.any()]
    height, width = x.shape[1:3]
    minus_u = [_pointwise(g, -phi[:, channels] * psi[channels]) for channels, _ in signs]
    if (height, width) != whole_x:
        pieces = _by_blocks(minus_u, (height, width), whole_g, whole_x)
    elif height >= MANY_ROWS * g.shape[1]:
        pieces = _between_rows(minus_u, height, width)
    else:
        pieces = _by_strips(minus_u, height, width)
    strips = []
    for rows, upsampled in pieces:
        sums = []
        for (channels, pick), part in zip(signs, upsampled, strict=True):
            t = _pointwise(x[:, rows], theta[:, channels] * psi[channels])
            sums.append(tf.reduce_sum(pick(t, part), axis=-1))
        strips.append(sums[0] if len(sums) == 1 else sums[0] + sums[1])
    compared = _joined(strips)
    total_u = tf.reshape(_pointwise(g, (phi @ psi)[:, np.newaxis]), [-1, *g.shape[1:3]])
    return compared + (_resize_map(total_u, (height, width), whole_g, whole_x) + bias)


Size = tuple[int, int]

Upsampled = Iterator[tuple[slice, list[tf.Tensor]]]


def _by_strips(parts: list[tf.Tensor], height: int, width: int) -> Upsampled:
    """Yield rows that fit the cache, with each part upsampled: rows first, then columns."""
    channels = sum(part.shape[-1] for part in parts)
    resized = [_resize_rows(part, height) for part in parts]
    for rows in _strips(height, width * channels * 4):
        size = (rows.stop - rows.start, width)
        yield rows, [tf.image.resize(part[:, rows], size) for part in resized]


def _between_rows(parts: list[tf.Tensor], height: int, width: int) -> Upsampled:
    """Yield rows and upsampled parts, columns first: rows between two rows of g mix these two.

    A matrix of two columns mixes them, in half the time of resizing, which reads four pixels for
    each one.
    """
    resized = [tf.image.resize(part, (part.shape[1], width)) for part in parts]
    matrix = _resize_matrix(parts[0].shape[1], height)
    above = np.minimum(np.argmax(matrix > 0, axis=1), matrix.shape[1] - 2)
    for low in np.unique(above).tolist():
        rows = slice(*(np.flatnonzero(above == low)[[0, -1]] + [0, 1]).tolist())
        shares = matrix[np.newaxis, rows, low : low + 2]
        mixed = []
        for part in resized:
            both = tf.reshape(part[:, low : low + 2], [-1, 2, width * part.shape[-1]])
            shape = [-1, rows.stop - rows.start, width, part.shape[-1]]
            mixed.append(tf.reshape(tf.matmul(shares, both), shape))
        yield rows, mixed


def _by_blocks(parts: list[tf.Tensor], target: Size, whole: Size, whole_target: Size) -> Upsampled:
    """Yield all rows of a frame, with each part upsampled by matrices: columns, then rows."""
    height, width = size = tuple(parts[0].shape[1:3])
    rows, columns = _resize_blocks(size, target, whole, whole_target)
    resized = []
    for part in parts:
        channels = part.shape[-1]
        across = tf.matmul(columns[np.newaxis], tf.reshape(part, [-1, width, channels]))
        across = tf.reshape(across, [-1, height, target[1] * channels])
        resized.append(tf.reshape(tf.matmul(rows[np.newaxis], across), [-1, *target, channels]))
    yield slice(None), resized


def _pointwise(x: tf.Tensor, kernel: np.ndarray) -> tf.Tensor:
    """Return a 1 x 1 convolution, kernel (channels in, channels out)."""
    return tf.nn.conv2d(x, kernel[np.newaxis, np.newaxis].astype(np.float32), 1, "VALID")


def _resize_rows(x: tf.Tensor, height: int) -> tf.Tensor:
    return tf.image.resize(x, (height, x.shape[2]))


def _strips(height: int, row_bytes: int) -> list[slice]:
    count = -(-height * row_bytes // STRIP_BYTES)
    edges = np.linspace(0, height, count + 1).round().astype(int).tolist()
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def _joined(strips: list[tf.Tensor]) -> tf.Tensor:
    """Concatenate strips of rows, a few at a time: XNNPACK concatenates at most five."""
    while len(strips) > 1:
        groups = [strips[first : first + 4] for first in range(0, len(strips), 4)]
        strips = [tf.concat(group, axis=1) if group[1:] else group[0] for group in groups]
    return strips[0]


def _resize_matrix(size: int, target: int) -> np.ndarray:
    return resize_matrix(size, target).astype(np.float32)


def _resize_blocks(
    size: Size, target: Size, whole: Size, whole_target: Size
) -> tuple[np.ndarray, np.ndarray]:
    """Return the blocks, of rows and of columns, of the matrices that resize the whole image's map.

    Args:
        size: size of a map, the part in the middle of the whole image's.
        target: size of the resized map, also a part.
        whole: size of the whole image's map.
        whole_target: size of the whole image's resized map.
    """
    rows, columns = (
        central_block(_resize_matrix(old, new), (new_part, old_part))
        for old, new, old_part, new_part in zip(whole, whole_target, size, target, strict=True)
    )
    return rows, columns


def _resize_map(a: tf.Tensor, target: Size, whole: Size, whole_target: Size) -> tf.Tensor:
    """Resize maps (batch, h, w) bilinearly; see `_resize_blocks`."""
    if whole == whole_target:
        return a
    return by_matrices(a, *_resize_blocks(tuple(a.shape[1:]), target, whole, whole_target))


def mean_map(
    maps: list[tf.Tensor], size: Size, whole_maps: list[Size], whole_size: Size
) -> tf.Tensor:
    """Return the mean of maps (batch, h, w), resized to one size.

    Args:
        maps: the maps, or parts in their middle.
        size: size of the mean.
        whole_maps: sizes of the maps of the whole image.
        whole_size: size of the mean of the whole image.
    """
    resized = [
        _resize_map(a, size, whole, whole_size) for a, whole in zip(maps, whole_maps, strict=True)
    ]
    total = resized[0]
    for one in resized[1:]:
        total = total + one
    return total * np.float32(1 / len(maps))


def normalized(layer: AttentionNormalization, s: tf.Tensor) -> tf.Tensor:
    """Return the map a of scores s (batch, height, width)."""
    if layer.normalization != "range_norm" or layer.scope != "sample":
        return layer(s)
    # As in the layer, but without a selection, which has no kernel in XNNPACK: if the range
    # vanishes, s - min is 0 for any divisor.
    low = tf.reduce_min(s, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(s, axis=(1, 2), keepdims=True)
    return (s - low) / tf.maximum(high - low, _SMALLEST_RANGE)


def pooled(x: tf.Tensor, a: tf.Tensor, pooling: str) -> tf.Tensor:
    """Return the vector of attended features, as `AttentionPooling`."""
    height, width = x.shape[1:3]
    attended = x * tf.reshape(a, [-1, height, width, 1])
    # Rows first, as in the layer, for half the rounding error.
    total = tf.reduce_sum(tf.reduce_sum(attended, axis=2), axis=1)
    if pooling == "sum":
        return total
    weight = tf.reduce_sum(tf.abs(a), axis=(1, 2), keepdims=True)
    return total / tf.maximum(tf.reshape(weight, [-1, 1]), keras.config.epsilon())
