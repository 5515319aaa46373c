"""Grad-CAM, Grad-CAM++ and saliency of the logit of a class, with tf-keras-vis.

tf-keras-vis supports models with one output, on TensorFlow; a model with further outputs is
reduced to its logits.
"""

import warnings
from collections.abc import Mapping, Sequence
from itertools import islice

import keras
import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.layers.attention_gate import AttentionGate

from .protocol import network_batches, predict_clean

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
    methods: Sequence[str] = GRADIENT_METHODS,
) -> dict[str, np.ndarray]:
    """Compute maps that explain the logit y of a class by its gradient.

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
        methods: names of the maps, from `GRADIENT_METHODS`.

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
    explainers = _explainers()
    if classes is None:
        classes = predict_clean(model, images, batch_size).argmax(axis=-1)
    logits = model.output["logits"] if isinstance(model.output, Mapping) else model.output
    classes = _checked(classes, images, logits.shape[-1])
    if batch_size > 1 and any(gate.normalize.scope == "batch" for gate in _gates(model)):
        raise InputError(
            f"the model {model.name} normalizes attention over its batch, so that the gradients "
            "of one image reach into the others: use batch_size=1, or scope `sample`"
        )
    options = {"saliency": {"normalize_map": False}}
    if set(methods) - set(options):
        layer = feature_layer(model) if layer is None else layer
        if layer not in {one.name for one in model.layers}:
            raise InputError(f"the model {model.name} has no layer {layer}")
    # Not resized or rescaled: the library's resizing aligns the corners of the maps, and its
    # rescaling cannot be reversed.
    cam = {"penultimate_layer": layer, "seek_penultimate_conv_layer": False}
    cam |= {"expand_cam": False, "normalize_cam": False}
    network = keras.Model([model.input], logits)  # tf-keras-vis needs a list of inputs
    maps = {}
    for name in methods:
        kind, score = explainers[name]
        explain, rest = kind(network), iter(classes)
        parts = [
            explain(score(list(islice(rest, len(inputs)))), inputs, **options.get(name, cam))
            for inputs in network_batches(images, batch_size)
        ]
        maps[name] = np.concatenate(parts).astype(np.float32)
    return maps


def _explainers() -> dict[str, tuple]:
    """Return the class of tf-keras-vis of each method, and its score for the classes of a batch."""
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
            from tf_keras_vis.utils.scores import CategoricalScore
    except ModuleNotFoundError as error:
        raise InputError(
            f"Grad-CAM and saliency need {error.name}, which is not installed: "
            "pip install tf-keras-vis tensorflow scipy"
        ) from None

    def logit_from_0(classes):
        """Return the logit minus its own value: exp of it is 1, its derivatives are the logit's."""
        logit = CategoricalScore(classes)
        return lambda logits: logit(logits) - keras.ops.stop_gradient(logit(logits))

    return {
        "Grad-CAM": (Gradcam, CategoricalScore),
        "Grad-CAM++": (GradcamPlusPlus, logit_from_0),
        "saliency": (Saliency, CategoricalScore),
    }


def _checked(classes: np.ndarray, images: np.ndarray, number: int) -> list[int]:
    classes = np.asarray(classes)
    if classes.shape != images.shape[:1] or classes.min() < 0 or classes.max() >= number:
        raise InputError(
            f"classes {classes.tolist()} do not fit {len(images)} images and {number} logits: "
            f"give one number an image, from 0 to {number - 1}"
        )
    return classes.tolist()
