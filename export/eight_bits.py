"""The convolutions of a network with votes that compute in 8 bits, and their ranges.

Most weights and most multiplications are those of the large kernels. Only these convolutions get
8-bit weights and 8-bit inputs and outputs. The image, the small kernels of the first stage, the
gates and the head stay in floating point, so the evidence still sums to the logits.

Each channel has 255 steps from 0 to its largest value on training images: the kernel before it
gives it in parts of this value, and the kernel after it holds the value as a factor. The value of
the empty sky, which most pixels have, is a step. The graph states the range (`in_eight_bits`),
and the converter then makes the operators between two ranges integer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from keras_astroattn.images import BLACK
from keras_astroattn.layers import P4MMaxPool, SkyPadding

from .convolution_graph import STEPS, is_convolution, kernel_and_bias

EIGHT_BITS_FROM = 16_384
"""Least number of weights of a kernel that is stored in 8 bits."""

RANGE_IMAGES = 512
"""Number of training images on which the ranges are measured."""

_BATCH = 16

_KEEP_VALUES = (P4MMaxPool, keras.layers.MaxPooling2D, SkyPadding)
"""Layers whose outputs are values of their inputs, so that they need no steps of their own."""


@dataclass(frozen=True)
class EightBits:
    """The layers of a network that compute in 8 bits.

    Attributes:
        convolutions: names of the convolutions.
        ranges: largest values (channels,) of outputs that are stored in 8 bits, by the name of
            the layer. The symmetries of a channel share one.
        offset: mean error (classes,) that the rounding adds to the logits, to be subtracted.
    """

    convolutions: frozenset[str] = frozenset()
    ranges: Mapping[str, np.ndarray] = field(default_factory=dict)
    offset: np.ndarray | float = 0.0


def eight_bits(model: keras.Model, images: np.ndarray) -> EightBits:
    """Choose the layers that compute in 8 bits, and measure the ranges of their values.

    Args:
        model: a network with the aggregation `votes`.
        images: (n, 150, 150, 1) training images in [-1, 1].

    Returns:
        The layers. A convolution is chosen if its kernel is large, its inputs are not negative,
        and only a ReLU, after batch normalization, reads its output.
    """
    convolutions, stored = set(), {}
    for layer in model.layers:
        if not is_convolution(layer) or kernel_and_bias(layer)[0].size < EIGHT_BITS_FROM:
            continue
        source, relu = _source_of(layer), _relu_of(layer)
        if is_plain_relu(_first_maker(source)) and relu is not None:
            convolutions.add(layer.name)
            if _first_maker(source).name not in stored:
                stored[source.name] = source
            stored[relu.name] = relu
    return EightBits(frozenset(convolutions), _largest_values(model, stored, images))


def in_eight_bits(x: tf.Tensor) -> tf.Tensor:
    """Round values to 255 steps from 0 to 1, which the converter stores in 8 bits."""
    return tf.quantization.fake_quant_with_min_max_vars(x, 0.0, 1.0, num_bits=8)


def _maker(layer: keras.Layer) -> keras.Layer:
    return layer.input._keras_history.operation


def _source_of(convolution: keras.Layer) -> keras.Layer:
    """Return the layer whose output a convolution reads, before the border."""
    maker = _maker(convolution)
    return _maker(maker) if isinstance(maker, SkyPadding) else maker


def _first_maker(layer: keras.Layer) -> keras.Layer:
    """Return the layer that made the values that a layer gives."""
    while isinstance(layer, _KEEP_VALUES):
        layer = _maker(layer)
    return layer


def _relu_of(convolution: keras.Layer) -> keras.Layer | None:
    """Return the ReLU that alone reads the output, normalized or not; None if there is none."""
    layer = convolution
    while not is_plain_relu(layer):
        readers = [node.operation for node in layer._outbound_nodes]
        if len(readers) != 1:
            return None
        (layer,) = readers
        if not (isinstance(layer, keras.layers.BatchNormalization) or is_plain_relu(layer)):
            return None
    return layer


def is_plain_relu(layer: keras.Layer) -> bool:
    """Whether a layer computes max(x, 0), so that a positive factor may precede or follow it."""
    return isinstance(layer, keras.layers.ReLU) and not (
        layer.max_value is not None or layer.negative_slope or layer.threshold
    )


def _largest_values(
    model: keras.Model, layers: Mapping[str, keras.Layer], images: np.ndarray
) -> dict[str, np.ndarray]:
    if not layers:
        return {}
    rows = np.linspace(0, len(images) - 1, min(RANGE_IMAGES, len(images))).astype(int)
    values = keras.Model(model.input, [layer.output for layer in layers.values()])

    def given(some: np.ndarray) -> list[np.ndarray]:
        found = keras.tree.flatten(values(some, training=False))
        return [keras.ops.convert_to_numpy(one).astype(np.float64) for one in found]

    sky = [
        one[0, one.shape[1] // 2, one.shape[2] // 2].reshape(-1, one.shape[-1])[0]
        for one in given(np.full_like(images[:1], BLACK))
    ]
    largest = [np.zeros_like(one) for one in sky]
    for first in range(0, len(rows), _BATCH):
        batch = given(images[rows[first : first + _BATCH]])
        largest = [
            np.maximum(before, one.max(axis=tuple(range(one.ndim - 1))))
            for before, one in zip(largest, batch, strict=True)
        ]
    return {name: with_sky_on_a_step(*one) for name, *one in zip(layers, largest, sky, strict=True)}


def with_sky_on_a_step(largest: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Return ranges (channels,), the least from `largest` on of which the sky is a step.

    The range of a channel stays if the sky is less than a step, or if all values are 0.
    """
    largest = np.maximum(np.where(largest > 0, largest, 1.0), sky)
    steps = np.floor(STEPS * sky / largest)
    return np.where(steps >= 1, STEPS * sky / np.maximum(steps, 1), largest)
