"""Normalizations of compatibility scores s to an attention map a.

Bowles et al. 2021, section 3; the names are those of the paper's material.
"""

from keras import ops

from .base import Float32Layer, register, require_choice

SCOPES = ("sample", "batch")

# A smaller range (or maximum) of scores is rounding, not contrast; dividing by it would give
# infinite gradients.
_SMALLEST_DIVISOR = 1e-12

_PIXELS = (1, 2)
_PIXELS_AND_BATCH = (0, 1, 2)


def _divisor(value):
    """Return `value`, or 1 where it is too small to divide by; both have a finite gradient."""
    return ops.where(ops.abs(value) > _SMALLEST_DIVISOR, value, ops.ones_like(value))


def softmax(s, axes):
    """Return exp(s) / sum(exp(s)) over the pixels of each image, independent of `axes`.

    A constant map gives 1 / (number of pixels) everywhere.
    """
    height, width = s.shape[1:]
    return ops.reshape(ops.softmax(ops.reshape(s, (-1, height * width))), (-1, height, width))


def sigmoid(s, axes):
    """Return 1 / (1 + exp(-s)), pixel by pixel."""
    return ops.sigmoid(s)


def tanh(s, axes):
    """Return the hyperbolic tangent of s, pixel by pixel."""
    return ops.tanh(s)


def range_norm(s, axes):
    """Return (s - min) / (max - min); a constant map gives 0 everywhere."""
    low = ops.min(s, axis=axes, keepdims=True)
    high = ops.max(s, axis=axes, keepdims=True)
    return (s - low) / _divisor(high - low)


def std_mean_norm(s, axes):
    """Return ((s - min) / max(s) - 0.5) / 0.25; the divisor is the maximum, not the range.

    A constant map gives -2 everywhere; if max(s) = 0 there is no division.
    """
    low = ops.min(s, axis=axes, keepdims=True)
    high = ops.max(s, axis=axes, keepdims=True)
    return ((s - low) / _divisor(high) - 0.5) / 0.25


NORMALIZATIONS = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "range_norm": range_norm,
    "std_mean_norm": std_mean_norm,
}
"""Functions that turn scores into an attention map, by the name of the option."""


@register
class AttentionNormalization(Float32Layer):
    """Normalize compatibility scores s (batch, height, width) to an attention map.

    | `normalization` | a |
    |---|---|
    | `softmax` | exp(s) / sum exp(s), over the pixels of each image |
    | `sigmoid` | 1 / (1 + exp(-s)) |
    | `tanh` | tanh(s) |
    | `range_norm` | (s - min) / (max - min) |
    | `std_mean_norm` | ((s - min) / max(s) - 0.5) / 0.25 |

    A constant score map gives 0 with `range_norm` and -2 with `std_mean_norm`. If max(s) = 0,
    `std_mean_norm` does not divide. Values and gradients stay finite. Computed in float32 under
    every dtype policy.

    Shapes: scores (batch, height, width) to a map of the same shape, float32.

    Args:
        normalization: name of the normalization.
        scope: pixels of the minimum and maximum: `"sample"`, those of each image, so that a
            prediction does not depend on the rest of the batch; or `"batch"`, those of the whole
            batch, to reproduce the paper's code.
        **kwargs: options of `keras.layers.Layer`; see `Float32Layer`.

    Raises:
        ValueError: The normalization or scope is unknown.

    Source: Bowles et al. 2021 (arXiv 2012.01248), section 3.
    """

    def __init__(self, normalization: str = "range_norm", scope: str = "sample", **kwargs):
        require_choice("normalization", normalization, NORMALIZATIONS)
        require_choice("scope", scope, SCOPES)
        super().__init__(**kwargs)
        self.normalization = normalization
        self.scope = scope

    def call(self, s):
        """Return the map a (batch, height, width), float32."""
        axes = _PIXELS if self.scope == "sample" else _PIXELS_AND_BATCH
        return NORMALIZATIONS[self.normalization](s, axes)

    def compute_output_shape(self, input_shape):
        """Return the shape of the scores."""
        return input_shape

    def get_config(self):
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "normalization": self.normalization,
            "scope": self.scope,
        }
