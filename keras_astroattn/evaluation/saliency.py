"""Grad-CAM, Grad-CAM++ and saliency of the logit of a class, with tf-keras-vis.

tf-keras-vis supports models with one output, on TensorFlow; a model with further outputs is
reduced to its logits.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.layers.attention_gate import AttentionGate

GRADIENT_METHODS = ("Grad-CAM", "Grad-CAM++", "saliency")
"""Names of the maps that `gradient_maps` returns."""


def feature_layer(model: keras.Model) -> str:
    """Return the name of the default layer for Grad-CAM.

    With attention gates it is the layer of the gating signal g, the output of stage 4; otherwise
    the last activated convolution.

    Args:
        model: the model.

    Raises:
        InputError: The model has no convolution.
    """
    for gate in _gates(model):
        _, g = gate.input
        return next(layer.name for layer in model.layers if layer.output is g)
    kinds = (keras.layers.Conv2D, keras.layers.ReLU, keras.layers.Activation)
    for layer in reversed(model.layers):
        if isinstance(layer, kinds) and len(layer.output.shape) == 4:
            return layer.name
    raise InputError(
        f"the model {model.name} has no convolution to make a class activation map from: "
        "name a layer of (batch, height, width, channels)"
    )


def _gates(model: keras.Model) -> list[AttentionGate]:
    return [layer for layer in model.layers if isinstance(layer, AttentionGate)]


def gradient_maps(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray | None = None,
    layer: str | None = None,
    batch_size: int = 16,
) -> dict[str, np.ndarray]:
    """Compute all methods of `GRADIENT_METHODS`, which explain the logit y of a class.

        Grad-CAM:   relu(sum_k w_k A_k), w_k the mean over pixels of dy/dA_k
        Grad-CAM++: relu(sum_k A_k sum_ij alpha_kij relu(dy/dA_kij)), with g = dy/dA and
                    alpha ~ g^2 / (2 g^2 + g^3 sum_ij A_kij), of sum 1 over the pixels
        saliency:   |dy/dpixel|, pixels in network units

    A_k are the channels of the output of a layer. The score of Grad-CAM++ in the paper is exp(y).
    It is a factor of the whole map that overflows for a logit of 100, so it is divided out.

    Args:
        model: model on the TensorFlow backend, from (b, height, width, 1) to logits (b,
            classes) or to a dictionary with `logits`.
        images: (n, height, width) uint8.
        classes: (n,) int, classes whose logits are explained; by default the predicted ones.
        layer: name of the layer of A; by default `feature_layer(model)`.
        batch_size: number of images in a batch; 1 for a model of scope `"batch"`.

    Returns:
        By name: (n, h, w) float32 class activation maps at the resolution of the layer,
        non-negative, not rescaled; and (n, height, width) float32 saliency.

    Raises:
        InputError: The model normalizes over batches of more than one image; there is no such
            layer or class; the images are not 8-bit; Keras runs on another backend than
            TensorFlow, or tf-keras-vis is not installed.

    Source: Selvaraju et al. 2017 (arXiv 1610.02391), Chattopadhyay et al. 2018 (arXiv
    1710.11063), Simonyan et al. 2013 (arXiv 1312.6034).
    """
    classes = predicted_classes(model, images, batch_size) if classes is None else classes
    return {
        method: _maps(method, model, images, classes, layer, batch_size)
        for method in GRADIENT_METHODS
    }


def grad_cam(model, images, classes=None, layer=None, batch_size=16) -> np.ndarray:
    """Compute Grad-CAM alone; see `gradient_maps`."""
    return _maps("Grad-CAM", model, images, classes, layer, batch_size)


def grad_cam_plus_plus(model, images, classes=None, layer=None, batch_size=16) -> np.ndarray:
    """Compute Grad-CAM++ alone; see `gradient_maps`."""
    return _maps("Grad-CAM++", model, images, classes, layer, batch_size)


def saliency(model, images, classes=None, batch_size=16) -> np.ndarray:
    """Compute saliency alone; see `gradient_maps`."""
    return _maps("saliency", model, images, classes, None, batch_size)


def predicted_classes(model: keras.Model, images: np.ndarray, batch_size: int = 16) -> np.ndarray:
    """Return the class of the largest logit of each image, (n,) int64."""
    logits = [
        _logits(model(inputs, training=False)) for inputs, _ in _batches(images, None, batch_size)
    ]
    return np.concatenate([np.asarray(one) for one in logits]).argmax(axis=-1)


def _maps(method, model, images, classes, layer, batch_size) -> np.ndarray:
    kind, score, options = _tf_keras_vis(method)
    if method != "saliency":
        name = feature_layer(model) if layer is None else layer
        if name not in {one.name for one in model.layers}:
            raise InputError(f"the model {model.name} has no layer {name}")
        options |= {"penultimate_layer": name}
    explain = kind(_one_output(model, batch_size))
    classes = predicted_classes(model, images, batch_size) if classes is None else classes
    maps = [
        explain(score(chosen), inputs, **options)
        for inputs, chosen in _batches(images, _checked(classes, images, model), batch_size)
    ]
    return np.concatenate(maps).astype(np.float32)


def _tf_keras_vis(method: str) -> tuple[type, Callable, dict[str, object]]:
    """Return the class of tf-keras-vis, score and options of a method."""
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"Grad-CAM and saliency need TensorFlow, and Keras runs on {keras.backend.backend()}: "
            "set KERAS_BACKEND=tensorflow"
        )
    try:
        with warnings.catch_warnings():
            # tf-keras-vis 0.8 imports from a namespace that SciPy has deprecated.
            warnings.filterwarnings("ignore", "Please import `zoom`", DeprecationWarning)
            from tf_keras_vis.gradcam import Gradcam
            from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
            from tf_keras_vis.saliency import Saliency
    except ModuleNotFoundError as error:
        raise InputError(
            f"Grad-CAM and saliency need {error.name}, which is not installed: "
            "pip install tf-keras-vis tensorflow scipy"
        ) from None
    # Not resized or rescaled: the library's resizing aligns the corners of the maps, and its
    # rescaling cannot be reversed.
    cam = {"seek_penultimate_conv_layer": False, "expand_cam": False, "normalize_cam": False}
    return {
        "Grad-CAM": (Gradcam, _logit_of, cam),
        "Grad-CAM++": (GradcamPlusPlus, _logit_from_0, cam),
        "saliency": (Saliency, _logit_of, {"normalize_map": False}),
    }[method]


def _one_output(model: keras.Model, batch_size: int) -> keras.Model:
    """Return the graph from a list of one input to the logits alone, as tf-keras-vis needs it."""
    if batch_size > 1 and any(gate.normalize.scope == "batch" for gate in _gates(model)):
        raise InputError(
            f"the model {model.name} normalizes attention over its batch, so that the gradients "
            "of one image reach into the others: use batch_size=1, or scope `sample`"
        )
    return keras.Model([model.input], _logits(model.output))


def _logits(outputs):
    return outputs["logits"] if isinstance(outputs, Mapping) else outputs


def _batches(
    images: np.ndarray, classes: np.ndarray | None, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    if images.ndim != 3 or images.dtype != np.uint8 or len(images) == 0:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}: "
            "give at least one as uint8 of shape (images, height, width)"
        )
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}: give at least 1")
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        inputs = to_network_units(images[rows, ..., np.newaxis])
        yield inputs, None if classes is None else classes[rows]


def _checked(classes: np.ndarray, images: np.ndarray, model: keras.Model) -> np.ndarray:
    classes = np.asarray(classes)
    number = _logits(model.output).shape[-1]
    if classes.shape != images.shape[:1] or classes.min() < 0 or classes.max() >= number:
        raise InputError(
            f"classes {classes.tolist()} do not fit {len(images)} images and {number} logits: "
            f"give one number an image, from 0 to {number - 1}"
        )
    return classes


def _logit_of(classes: np.ndarray) -> Callable:
    """Return the score for tf-keras-vis: each image's logit of its class."""

    def score(logits):
        return keras.ops.sum(keras.ops.one_hot(classes, logits.shape[-1]) * logits, axis=-1)

    return score


def _logit_from_0(classes: np.ndarray) -> Callable:
    """Return the logit minus its own value: exp of it is 1, its derivatives are the logit's."""
    logit_of = _logit_of(classes)

    def score(logits):
        y = logit_of(logits)
        return y - keras.ops.stop_gradient(y)

    return score
