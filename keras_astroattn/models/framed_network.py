"""Training in frames: squares in the middle of images, outside which the images are black.

Where no pixel sees the source, every feature map has one value, that of the empty sky. A network
in a frame computes the pixels that see the source, as deviations from the sky, and the sky apart
from them. The parts grow from layer to layer, up to the whole map in the last stage. Batch
normalization takes the moments of the whole map, and only pixels of the source vote. So the
logits, the gradients and the moving statistics are those of whole images, except for rounding.
"""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_astroattn.images.conventions import BLACK
from keras_astroattn.layers.attention_gate import AttentionGate
from keras_astroattn.layers.base import register
from keras_astroattn.layers.batch_normalization import FastBatchNormalization
from keras_astroattn.layers.middle import central, middle
from keras_astroattn.layers.p4m import D4, P4MConv2D, P4MGroupPool, P4MLifting, P4MMaxPool
from keras_astroattn.layers.sky_padding import SkyPadding
from keras_astroattn.layers.votes import VotesAggregation, antialiased_matrix

from .equivariant_ag_cnn import EquivariantAGCNN

_SMALLEST_WEIGHT = 1e-6  # smaller weights of the resizing are rounding


def can_have_frames(model: keras.Model) -> bool:
    """Whether the outputs for an image follow from a part that holds all that is not black."""
    if not isinstance(model, EquivariantAGCNN):
        return False
    config = model.get_config()
    wanted = {"padding": "sky", "aggregation": "votes", "normalization": "sigmoid"}
    return all(config[name] == value for name, value in wanted.items())


@register
class FramedNetwork(keras.layers.Layer):
    """A network for images of several sizes: whole images, and frames of them.

    A frame of n pixels is the square in the middle of an image; all pixels outside it must be
    black. The frames share the weights of the network.

    Shapes: images (batch, n, n, channels) to the logits of the network. n is the size of the whole
    images, or smaller by a multiple of 4.

    Args:
        network: a network for which `can_have_frames` holds.
        **kwargs: options of `keras.layers.Layer`; `dtype` is always float32.

    Raises:
        ValueError: The network cannot have frames, or images have a size that no frame has.
    """

    def __init__(self, network: keras.Model, **kwargs):
        if not can_have_frames(network):
            raise ValueError(
                f'{network.name} cannot have frames: give an EquivariantAGCNN with padding="sky", '
                'aggregation="votes" and normalization="sigmoid"'
            )
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.network = network

    def build(self, input_shape):
        """Do nothing: the network is built already."""

    def call(self, images, training=False):
        """Return the logits."""
        size, whole = images.shape[1], self.network.input.shape[1]
        if size == whole:
            return self.network(images, training=training)
        if size > whole or (whole - size) % 4:
            raise ValueError(
                f"a frame must be smaller than {whole} pixels by a multiple of 4; got {size}"
            )
        return _logits(self.network, images, training)

    def compute_output_shape(self, input_shape):
        """Return the output shape (batch, num_classes)."""
        return (input_shape[0], self.network.output.shape[-1])

    def get_config(self):
        """Return the arguments of `__init__`."""
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config):
        """Build the layer that `get_config` describes."""
        network = keras.saving.deserialize_keras_object(config.pop("network"))
        return cls(network, **config)


class _Part(NamedTuple):
    """The middle of a feature map, which is sky elsewhere.

    Attributes:
        deviation: values minus those of the sky, (batch, n, n, channels); the symmetries of a map
            on the group are in the last axis, before the channels.
        sky: values of the sky, (channels,).
    """

    deviation: keras.KerasTensor
    sky: keras.KerasTensor

    def values(self, size: int):
        """Return the values in the middle."""
        return middle(self.deviation, size) + self.sky


def _logits(network: keras.Model, frame, training: bool):
    """Return the logits of a network for images that are black outside a frame."""
    whole, size = network.input.shape[1], frame.shape[1]
    (head,) = (layer for layer in network.layers if isinstance(layer, VotesAggregation))
    *pairs, g, _ = head.input
    black = ops.full((frame.shape[-1],), BLACK, "float32")
    parts = {_name(network.input): _Part(frame - black, black)}
    for layer in network.layers:
        if isinstance(layer, P4MGroupPool):
            seen, pixels = parts[_name(layer.input)], layer.input.shape[1]
            # The gates need the pixels of x that have a weight in the votes, and all of g.
            if layer.output is not g:
                pixels = rows_of(antialiased_matrix(whole, pixels), size)
            f = seen.values(pixels)
            parts[layer.name] = layer(ops.reshape(f, (*f.shape[:3], len(D4), -1)))
        elif not isinstance(layer, (keras.layers.InputLayer, AttentionGate, VotesAggregation)):
            parts[layer.name] = _apply(layer, parts[_name(layer.input)], training)
    seen = []
    for x, a in zip(pairs[::2], pairs[1::2], strict=True):
        gate = a._keras_history.operation
        part = parts[_name(x)]
        _, weights = gate((part, parts[_name(g)]), training=training, whole=tuple(x.shape[1:3]))
        seen += [part, weights]
    return head([*seen, parts[_name(g)], frame], training=training)[0]


def _apply(layer: keras.Layer, part: _Part, training: bool) -> _Part:
    """Return the part of a layer's output that sees the source."""
    d, sky = part
    size, whole = d.shape[1], layer.input.shape[1]
    if isinstance(layer, SkyPadding):
        # The convolution that follows sees the source from one more pixel on each side.
        return _Part(layer(d) if size == whole else middle(d, size + 4), sky)
    if isinstance(layer, (P4MLifting, P4MConv2D)):
        kernel = layer.expanded_kernel()
        return _Part(_convolved(layer, d, kernel), ops.matmul(sky, ops.sum(kernel, axis=(0, 1))))
    if isinstance(layer, FastBatchNormalization):
        moments = _moments(part, whole) if training and layer.trainable else None
        scale, offset = (ops.tile(one, [len(D4)]) for one in layer.scale_and_offset(moments))
        return _Part(d * scale, sky * scale + offset)
    if isinstance(layer, P4MMaxPool):
        return _Part(layer(middle(d, inputs_of(layer, outputs_of(layer, size)))), sky)
    if isinstance(layer, keras.layers.AveragePooling2D):
        return _Part(layer(d), sky)
    after = layer(sky)  # of each pixel alone: stretch, ReLU
    return _Part(layer(d + sky) - after, after)


def _convolved(layer: keras.Layer, x, kernel):
    """Convolve in the precision of a layer."""
    x, kernel = (ops.cast(one, layer.compute_dtype) for one in (x, kernel))
    y = ops.conv(x, kernel, padding="valid", data_format="channels_last")
    return ops.cast(y, "float32")


def _moments(part: _Part, whole: int) -> list:
    """Return mean and variance of a whole map on the group, each (symmetries, channels)."""
    share = math.prod(part.deviation.shape[1:3]) / whole**2
    mean = share * ops.mean(part.deviation, axis=(0, 1, 2))
    variance = share * ops.mean(ops.square(part.deviation), axis=(0, 1, 2)) - ops.square(mean)
    return [ops.reshape(one, (len(D4), -1)) for one in (part.sky + mean, variance)]


def _name(tensor) -> str:
    return tensor._keras_history.operation.name


def rows_of(matrix: np.ndarray, part: int) -> int:
    """Return how many rows have a weight in the columns of a part in the middle."""
    weights = matrix[:, central(matrix.shape[1], part)]
    return int((weights > _SMALLEST_WEIGHT).any(axis=1).sum())


def _window(layer: keras.Layer) -> tuple[int, int]:
    """Return width and stride of the windows of a layer."""
    if isinstance(layer, (P4MLifting, P4MConv2D)):
        return layer.kernel_size, 1
    if isinstance(layer, P4MMaxPool):
        return layer.window(layer.input.shape[1]), 2
    if isinstance(layer, keras.layers.AveragePooling2D):
        return layer.pool_size[0], layer.strides[0]
    return 1, 1


def inputs_of(layer: keras.Layer, outputs: int) -> int:
    """Return the pixels of the input that the windows of a part of the output cover."""
    width, stride = _window(layer)
    return outputs and min(stride * (outputs - 1) + width, layer.input.shape[1])


def outputs_of(layer: keras.Layer, inputs: int) -> int:
    """Return the pixels of the output whose windows touch a part of the input."""
    whole, (width, stride) = layer.output.shape[1], _window(layer)
    middles = stride * (np.arange(whole) - (whole - 1) / 2)
    return int((np.abs(middles) < (inputs + width) / 2).sum())
