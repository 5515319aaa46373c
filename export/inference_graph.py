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
from keras_astroattn.layers.middle import central
from keras_astroattn.models.framed_network import inputs_of

from .frame_graph import MEAN_MAP, computed_sizes
from .gate_graph import array, mean_map, normalized, pooled, scores
from .votes_graph import votes

NARROW = 8
"""Convolutions to at most this many channels compute two columns at once."""

HALVED_FROM = 1024
"""Least number of weights of a kernel that is rounded to float16 on request."""

_TAKES_A_LIST = (*AGGREGATIONS.values(), AttentionMean)


@dataclass(frozen=True, eq=False)
class _Convolution:
    """A deferred convolution of stride 1: batch normalization may follow.

    `sky`, (channels,), is the value of x on the empty sky; kernel and bias are still float64.
    `half`: the kernel will be rounded to float16. `padding`: SAME, VALID, or SKY, for which x
    first gets the border of `SkyPadding`. DONE: x has its border, and the sky is subtracted.
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


@dataclass(frozen=True, eq=False)
class _Centred:
    """A deferred x: the sky is subtracted from y, a part in the middle of the map x."""

    y: tf.Tensor
    sky: np.ndarray


def inference_outputs(
    model: keras.Model,
    attention: bool = True,
    integer: bool = False,
    half: bool = False,
    frame: int | None = None,
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

    Returns:
        The function; its keys are the names of the outputs.

    Raises:
        ValueError: A layer is used more than once.
    """
    if any(len(layer._inbound_nodes) != 1 for layer in model.layers):
        used = [layer.name for layer in model.layers if len(layer._inbound_nodes) != 1]
        raise ValueError(f"layers must be used once each; these are not: {', '.join(used)}")

    sky = _empty_sky(model)
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
            result = _compute(layer, inputs, integer, half, sky)
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
        if _is_convolution(layer) or isinstance(layer, (P4MMaxPool, P4MGroupPool))
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


def _is_convolution(layer: keras.Layer) -> bool:
    return _is_plain_convolution(layer) or isinstance(layer, (P4MLifting, P4MConv2D))


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
    return _Centred(_with_border(y) if border else y, sky)


def _compute(layer: keras.Layer, inputs, integer: bool, half: bool, sky: dict[str, np.ndarray]):
    if isinstance(layer, keras.layers.Dropout):
        return inputs
    if isinstance(layer, keras.layers.BatchNormalization) and isinstance(inputs, _Convolution):
        return inputs.scaled(*_normalization(layer))
    if isinstance(layer, AttentionPooling) and isinstance(inputs[0], _Attended):
        return pooled(inputs[0].x, inputs[0].a, layer.pooling)
    if isinstance(layer, SkyPadding):
        return _Padded(inputs if isinstance(inputs, _Centred) else _computed(inputs))
    if isinstance(inputs, _Centred) and isinstance(layer, P4MMaxPool):
        window = layer.window(layer.input.shape[1])
        return _Centred(tf.nn.max_pool2d(inputs.y, window, 2, "VALID"), inputs.sky)
    if isinstance(inputs, _Centred) and _is_convolution(layer):
        kernel, bias = _kernel_and_bias(layer)
        return _Convolution(inputs.y, kernel, bias, inputs.sky, True, half, "DONE")
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
        a = normalized(layer.normalize, scores(layer, x, g, integer))
        return _Attended(x, a), a
    if isinstance(layer, VotesAggregation):
        return votes(layer, inputs, array, half)
    if isinstance(layer, AttentionMean):
        return mean_map(inputs, layer.size, [tuple(a.shape[1:]) for a in inputs], layer.size)
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
    kernel = array(kernel).astype(np.float64)
    return kernel, np.zeros(kernel.shape[-1]) if bias is None else array(bias).astype(np.float64)


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
    if isinstance(value, _Convolution):
        return _convolve(value)
    if isinstance(value, _Attended):
        return value.x * value.a[..., tf.newaxis]
    if isinstance(value, _Padded):
        return value.x
    if isinstance(value, _Centred):
        return value.y + value.sky.astype(np.float32)
    return value


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
    deviation = np.sqrt(array(layer.moving_variance).astype(np.float64) + layer.epsilon)
    gamma = array(layer.gamma) if layer.scale else 1.0
    beta = array(layer.beta) if layer.center else 0.0
    scale = gamma / deviation
    return scale, beta - array(layer.moving_mean) * scale


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
    if padding == "DONE":
        return tf.nn.conv2d(x, kernel, 1, "VALID") + bias.astype(np.float32)
    if pending.centred:
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
