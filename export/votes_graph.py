"""The aggregation `votes` as TensorFlow operators that LiteRT runs fast.

The logits are pooled from the votes e_k, not from the features: a projection to as many channels
as classes comes first. So logits and evidence share every number, and the evidence sums to the
logits in all precisions. In addition,

- comparisons and selections, which have no kernel in XNNPACK, are clipped linear functions;
- a map of half the image's size is resized by a convolution, and its evidence is spread by a
  convolution that computes the four pixels of each; the other sizes share two products with
  constant matrices, as blocks along the diagonal of one matrix.
"""

import itertools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_astroattn.layers import VotesAggregation
from keras_astroattn.layers.middle import central_block
from keras_astroattn.layers.votes import BRIGHT, SMALLEST_WEIGHT, antialiased_matrix

Size = tuple[int, int]

# From black to source within a millionth of the brightness; no pixel lies in between.
_STEEP = 1e6

# Antialiased resizing to half the size: weights of four pixels. At the border there are three, as
# if the fourth were black, and the result is larger by this factor.
_HALVING = np.array([1, 3, 3, 1]) / 8
_AT_BORDER = 8 / 7


def votes(
    layer: VotesAggregation,
    inputs: list[tf.Tensor],
    array: Callable[..., np.ndarray],
    half: bool,
    offset: np.ndarray | float = 0.0,
) -> list[tf.Tensor]:
    """Return the outputs of `VotesAggregation` for inference.

    Args:
        layer: the aggregation.
        inputs: x_1, a_1, ..., g and the image, as inputs of the layer.
        array: function that returns the values of a variable.
        half: round the resize matrices to float16; the sum stays exact.
        offset: subtracted from the bias b (classes,).

    Returns:
        Logits, evidence, and the weights a_k m_k of each gate.
    """
    *several, g, image = inputs
    features, maps = [*several[::2], g], [*several[1::2], None]
    size, count = tuple(image.shape[1:3]), len(features)
    *whole_maps, whole_g, whole = (tuple(tensor.shape[1:3]) for tensor in layer.input)
    source = tf.reshape(image[..., :1] if image.shape[-1] > 1 else image, [-1, *size])
    source = tf.clip_by_value((source - np.float32(BRIGHT)) * np.float32(_STEEP), 0.0, 1.0)
    targets = [tuple(x.shape[1:3]) for x in features]
    resize = _Resizes(size, targets, whole, [*whole_maps[::2], whole_g], half)
    kernels, offsets, bias = _affine(layer, [x.shape[-1] for x in features], array)
    bias = (bias - offset).astype(np.float32)
    logits, present, weights, shared = None, None, [], []
    for k, m in enumerate(resize.down(source)):
        x, a = features[k], resize.by_border(maps[k], k)
        weights.append(m if a is None else a * m)
        total = tf.reduce_sum(weights[-1], axis=(1, 2), keepdims=True)
        share = (1.0 if a is None else a) / tf.maximum(total, SMALLEST_WEIGHT)
        e = tf.nn.conv2d(x, kernels[k][np.newaxis, np.newaxis], 1, "VALID")
        e = tf.transpose(e + (offsets[k] + bias / count), [0, 3, 1, 2]) * share[:, tf.newaxis]
        shared.append(e)
        pooled = tf.reduce_sum(e * m[:, tf.newaxis], axis=(2, 3))
        has_vote = tf.minimum(total * np.float32(1 / SMALLEST_WEIGHT), 1.0)
        logits = pooled if logits is None else logits + pooled
        present = has_vote if present is None else present + has_vote
    # Terms without a vote (all terms of a black image) still contribute their share of b.
    missing = 1.0 - tf.reshape(present, [-1, 1]) * np.float32(1 / count)
    evidence = tf.transpose(resize.up(shared) * source[:, tf.newaxis], [0, 2, 3, 1])
    return [logits + missing * bias, evidence, *weights[:-1]]


class _Resizes:
    """R_k . R_k' from the image's size to several, and R_k' . R_k back, summed over k.

    Both omit the factor `by_border` of maps of half the image's size.

    Args:
        size: size of the image, or of a frame in its middle.
        targets: sizes of the maps, or of the parts in their middle.
        whole: size of the image.
        whole_targets: sizes of the maps of the whole image.
        half: round the matrices to float16.
    """

    def __init__(
        self, size: Size, targets: list[Size], whole: Size, whole_targets: list[Size], half: bool
    ):
        self.size, self.targets = size, targets
        self.same = [k for k, target in enumerate(whole_targets) if target == whole]
        self.halves = [
            k for k, (h, w) in enumerate(targets) if size == whole and (2 * h, 2 * w) == size
        ]
        self.others = [k for k in range(len(targets)) if k not in (*self.same, *self.halves)]
        self.edges = [
            np.cumsum([0, *(targets[k][axis] for k in self.others)]).tolist() for axis in (0, 1)
        ]
        matrices = [
            [
                central_block(
                    antialiased_matrix(whole[axis], whole_targets[k][axis]),
                    (targets[k][axis], size[axis]),
                )
                for k in self.others
            ]
            for axis in (0, 1)
        ]
        self.rows, self.columns = (
            _halved(np.concatenate(one), half) if one else None for one in matrices
        )

    def by_border(self, a: tf.Tensor | None, k: int) -> tf.Tensor | None:
        """Return a map (batch, h, w) times the border factor for the missing fourth pixel."""
        if k not in self.halves:
            return a
        rows, columns = (np.ones(n, np.float32) for n in self.targets[k])
        rows[[0, -1]] = columns[[0, -1]] = _AT_BORDER
        return (1.0 if a is None else a) * rows[:, np.newaxis] * columns

    def down(self, a: tf.Tensor) -> list[tf.Tensor]:
        """Return a map (batch, height, width) at each target size."""
        found = dict.fromkeys(self.same, a)
        for k in self.halves:
            kernel = np.outer(_HALVING, _HALVING)[..., np.newaxis, np.newaxis]
            halved = tf.nn.conv2d(a[..., tf.newaxis], kernel.astype(np.float32), 2, "SAME")
            found[k] = tf.reshape(halved, [-1, *self.targets[k]])
        if self.others:
            blocks = by_matrices(a, self.rows, self.columns)
            for k, rows, columns in self._blocks():
                found[k] = blocks[:, rows, columns]
        return [found[k] for k in range(len(self.targets))]

    def up(self, several: list[tf.Tensor]) -> tf.Tensor:
        """Return the sum (batch, channels, height, width) of maps (batch, channels, h_k, w_k)."""
        parts = [several[k] for k in self.same] + [_doubled(several[k]) for k in self.halves]
        if self.others:
            parts.append(self._spread(several))
        return sum(parts[1:], parts[0])

    def _blocks(self) -> list[tuple[int, slice, slice]]:
        """Return the other maps, as blocks along the diagonal of one matrix."""
        rows, columns = ([slice(*pair) for pair in itertools.pairwise(e)] for e in self.edges)
        return list(zip(self.others, rows, columns, strict=True))

    def _spread(self, several: list[tf.Tensor]) -> tf.Tensor:
        height, width = len(self.rows), len(self.columns)
        diagonal = None
        for k, rows, columns in self._blocks():
            around = [(one.start, n - one.stop) for one, n in ((rows, height), (columns, width))]
            block = tf.pad(several[k], [(0, 0), (0, 0), *around])
            diagonal = block if diagonal is None else diagonal + block
        channels = diagonal.shape[1]
        spread = by_matrices(tf.reshape(diagonal, [-1, height, width]), self.rows.T, self.columns.T)
        return tf.reshape(spread, [-1, channels, *self.size])


def by_matrices(a: tf.Tensor, rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    """Return rows a columns' of maps a (batch, h, w), by two products with constant matrices."""
    height, width = a.shape[1:]
    across = tf.matmul(tf.reshape(a, [-1, width]), columns.T)
    transposed = tf.transpose(tf.reshape(across, [-1, height, len(columns)]), [0, 2, 1])
    down = tf.matmul(tf.reshape(transposed, [-1, height]), rows.T)
    return tf.transpose(tf.reshape(down, [-1, len(columns), len(rows)]), [0, 2, 1])


def _doubled(e: tf.Tensor) -> tf.Tensor:
    """Return the transpose of halving (batch, channels, h, w), (batch, channels, 2 h, 2 w).

    A pixel becomes four. Along each axis, the first of them gets 3/8 of the pixel and 1/8 of the
    pixel before it, and the second 3/8 and 1/8 of the next one: a convolution to four channels,
    which then become pixels.
    """
    _, channels, height, width = e.shape
    # (phase, the neighbour before, itself, the neighbour after)
    shares = np.array([[1, 3, 0], [0, 3, 1]]) / 8
    kernel = np.einsum("pi,qj->ijpq", shares, shares).reshape(3, 3, 1, 4).astype(np.float32)
    e = tf.nn.conv2d(tf.reshape(e, [-1, height, width, 1]), kernel, 1, "SAME")
    doubled = tf.nn.depth_to_space(e, 2)
    return tf.reshape(doubled, [-1, channels, 2 * height, 2 * width])


def _affine(
    layer: VotesAggregation, channels: list[int], array: Callable[..., np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return W_k gamma_k / sigma_k and W_k (beta_k - mu_k gamma_k / sigma_k) by term, and b."""
    norm = layer.batch_normalization
    scale = array(norm.gamma) / np.sqrt(array(norm.moving_variance).astype(float) + norm.epsilon)
    shift = array(norm.beta) - array(norm.moving_mean) * scale
    kernel, kernels, offsets, first = array(layer.dense.kernel), [], [], 0
    for width in channels:
        part = slice(first, first + width)
        first = part.stop
        kernels.append((scale[part, np.newaxis] * kernel[part]).astype(np.float32))
        offsets.append((shift[part] @ kernel[part]).astype(np.float32))
    return kernels, offsets, array(layer.dense.bias)


def _halved(matrix: np.ndarray, half: bool) -> np.ndarray:
    return matrix.astype(np.float16).astype(np.float32) if half else matrix
