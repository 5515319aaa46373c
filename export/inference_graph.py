"""The network as a TensorFlow graph that LiteRT runs fast: the same function, rearranged.

XNNPACK, which runs LiteRT's operators on a processor, works in tiles of 16 output channels and
passes a whole tensor from one operator to the next. Therefore

- batch normalization is folded into the preceding convolution, in float64; the change that
  rounding the kernel to float32 (float16) makes on the empty sky is subtracted from the bias,
  because nearly all pixels are sky and a sum over pixels accumulates it;
- a convolution of a single channel gets the image minus its empty sky, so that the sky is 0 and
  nothing is rounded there;
- a convolution to few channels computes two neighbouring columns at once, as twice the
  channels of a kernel one column wider, which fills more of the tile;
- the gate's  s = psi(relu(theta(x) + upsample(phi(g)))) + b  is rearranged. With
  t = psi_c theta_c(x) and u = psi_c phi_c(g), both linear,

      psi_c relu(theta_c + phi_c) = max(t, -u) + u   where psi_c > 0,
                                    min(t, -u) + u   where psi_c < 0,

  so psi becomes two plain sums over channels, and the sum of all u, one channel, is
  upsampled separately. This runs in strips of rows that fit the cache;
- upsampling is separable: rows first, at the width of g, then columns, strip by strip; or
  columns first and the rows by small matrix products, if g is much smaller;
- maps of one channel are resized by two small matrix products;
- a convolution on the group p4m is a plain one with its expanded kernel; the eight symmetries
  are stored with the channels.

All other layers of `keras_astroattn.layers` are called unchanged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_astroattn.images import BLACK
from keras_astroattn.layers import (
    AGGREGATIONS,
    AttentionGate,
    AttentionMean,
    AttentionPooling,
    ConcatGatingAggregation,
    P4MGroupPool,
    P4MMaxPool,
    SkyPadding,
    VotesAggregation,
)
from keras_astroattn.layers.middle import central
from keras_astroattn.models.framed_network import inputs_of

from .convolution_graph import (
    PendingConvolution,
    convolve,
    is_convolution,
    kernel_and_bias,
    with_border,
)
from .eight_bits import EightBits, in_eight_bits, is_plain_relu
from .frame_graph import MEAN_MAP, computed_sizes
from .gate_graph import array, mean_map, normalized, pooled, scores
from .votes_graph import votes

_KEEP_PARTS = (P4MMaxPool, P4MGroupPool, keras.layers.MaxPooling2D)
"""Layers whose output, for parts of a value, are parts of the same value."""

_TAKES_A_LIST = (*AGGREGATIONS.values(), AttentionMean)


@dataclass(frozen=True, eq=False)
class _Attended:
    """A deferred x * a: only its sum over pixels is needed."""

    x: tf.Tensor
    a: tf.Tensor


@dataclass(frozen=True, eq=False)
class _Padded:
    """A deferred `SkyPadding`: a convolution follows."""

    x: tf.Tensor


@dataclass(frozen=True, eq=False)
class _Centred:
    """A deferred x: the sky is subtracted from y, a part in the middle of the map x."""

    y: tf.Tensor
    sky: np.ndarray


@dataclass(frozen=True, eq=False)
class _Parts:
    """A deferred x: the parts, 8 bits from 0 to 1, of the largest value (channels,)."""

    parts: tf.Tensor
    largest: np.ndarray


@dataclass(frozen=True, eq=False)
class _Plan:
    """How the layers compute: options of `inference_outputs`, and the result of `_empty_sky`."""

    integer: bool
    half: bool
    sky: dict[str, np.ndarray]
    eight: EightBits

    @property
    def bits(self) -> int:
        """Number of bits of a weight in the layers that do not compute in 8 bits."""
        return 16 if self.half else 32


def inference_outputs(
    model: keras.Model,
    attention: bool = True,
    integer: bool = False,
    half: bool = False,
    frame: int | None = None,
    eight: EightBits | None = None,
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return a function from images to `logits`, `attention_1` .., `attention_mean`, `evidence`.

    It equals `attention_model(model)`, or `evidence_model(model)` if the network has evidence,
    except for rounding.

    Args:
        model: an `AGCNN` or another functional model whose layers are used once each.
        attention: whether to include the maps and the evidence.
        integer: build the graph for full integer quantization: psi stays a convolution,
            because XNNPACK has no 8-bit kernel for sums.
        half: round the large kernels to float16.
        frame: pixels of the frame that the function takes, a square in the middle of an image
            that is black elsewhere; None: the whole image. The maps that it returns are parts in
            the middle of the whole image's; beyond them, the maps are 0. See `export.frame_graph`.
        eight: layers that compute in 8 bits, all others in floating point, without `frame`; None:
            no layers. See `export.eight_bits`.

    Returns:
        The function; its keys are the names of the outputs.

    Raises:
        ValueError: A layer is used more than once.
    """
    if any(len(layer._inbound_nodes) != 1 for layer in model.layers):
        used = [layer.name for layer in model.layers if len(layer._inbound_nodes) != 1]
        raise ValueError(f"layers must be used once each; these are not: {', '.join(used)}")

    sky = _empty_sky(model)
    plan = _Plan(integer, half, sky, eight or EightBits())
    sizes = None if frame is None else computed_sizes(model, frame)

    def outputs(image: tf.Tensor) -> dict[str, tf.Tensor]:
        values, maps, whole_maps, evidence = {id(model.input): image}, [], [], None
        for layer in model.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            inputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], layer.input)
            if isinstance(layer, _TAKES_A_LIST) and not isinstance(inputs, list):
                inputs = [inputs]  # Keras replaces a list of one by its element
            if sizes is not None and layer.name in sky:
                inputs = _placed(layer, inputs, sizes[layer.name], sky[layer.name])
            if layer.name in plan.eight.ranges:
                result = _in_parts(layer, inputs, plan)
            else:
                result = _compute(layer, inputs, plan)
            if isinstance(layer, VotesAggregation):
                _, evidence, *maps = result
            elif isinstance(layer, AttentionGate):
                maps.append(result[1])
                whole_maps.append(tuple(layer.output[1].shape[1:]))
            given = keras.tree.flatten(layer.output)
            for tensor, value in zip(given, result if len(given) > 1 else [result], strict=True):
                values[id(tensor)] = value
        named = {"logits": _computed(values[id(model.output)])}
        if attention and maps:
            named |= {f"attention_{number}": a for number, a in enumerate(maps, start=1)}
            whole = tuple(model.input.shape[1:3])
            size = whole if sizes is None else (sizes[MEAN_MAP], sizes[MEAN_MAP])
            named["attention_mean"] = mean_map(maps, size, whole_maps, whole)
        if attention and evidence is not None:
            named["evidence"] = evidence
        return named

    return outputs


def _empty_sky(model: keras.Model) -> dict[str, np.ndarray]:
    """Return the inputs (channels,) of layers in the middle of a black image, by name.

    They are those of convolutions and of poolings on the group.
    """
    layers = [
        layer
        for layer in model.layers
        if is_convolution(layer) or isinstance(layer, (P4MMaxPool, P4MGroupPool))
    ]
    if not layers:
        return {}
    black = np.full((1, *model.input.shape[1:]), BLACK, np.float32)
    inputs = keras.Model(model.input, [layer.input for layer in layers])(black)
    middle = (array(one)[0, one.shape[1] // 2, one.shape[2] // 2] for one in inputs)
    return {
        layer.name: one.astype(np.float64).ravel()
        for layer, one in zip(layers, middle, strict=True)
    }


def _placed(layer: keras.Layer, inputs, size: int, sky: np.ndarray) -> tf.Tensor | _Centred:
    """Return the part of a layer's input from which it computes a part of its output.

    Args:
        layer: a convolution, or a pooling on the group.
        inputs: a part in the middle of the whole input. The rest of the input is sky.
        size: pixels of the output to compute, along an axis.
        sky: the sky (channels,) of the input.
    """
    x = inputs.x if isinstance(inputs, _Padded) else inputs
    border = isinstance(inputs, _Padded) and size == layer.output.shape[1]
    wanted = inputs_of(layer, size) - 2 * border
    if not isinstance(x, _Centred):
        x = _computed(x)
        if x.shape[1] >= wanted and isinstance(layer, P4MGroupPool):
            part = central(x.shape[1], wanted)
            return x[:, part, part]
        x = _Centred(x - sky.astype(np.float32), sky)
    y, missing = x.y, (wanted - x.y.shape[1]) // 2
    if missing < 0:
        part = central(y.shape[1], wanted)
        y = y[:, part, part]
    elif missing > 0:
        y = tf.pad(y, [[0, 0], [missing, missing], [missing, missing], [0, 0]])
    return _Centred(with_border(y) if border else y, sky)


def _in_parts(layer: keras.Layer, inputs, plan: _Plan) -> _Parts:
    """Return the output of a layer in 8 bits."""
    largest = plan.eight.ranges[layer.name]
    if isinstance(inputs, PendingConvolution):  # a ReLU, which commutes with the division
        result = _compute(layer, inputs.scaled(1 / largest, np.zeros_like(largest)), plan)
    else:
        result = _compute(layer, inputs, plan)
        result = result * _by_channel(1 / largest, result)
    return _Parts(in_eight_bits(result), largest)


def _by_channel(values: np.ndarray, x: tf.Tensor) -> np.ndarray:
    """Return values (channels,) for the channels of x, which may be symmetries of them."""
    return np.tile(values, x.shape[-1] // len(values)).astype(np.float32)


def _compute(layer: keras.Layer, inputs, plan: _Plan):
    if isinstance(layer, keras.layers.Dropout):
        return inputs
    if isinstance(layer, keras.layers.BatchNormalization) and isinstance(
        inputs, PendingConvolution
    ):
        return inputs.scaled(*_normalization(layer))
    if isinstance(layer, AttentionPooling) and isinstance(inputs[0], _Attended):
        return pooled(inputs[0].x, inputs[0].a, layer.pooling)
    if isinstance(layer, SkyPadding):
        return _Padded(inputs if isinstance(inputs, (_Centred, _Parts)) else _computed(inputs))
    if isinstance(inputs, _Parts) and isinstance(layer, _KEEP_PARTS):
        return _Parts(_compute(layer, inputs.parts, plan), inputs.largest)
    if isinstance(inputs, _Centred) and isinstance(layer, P4MMaxPool):
        window = layer.window(layer.input.shape[1])
        return _Centred(tf.nn.max_pool2d(inputs.y, window, 2, "VALID"), inputs.sky)
    if isinstance(inputs, _Centred) and is_convolution(layer):
        kernel, bias = kernel_and_bias(layer)
        return PendingConvolution(inputs.y, kernel, bias, inputs.sky, True, plan.bits, "DONE")
    padding = "SKY" if isinstance(inputs, _Padded) else None
    if layer.name in plan.eight.convolutions:
        parts = inputs.x if isinstance(inputs, _Padded) else inputs
        kernel, bias = kernel_and_bias(layer)
        padding = padding or layer.padding.upper()
        pending = PendingConvolution(
            parts.parts, kernel, bias, plan.sky[layer.name], False, 8, padding
        )
        return pending.of_parts(parts.largest)
    inputs = keras.tree.map_structure(_computed, inputs, none_is_leaf=False)
    if is_convolution(layer):
        padding = padding or layer.padding.upper()
        kernel, bias = kernel_and_bias(layer)
        empty = plan.sky[layer.name]
        centred = not plan.integer and len(empty) == 1 and empty.any()
        return PendingConvolution(inputs, kernel, bias, empty, centred, plan.bits, padding)
    if isinstance(layer, P4MMaxPool):
        return tf.nn.max_pool2d(inputs, layer.window(inputs.shape[1]), 2, "VALID")
    if isinstance(layer, P4MGroupPool):
        return _largest_of_symmetries(inputs, layer.output.shape[-1])
    if isinstance(layer, AttentionGate):
        x, g = inputs
        a = normalized(layer.normalize, scores(layer, x, g, plan.integer))
        return _Attended(x, a), a
    if isinstance(layer, VotesAggregation):
        return votes(layer, inputs, array, plan.half, plan.eight.offset)
    if isinstance(layer, AttentionMean):
        return mean_map(inputs, layer.size, [tuple(a.shape[1:]) for a in inputs], layer.size)
    if isinstance(layer, ConcatGatingAggregation) and plan.integer:
        return _logits_by_vector(layer, inputs)
    if isinstance(layer, keras.layers.ReLU):
        return tf.nn.relu(inputs) if is_plain_relu(layer) else _called(layer, inputs)
    return _called(layer, inputs)


def _largest_of_symmetries(x: tf.Tensor, channels: int) -> tf.Tensor:
    """Return the maxima over the symmetries, by a window over an axis of their own.

    XNNPACK has this operator for 8 bits too, and runs it faster than a maximum of parts.
    """
    height, width, both = x.shape[1:]
    symmetries = both // channels
    x = tf.reshape(x, [-1, height * width, symmetries, channels])
    largest = tf.nn.max_pool2d(x, (1, symmetries), (1, symmetries), "VALID")
    return tf.reshape(largest, [-1, height, width, channels])


def _logits_by_vector(layer: ConcatGatingAggregation, vectors: list[tf.Tensor]) -> tf.Tensor:
    """Return W batchnorm([v_1, ..]) + b as the sum of all W_k batchnorm(v_k) and b.

    Concatenated in 8 bits, all vectors would share the quantization steps of the widest one. Each
    part has its own share of the normalization's shift, so the parts are small too.
    """
    scale, shift = (one.astype(np.float32) for one in _normalization(layer.batch_normalization))
    kernel, bias = array(layer.dense.kernel), array(layer.dense.bias)
    total, first = None, 0
    for vector in vectors:
        own = slice(first, first + vector.shape[-1])
        first = own.stop
        part = tf.matmul(vector, scale[own, np.newaxis] * kernel[own]) + shift[own] @ kernel[own]
        total = part if total is None else total + part
    return total + bias


def _called(layer: keras.Layer, inputs):
    """Return the output of a layer for inference, with constants in place of its variables."""
    weights = [(variable, tf.constant(array(variable))) for variable in layer.variables]
    with keras.StatelessScope(state_mapping=weights):
        return layer(inputs, training=False) if layer._call_has_training_arg else layer(inputs)


def _computed(value):
    if isinstance(value, PendingConvolution):
        return convolve(value)
    if isinstance(value, _Attended):
        return value.x * value.a[..., tf.newaxis]
    if isinstance(value, _Padded):
        return _computed(value.x)
    if isinstance(value, _Parts):
        return value.parts * _by_channel(value.largest, value.parts)
    if isinstance(value, _Centred):
        return value.y + value.sky.astype(np.float32)
    return value


def _normalization(layer: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale and shift, float64, to which batch normalization reduces after training."""
    deviation = np.sqrt(array(layer.moving_variance).astype(np.float64) + layer.epsilon)
    gamma = array(layer.gamma) if layer.scale else 1.0
    beta = array(layer.beta) if layer.center else 0.0
    scale = gamma / deviation
    return scale, beta - array(layer.moving_mean) * scale
