"""Aggregation by votes: logits that are sums of the evidence of each pixel of the source."""

import keras
import numpy as np
from keras import ops

from keras_astroattn.images.conventions import BLACK

from .base import Float32Layer, register
from .middle import central_block

VOTES = "votes"
"""Name of the aggregation of `VotesAggregation`."""

POSITIVE = ("softmax", "sigmoid", "range_norm")
"""Normalizations whose maps have no negative values, so that a weighted mean by them exists."""

BRIGHT = BLACK + 1 / 255
"""Half a grey level above black; brighter pixels belong to the source."""

SMALLEST_WEIGHT = 1e-12
"""A gate with a smaller sum of attention on the source has no vote, because the gradient of the
quotient would not be finite."""


def antialiased_matrix(size: int, target: int) -> np.ndarray:
    """Return the matrix of antialiased resizing along one axis.

    The weights are triangles of half width size / target around half-pixel centres, as in
    `keras.ops.image.resize(..., interpolation="bilinear", antialias=True)`.

    Args:
        size: number of pixels before.
        target: number of pixels after, at most `size`.

    Returns:
        (target, size) float32, with rows of sum 1.
    """
    step = size / target
    centres, pixels = (np.arange(target) + 0.5) * step, np.arange(size) + 0.5
    weights = np.maximum(0, 1 - np.abs(pixels - centres[:, np.newaxis]) / step)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def source_pixels(image):
    """Return [I > black] of images, (batch, height, width) float32: 1 on the source, 0 on sky."""
    return ops.cast(image[..., 0] > BRIGHT, "float32")


@register
class VotesAggregation(Float32Layer):
    """Classify by attention-weighted means over the source, and split the logits into evidence.

    I is the image, [ ] an indicator, x_k the features and a_k >= 0 the attention map of gate k.
    The gating signal g is a further term with a_g = 1. R_k is the antialiased resizing of an axis
    from the image's size to that of gate k (`antialiased_matrix`), R_k' its transpose. Sums are
    over pixels:

        m_k    = R_k [I > black] R_k'
        v_k    = sum a_k m_k x_k / sum a_k m_k
        logits = W batchnorm([v_1, ..., v_N, v_g]) + b

    Batch normalization is affine after training, (v - mu) / sigma gamma + beta. So every pixel
    has a vote e_k, and the votes for a class, spread over the image's pixels P, sum to its
    logit:

        e_k  = W_k gamma_k (x_k - mu_k) / sigma_k + W_k beta_k + b / n
        E(P) = [I(P) > black] sum_k (R_k' (a_k e_k) R_k)(P) / sum a_k m_k
        sum over P of E(P) = logits

    n is the number of terms, N + 1. A term whose sum a_k m_k vanishes is left out of the logits,
    the evidence and n. For a black image all terms vanish: its logits are b, its evidence E is 0.

    Shapes: a list of x_1, a_1, ..., x_N, a_N, g and the image, x_k (batch, h_k, w_k, channels_k),
    a_k (batch, h_k, w_k), g (batch, h, w, channels), image (batch, height, width, channels), of
    which only the first channel is read. The result is a list, float32 under every dtype policy:
    logits (batch, num_classes), evidence E (batch, height, width, num_classes), and the weights
    a_k m_k (batch, h_k, w_k) for each k. The evidence uses the moving statistics, in training
    too.

    Args:
        num_classes: number of logits.
        dropout: dropout rate of the vectors v_k in training.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.
    """

    def __init__(self, num_classes: int = 2, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.dropout = keras.layers.Dropout(dropout, dtype="float32", name="dropout")

    def build(self, input_shape):
        """Create batch normalization, one dense layer over all channels, and the constant R_k."""
        features, _, size = _terms(input_shape)
        self._parts, first = [], 0
        for shape in features:
            self._parts.append(slice(first, first + shape[-1]))
            first += shape[-1]
        self._resizes = [
            tuple(
                antialiased_matrix(old, new) for old, new in zip(size[1:3], shape[1:3], strict=True)
            )
            for shape in features
        ]
        self.batch_normalization = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype="float32", name="batch_normalization"
        )
        self.batch_normalization.build((None, first))
        self.dense = keras.layers.Dense(self.num_classes, name="dense", dtype="float32")
        self.dense.build((None, first))

    def call(self, inputs, training=None):
        """Return the logits, the evidence, and the weights of each gate.

        The arrays may be smaller than those that the layer was built for: parts in their middle,
        outside which the image is black. The logits are then those of the whole image.
        """
        features, maps, image = _terms(inputs)
        bright = source_pixels(image)
        weights, shares, vectors, present = [], [], [], []
        resizes = self._resizes_of(features, image)
        for x, a, (rows, columns) in zip(features, maps, resizes, strict=True):
            m = ops.matmul(ops.matmul(rows, bright), columns.T)
            a = ops.ones_like(m) if a is None else a
            weights.append(a * m)
            total = ops.sum(weights[-1], axis=(1, 2), keepdims=True)
            votes = total > SMALLEST_WEIGHT
            divisor = ops.where(votes, total, ops.ones_like(total))
            votes = ops.cast(votes, "float32")
            shares.append(a * votes / divisor)
            vectors.append(_weighted_sum(shares[-1] * m, x))
            present.append(votes[:, 0])
        vector = self.dropout(ops.concatenate(vectors, axis=-1), training=training)
        vector = self.batch_normalization(vector, training=training)
        widths = [part.stop - part.start for part in self._parts]
        kept = [ops.repeat(votes, n, axis=-1) for votes, n in zip(present, widths, strict=True)]
        logits = self.dense(vector * ops.concatenate(kept, axis=-1))
        evidence = self._evidence(features, shares, resizes, sum(present)) * bright[..., np.newaxis]
        return [logits, evidence, *weights[:-1]]

    def votes(self, features: list, terms) -> list:
        """Return the votes of each pixel.

        Args:
            features: x_1, ..., x_N and g.
            terms: n, the number of terms with a vote, (batch, 1).

        Returns:
            e_k (batch, h_k, w_k, num_classes), one for each of the features.
        """
        norm, kernel = self.batch_normalization, ops.convert_to_tensor(self.dense.kernel)
        scale = norm.gamma * ops.rsqrt(norm.moving_variance + norm.epsilon)
        slope = kernel * scale[:, np.newaxis]
        offset = kernel * (norm.beta - norm.moving_mean * scale)[:, np.newaxis]
        bias = ops.convert_to_tensor(self.dense.bias) / ops.maximum(terms, 1.0)
        bias = bias[:, np.newaxis, np.newaxis]
        return [
            ops.matmul(x, slope[part]) + (ops.sum(offset[part], axis=0) + bias)
            for x, part in zip(features, self._parts, strict=True)
        ]

    def _resizes_of(self, features: list, image) -> list:
        """Return R_k for rows and columns, for each k; of parts in the middle, their blocks."""
        return [
            tuple(
                central_block(matrix, (new, old))
                for matrix, new, old in zip(resize, x.shape[1:3], image.shape[1:3], strict=True)
            )
            for x, resize in zip(features, self._resizes, strict=True)
        ]

    def _evidence(self, features: list, shares: list, resizes: list, terms):
        """Return E (batch, height, width, num_classes), sky included."""
        total = 0.0
        votes = self.votes(features, terms)
        for e, share, (rows, columns) in zip(votes, shares, resizes, strict=True):
            by_class = ops.transpose(e * share[..., np.newaxis], (0, 3, 1, 2))
            total = total + ops.matmul(ops.matmul(rows.T, by_class), columns)
        return ops.transpose(total, (0, 2, 3, 1))

    def compute_output_spec(self, inputs, training=None):
        """Return the shapes of the logits, the evidence and the weights, float32."""
        _, maps, image = _terms(inputs)
        shapes = [
            (image.shape[0], self.num_classes),
            (*image.shape[:-1], self.num_classes),
            *(a.shape for a in maps[:-1]),
        ]
        return [keras.KerasTensor(shape, dtype="float32") for shape in shapes]

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dropout": self.dropout.rate,
        }


def _terms(inputs: list) -> tuple[list, list, object]:
    """Return features [x_1, ..., x_N, g], maps [a_1, ..., a_N, None] and the image."""
    *several, g, image = inputs
    return [*several[::2], g], [*several[1::2], None], image


def _weighted_sum(weights, x):
    """Return the sum over pixels of x (batch, h, w, channels) times weights (batch, h, w)."""
    pixels = x.shape[1] * x.shape[2]
    flat = ops.reshape(x, (-1, pixels, x.shape[3]))
    return ops.matmul(ops.reshape(weights, (-1, 1, pixels)), flat)[:, 0]
