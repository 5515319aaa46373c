"""Grad-CAM, Grad-CAM++ and saliency of a class's logit, by tf-keras-vis.

They ask the network's gradients which pixels speak for a class, where an attention gate
says what it let pass: read beside each other, one checks the other. tf-keras-vis knows
models of one output on TensorFlow; a model with attention maps beside its logits is
wrapped to one.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import keras
import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.layers.attention_gate import AttentionGate

GRADIENT_METHODS = ("Grad-CAM", "Grad-CAM++", "saliency")
"""What `gradient_maps` gives, by these names."""


def feature_layer(model: keras.Model) -> str:
    """Name of the layer whose features Grad-CAM weighs, the last before classification.

    With attention gates it is the one that gives the gating signal g, the output of stage
    4; otherwise the last convolution, activated.

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
    """All of `GRADIENT_METHODS` of the same images.

    Args:
        model: As `grad_cam` takes it.
        images: (n, height, width) uint8.
        classes: (n,) int, the class whose logit is asked about; by default what the
            model predicts.
        layer: As `grad_cam` takes it.
        batch_size: Images worked on together.

    Returns:
        By name: (n, h, w) float32 class activation maps at the layer's resolution, not
        negative, and (n, height, width) float32 saliency.

    Raises:
        InputError: As `grad_cam` does.
    """
    classes = predicted_classes(model, images, batch_size) if classes is None else classes
    return {
        "Grad-CAM": grad_cam(model, images, classes, layer, batch_size),
        "Grad-CAM++": grad_cam_plus_plus(model, images, classes, layer, batch_size),
        "saliency": saliency(model, images, classes, batch_size),
    }


def predicted_classes(model: keras.Model, images: np.ndarray, batch_size: int = 16) -> np.ndarray:
    """Class of the largest logit of each image as it is, (n,) int64."""
    logits = [
        _logits(model(inputs, training=False)) for inputs, _ in _batches(images, None, batch_size)
    ]
    return np.concatenate([np.asarray(one) for one in logits]).argmax(axis=-1)


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray | None = None,
    layer: str | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """Grad-CAM: relu(sum_k w_k A_k), w_k the mean over pixels of dy/dA_k.

    A_k are the channels of a layer's output and y is the logit of a class.

    Args:
        model: On the TensorFlow backend, from (b, height, width, 1) to logits (b, classes)
            or to a dictionary with them under `logits`; its images must not depend on each
            other (scope `"batch"`) unless `batch_size` is 1.
        images: (n, height, width) uint8.
        classes: (n,) int; by default what the model predicts.
        layer: Name of the layer; by default `feature_layer(model)`.
        batch_size: Images worked on together.

    Returns:
        (n, h, w) float32 at the layer's resolution, not negative, not rescaled.

    Raises:
        InputError: The model normalizes over batches of more than one image; there is no
            such layer or class; the images are not 8-bit; Keras runs on another backend
            than TensorFlow, or tf-keras-vis is not installed.

    Source: Selvaraju et al. 2017 (arXiv 1610.02391).
    """
    cam = _tf_keras_vis().Gradcam
    return _activation_map(cam, _logit_of, model, images, classes, layer, batch_size)


def grad_cam_plus_plus(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray | None = None,
    layer: str | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """Grad-CAM++: Grad-CAM whose weights prefer the pixels with the larger derivatives.

    relu(sum_k A_k sum_ij alpha_kij relu(dy/dA_kij)) with, g being the derivative,
    alpha ~ g^2 / (2 g^2 + g^3 sum_ij A_kij), of sum 1 over the pixels of a channel. The
    class's score is exp(y) in the paper, whose size multiplies the whole map and
    overflows for a logit of 100: it is divided out here.

    Args and Returns: As of `grad_cam`.

    Raises:
        InputError: As `grad_cam` does.

    Source: Chattopadhyay et al. 2018 (arXiv 1710.11063).
    """
    cam = _tf_keras_vis().GradcamPlusPlus
    return _activation_map(cam, _logit_from_0, model, images, classes, layer, batch_size)


def saliency(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """Saliency: |dy/dpixel| of a class's logit y, the pixels in network units.

    Args and Raises: As of `grad_cam`.

    Returns:
        (n, height, width) float32.

    Source: Simonyan et al. 2013 (arXiv 1312.6034).
    """
    of_images = _tf_keras_vis().Saliency(_one_output(model, batch_size))
    classes = predicted_classes(model, images, batch_size) if classes is None else classes
    maps = [
        of_images(_logit_of(chosen), inputs, normalize_map=False)
        for inputs, chosen in _batches(images, _checked(classes, images, model), batch_size)
    ]
    return np.concatenate(maps).astype(np.float32)


class _Visualizations(NamedTuple):
    Gradcam: type
    GradcamPlusPlus: type
    Saliency: type


def _tf_keras_vis() -> _Visualizations:
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
    return _Visualizations(Gradcam, GradcamPlusPlus, Saliency)


def _activation_map(method, score, model, images, classes, layer, batch_size) -> np.ndarray:
    name = feature_layer(model) if layer is None else layer
    if name not in {one.name for one in model.layers}:
        raise InputError(f"the model {model.name} has no layer {name}")
    cam = method(_one_output(model, batch_size))
    classes = predicted_classes(model, images, batch_size) if classes is None else classes
    maps = [
        cam(
            score(chosen),
            inputs,
            penultimate_layer=name,
            seek_penultimate_conv_layer=False,
            # Left as they are: the library's own resizing aligns the corners of the maps,
            # and its rescaling cannot be undone.
            expand_cam=False,
            normalize_cam=False,
        )
        for inputs, chosen in _batches(images, _checked(classes, images, model), batch_size)
    ]
    return np.concatenate(maps).astype(np.float32)


def _one_output(model: keras.Model, batch_size: int) -> keras.Model:
    """The same graph from a list of one input, as tf-keras-vis calls it, to logits alone."""
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
    """Score of tf-keras-vis: each image's logit of its class."""

    def score(logits):
        return keras.ops.sum(keras.ops.one_hot(classes, logits.shape[-1]) * logits, axis=-1)

    return score


def _logit_from_0(classes: np.ndarray) -> Callable:
    """The same less its own value: exp of it is 1, its derivatives are the logit's."""
    logit_of = _logit_of(classes)

    def score(logits):
        y = logit_of(logits)
        return y - keras.ops.stop_gradient(y)

    return score
