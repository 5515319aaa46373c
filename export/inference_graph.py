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

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

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
    P4MConv2D,
    P4MGroupPool,
    P4MLifting,
    P4MMaxPool,
    SkyPadding,
    VotesAggregation,
)
from keras_astroattn.outputs import resize_matrix

from .votes_graph import by_matrices, votes

STRIP_BYTES = 768 * 1024
"""A strip of the gates' widest tensor should not exceed this (the L2 cache is 1 MiB)."""

NARROW = 8
"""Convolutions to at most this many channels compute two columns at once."""

MANY_ROWS = 8
"""Least number of rows for one of g at which the rows between two of g are made together."""

HALVED_FROM = 1024
"""Least number of weights of a kernel that is rounded to float16 on request."""

_SMALLEST_RANGE = 1e-12

_TAKES_A_LIST = (*AGGREGATIONS.values(), AttentionMean)


@dataclass(frozen=True, eq=False)
class _Convolution:
    """A deferred convolution of stride 1: batch normalization may follow.

    `sky`, (channels,), is the value of x on the empty sky; kernel and bias are still float64.
    `half`: the kernel will be rounded to float16. `padding`: SAME, VALID, or SKY, for which x
    first gets the border of `SkyPadding`.
    """

    x: tf.Tensor
    kernel: np.ndarray
    bias: np.ndarray
    sky: np.ndarray
    centred: bool
    half: bool
    padding: str

    def scaled(self, scale: np.ndarray, shift: np.ndarray) -> "_Convolution":
        # The symmetries of a channel of a group convolution share its statistics.
        symmetries = self.kernel.shape[-1] // len(scale)
        scale, shift = np.tile(scale, symmetries), np.tile(shift, symmetries)
        return replace(self, kernel=self.kernel * scale, bias=self.bias * scale + shift)


@dataclass(frozen=True, eq=False)
class _Attended:
    """A deferred x * a: only its sum over pixels is needed."""

    x: tf.Tensor
    a: tf.Tensor


@dataclass(frozen=True, eq=False)
class _Padded:
    """A deferred `SkyPadding`: a convolution follows."""

    x: tf.Tensor


def inference_outputs(
    model: keras.Model, attention: bool = True, integer: bool = False, half: bool = False
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

    Returns:
        The function; its keys are the names of the outputs.

    Raises:
        ValueError: A layer is used more than once.
    """
    if any(len(layer._inbound_nodes) != 1 for layer in model.layers):
        used = [layer.name for layer in model.layers if len(layer._inbound_nodes) != 1]
        raise ValueError(f"layers must be used once each; these are not: {', '.join(used)}")

    sky = _empty_sky(model)

    def outputs(image: tf.Tensor) -> dict[str, tf.Tensor]:
        values, maps, evidence = {id(model.input): image}, [], None
        for layer in model.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            inputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], layer.input)
            if isinstance(layer, _TAKES_A_LIST) and not isinstance(inputs, list):
                inputs = [inputs]  # Keras replaces a list of one by its element
            result = _compute(layer, inputs, integer, half, sky)
            if isinstance(layer, VotesAggregation):
                _, evidence, *maps = result
            elif isinstance(layer, AttentionGate):
                maps.append(result[1])
            given = keras.tree.flatten(layer.output)
            for tensor, value in zip(given, result if len(given) > 1 else [result], strict=True):
                values[id(tensor)] = value
        named = {"logits": _computed(values[id(model.output)])}
        if attention and maps:
            named |= {f"attention_{number}": a for number, a in enumerate(maps, start=1)}
            named["attention_mean"] = _mean_map(maps, tuple(model.input.shape[1:3]))
        if attention and evidence is not None:
            named["evidence"] = evidence
        return named

    return outputs


def _empty_sky(model: keras.Model) -> dict[str, np.ndarray]:
    """Return the input (channels,) of each convolution in the middle of a black image, by name."""
    convolutions = [layer for layer in model.layers if _is_convolution(layer)]
    if not convolutions:
        return {}
    black = np.full((1, *model.input.shape[1:]), BLACK, np.float32)
    inputs = keras.Model(model.input, [layer.input for layer in convolutions])(black)
    middle = (_array(one)[0, one.shape[1] // 2, one.shape[2] // 2] for one in inputs)
    return {
        layer.name: one.astype(np.float64).ravel()
        for layer, one in zip(convolutions, middle, strict=True)
    }


def _is_convolution(layer: keras.Layer) -> bool:
    return _is_plain_convolution(layer) or isinstance(layer, (P4MLifting, P4MConv2D))


def _compute(layer: keras.Layer, inputs, integer: bool, half: bool, sky: dict[str, np.ndarray]):
    if isinstance(layer, keras.layers.Dropout):
        return inputs
    if isinstance(layer, keras.layers.BatchNormalization) and isinstance(inputs, _Convolution):
        return inputs.scaled(*_normalization(layer))
    if isinstance(layer, AttentionPooling) and isinstance(inputs[0], _Attended):
        return _pooled(inputs[0].x, inputs[0].a, layer.pooling)
    if isinstance(layer, SkyPadding):
        return _Padded(_computed(inputs))
    padding = "SKY" if isinstance(inputs, _Padded) else None
    inputs = keras.tree.map_structure(_computed, inputs, none_is_leaf=False)
    if _is_convolution(layer):
        padding = padding or layer.padding.upper()
        kernel, bias = _kernel_and_bias(layer)
        empty = sky[layer.name]
        centred = not integer and len(empty) == 1 and empty.any()
        return _Convolution(inputs, kernel, bias, empty, centred, half, padding)
    if isinstance(layer, P4MMaxPool):
        return tf.nn.max_pool2d(inputs, layer.window(inputs.shape[1]), 2, "VALID")
    if isinstance(layer, P4MGroupPool):
        # Halved repeatedly: XNNPACK splits into two to four parts, not into eight.
        while inputs.shape[-1] > layer.output.shape[-1]:
            inputs = tf.maximum(*tf.split(inputs, 2, axis=-1))
        return inputs
    if isinstance(layer, AttentionGate):
        x, g = inputs
        a = _normalize(layer.normalize, _scores(layer, x, g, integer))
        return _Attended(x, a), a
    if isinstance(layer, VotesAggregation):
        return votes(layer, inputs, _array, half)
    if isinstance(layer, AttentionMean):
        return _mean_map(inputs, layer.size)
    if isinstance(layer, ConcatGatingAggregation) and integer:
        return _logits_by_vector(layer, inputs)
    if isinstance(layer, keras.layers.ReLU):
        return tf.nn.relu(inputs) if _is_plain_relu(layer) else _called(layer, inputs)
    return _called(layer, inputs)


def _kernel_and_bias(layer: keras.Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of the equivalent plain convolution."""
    if _is_plain_convolution(layer):
        kernel, bias = layer.kernel, layer.bias
    else:
        with tf.init_scope():
            kernel, bias = layer.expanded_kernel(), None
    kernel = _array(kernel).astype(np.float64)
    return kernel, np.zeros(kernel.shape[-1]) if bias is None else _array(bias).astype(np.float64)


def _logits_by_vector(layer: ConcatGatingAggregation, vectors: list[tf.Tensor]) -> tf.Tensor:
    """Return W batchnorm([v_1, ..]) + b as the sum of all W_k batchnorm(v_k) and b.

    Concatenated in 8 bits, all vectors would share the quantization steps of the widest one. Each
    part has its own share of the normalization's shift, so the parts are small too.
    """
    scale, shift = (one.astype(np.float32) for one in _normalization(layer.batch_normalization))
    kernel, bias = _array(layer.dense.kernel), _array(layer.dense.bias)
    total, first = None, 0
    for vector in vectors:
        own = slice(first, first + vector.shape[-1])
        first = own.stop
        part = tf.matmul(vector, scale[own, np.newaxis] * kernel[own]) + shift[own] @ kernel[own]
        total = part if total is None else total + part
    return total + bias


def _called(layer: keras.Layer, inputs):
    """Return the output of a layer for inference, with constants in place of its variables."""
    weights = [(variable, tf.constant(_array(variable))) for variable in layer.variables]
    with keras.StatelessScope(state_mapping=weights):
        return layer(inputs, training=False) if layer._call_has_training_arg else layer(inputs)


def _computed(value):
    if isinstance(value, _Convolution):
        return _convolve(value)
    if isinstance(value, _Attended):
        return value.x * value.a[..., tf.newaxis]
    if isinstance(value, _Padded):
        return value.x
    return value


def _array(variable) -> np.ndarray:
    with tf.init_scope():  # outside the traced graph, to get a value and not a tensor
        return np.asarray(variable.numpy(), np.float32)


def _is_plain_convolution(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.strides == (1, 1)
        and layer.dilation_rate == (1, 1)
        and layer.groups == 1
        and layer.padding in ("same", "valid")
        and layer.activation is keras.activations.linear
    )


def _is_plain_relu(layer: keras.layers.ReLU) -> bool:
    return layer.max_value is None and not layer.negative_slope and not layer.threshold


def _normalization(layer: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale and shift, float64, to which batch normalization reduces after training."""
    deviation = np.sqrt(_array(layer.moving_variance).astype(np.float64) + layer.epsilon)
    gamma = _array(layer.gamma) if layer.scale else 1.0
    beta = _array(layer.beta) if layer.center else 0.0
    scale = gamma / deviation
    return scale, beta - _array(layer.moving_mean) * scale


def _convolve(pending: _Convolution) -> tf.Tensor:
    x, kernel, padding = pending.x, pending.kernel, pending.padding
    if pending.half and kernel.size >= HALVED_FROM:
        kernel = kernel.astype(np.float16)
    kernel = kernel.astype(np.float32)
    bias = pending.bias + _on_the_sky(pending.kernel - kernel, pending.sky)
    rows, columns, _, channels = kernel.shape
    height, width = x.shape[1:3]
    if pending.centred:
        bias += _on_the_sky(kernel, pending.sky)
        # Without the channel axis, because padding is slow with it, and because the converter
        # would otherwise move the subtraction back into the bias.
        x = tf.reshape(x, [-1, height, width])
        if padding == "SAME":
            # The image is surrounded by zeros, not sky, so they are added before the subtraction.
            around = [[0, 0], *([(size - 1) // 2, size // 2] for size in (rows, columns))]
            x, padding = tf.pad(x, around), "VALID"
        x = (x - pending.sky.astype(np.float32))[..., tf.newaxis]
    if padding == "SKY":
        x, padding = _with_border(x), "VALID"
    bias = bias.astype(np.float32)
    if channels > NARROW or columns != 3 or width % 2 or pending.padding == "VALID":
        return tf.nn.conv2d(x, kernel, 1, padding) + bias
    # Columns 2j and 2j + 1 see columns 2j - 1 .. 2j + 2: stride 2, with one padded column on
    # each side.
    pair = np.zeros((rows, 4, kernel.shape[2], 2 * channels), np.float32)
    pair[:, :3, :, :channels] = kernel
    pair[:, 1:, :, channels:] = kernel
    both = tf.nn.conv2d(x, pair, [1, 2], padding) + np.tile(bias, 2)
    return tf.reshape(both, [-1, height, width, channels])


def _with_border(x: tf.Tensor) -> tf.Tensor:
    """Pad by one pixel as `SkyPadding`, with concatenations: XNNPACK has no such padding."""
    x = tf.concat([x[:, :1], x, x[:, -1:]], axis=1)
    return tf.concat([x[:, :, :1], x, x[:, :, -1:]], axis=2)


def _on_the_sky(kernel: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Return the output (channels out,) of a kernel whose input is `sky` (channels in,)."""
    return np.einsum("hwio,i->o", kernel.astype(np.float64), sky)


def _scores(gate: AttentionGate, x: tf.Tensor, g: tf.Tensor, integer: bool) -> tf.Tensor:
    """Return the scores s (batch, height, width) of a gate."""
    theta, phi = _array(gate.theta.kernel)[0, 0], _array(gate.phi.kernel)[0, 0]
    psi, bias = _array(gate.psi.kernel)[0, 0, :, 0], _array(gate.psi.bias)
    if integer:
        gating = tf.image.resize(_pointwise(g, phi), x.shape[1:3])
        compared = tf.nn.relu(_pointwise(x, theta) + gating)
        s = _pointwise(compared, psi[:, np.newaxis]) + bias
        return tf.reshape(s, [-1, *x.shape[1:3]])
    signs = [(psi > 0, tf.maximum), (psi < 0, tf.minimum)]
    signs = [(channels, pick) for channels, pick in signs if channels.any()]
    height, width = x.shape[1:3]
    minus_u = [_pointwise(g, -phi[:, channels] * psi[channels]) for channels, _ in signs]
    by_rows = height >= MANY_ROWS * g.shape[1]
    strips = []
    for rows, upsampled in (_between_rows if by_rows else _by_strips)(minus_u, height, width):
        sums = []
        for (channels, pick), part in zip(signs, upsampled, strict=True):
            t = _pointwise(x[:, rows], theta[:, channels] * psi[channels])
            sums.append(tf.reduce_sum(pick(t, part), axis=-1))
        strips.append(sums[0] if len(sums) == 1 else sums[0] + sums[1])
    compared = _joined(strips)
    total_u = tf.reshape(_pointwise(g, (phi @ psi)[:, np.newaxis]), [-1, *g.shape[1:3]])
    return compared + (_resize_map(total_u, (height, width)) + bias)


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


def _resize_map(a: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Resize maps (batch, h, w) bilinearly."""
    height, width = a.shape[1:]
    if (height, width) == tuple(size):
        return a
    return by_matrices(a, _resize_matrix(height, size[0]), _resize_matrix(width, size[1]))


def _mean_map(maps: list[tf.Tensor], size: tuple[int, int]) -> tf.Tensor:
    resized = [_resize_map(a, size) for a in maps]
    total = resized[0]
    for one in resized[1:]:
        total = total + one
    return total * np.float32(1 / len(maps))


def _normalize(layer, s: tf.Tensor) -> tf.Tensor:
    if layer.normalization != "range_norm" or layer.scope != "sample":
        return layer(s)
    # As in the layer, but without a selection, which has no kernel in XNNPACK: if the range
    # vanishes, s - min is 0 for any divisor.
    low = tf.reduce_min(s, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(s, axis=(1, 2), keepdims=True)
    return (s - low) / tf.maximum(high - low, _SMALLEST_RANGE)


def _pooled(x: tf.Tensor, a: tf.Tensor, pooling: str) -> tf.Tensor:
    height, width = x.shape[1:3]
    attended = x * tf.reshape(a, [-1, height, width, 1])
    # Rows first, as in the layer, for half the rounding error.
    total = tf.reduce_sum(tf.reduce_sum(attended, axis=2), axis=1)
    if pooling == "sum":
        return total
    weight = tf.reduce_sum(tf.abs(a), axis=(1, 2), keepdims=True)
    return total / tf.maximum(tf.reshape(weight, [-1, 1]), keras.config.epsilon())
