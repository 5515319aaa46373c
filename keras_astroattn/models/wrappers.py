"""Wrappers that add outputs to a network, or average its logits over rotated views.

Each function returns a new functional model that shares the weights of the network.
"""

from collections.abc import Sequence

import keras

from keras_astroattn.images.rotation import tta_angles
from keras_astroattn.layers.attention_gate import AttentionGate
from keras_astroattn.layers.attention_mean import AttentionMean
from keras_astroattn.layers.base import register
from keras_astroattn.layers.rotate import Rotate
from keras_astroattn.layers.temperature_scaling import TemperatureScaling
from keras_astroattn.layers.votes import VotesAggregation

from .seen_images import sees_source_alone

TTA_VIEWS = 4
"""Views of `tta_model` by default."""


@register
class Wrapper(keras.Model):
    """A functional model around a network, which needs the same images as the network.

    Its files state `source_alone`, because those of `keras.Model` keep only the graph.

    Args:
        inputs: as in `keras.Model`.
        outputs: as in `keras.Model`.
        name: as in `keras.Model`.
        source_alone: whether the network is for images that show only the source (see `AGCNN`).
        **kwargs: options of `keras.Model`.
    """

    def __init__(self, inputs, outputs, name=None, *, source_alone: bool = False, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        self.source_alone = source_alone

    def get_config(self):
        """Return the graph and `source_alone`."""
        return {**super().get_config(), "source_alone": self.source_alone}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the model that `get_config` describes."""
        graph = {name: value for name, value in config.items() if name != "source_alone"}
        wrapper = super().from_config(graph, custom_objects)
        wrapper.source_alone = config["source_alone"]
        return wrapper


def attention_model(model: keras.Model) -> keras.Model:
    """Add the attention maps of a network to its outputs.

    Args:
        model: an `AGCNN`, or any functional model with `AttentionGate` layers.

    Returns:
        A model with named outputs, all float32: `logits` (batch, num_classes); `attention_1`
        to `attention_N` (batch, h, w), the map of each gate; `attention_mean` (batch, height,
        width), the mean of the maps at the size of the image (see `AttentionMean`). A network
        without gates has only `logits`. With `aggregation="votes"` a map is a_k m_k, the
        weight of each vote, which is zero off the source (see `VotesAggregation`).

    Example:
        >>> import keras
        >>> from keras_astroattn.models import AGCNN, attention_model
        >>> outputs = attention_model(AGCNN())(keras.ops.zeros((1, 150, 150, 1)))
        >>> sorted(outputs)
        ['attention_1', 'attention_2', 'attention_3', 'attention_mean', 'logits']
    """
    outputs = _named_outputs(model)
    outputs.pop("evidence", None)
    return _wrapper(model, model.input, outputs, "attention")


def evidence_model(model: keras.Model) -> keras.Model:
    """Add the evidence of every pixel, and the attention maps, to the outputs of a network.

    The signed evidence for the second class is `evidence[..., 1] - evidence[..., 0]`.

    Args:
        model: an `AGCNN` or `EquivariantAGCNN` with `aggregation="votes"`.

    Returns:
        A model with the named outputs of `attention_model` and `evidence` (batch, height,
        width, num_classes), float32: the contribution of each pixel to each logit. The sum over
        the pixels is `logits`, except for rounding; black pixels have no evidence (see
        `VotesAggregation`).

    Raises:
        ValueError: The network has another aggregation.

    Example:
        >>> import keras
        >>> from keras_astroattn.models import EquivariantAGCNN, evidence_model
        >>> model = evidence_model(EquivariantAGCNN(aggregation="votes"))
        >>> tuple(model(keras.ops.zeros((1, 150, 150, 1)))["evidence"].shape)
        (1, 150, 150, 2)
    """
    outputs = _named_outputs(model)
    if "evidence" not in outputs:
        raise ValueError(
            f"{model.name} gives no evidence, since its logits are not sums over pixels: "
            'use a network with aggregation="votes"'
        )
    return _wrapper(model, model.input, outputs, "evidence")


def full_model(model: keras.Model) -> keras.Model:
    """Add all additional outputs that a network supports.

    Args:
        model: as in `attention_model`.

    Returns:
        The result of `evidence_model` for a network with `aggregation="votes"`, otherwise that
        of `attention_model`.
    """
    return attention_model(model) if votes_head(model) is None else evidence_model(model)


def votes_head(model: keras.Model) -> VotesAggregation | None:
    """Return the layer that computes the logits if `aggregation="votes"`; otherwise None."""
    return next((layer for layer in model.layers if isinstance(layer, VotesAggregation)), None)


def _named_outputs(model: keras.Model) -> dict:
    """Return the logits, the evidence if the network has it, and attention maps, by name."""
    outputs, head = {"logits": model.output}, votes_head(model)
    if head is None:
        maps = [layer.output[1] for layer in model.layers if isinstance(layer, AttentionGate)]
    else:
        _, outputs["evidence"], *maps = head.output
    for number, a in enumerate(maps, start=1):
        outputs[f"attention_{number}"] = a
    if maps:
        size = model.input.shape[1:3]
        outputs["attention_mean"] = AttentionMean(size, name="attention_mean")(maps)
    return outputs


def calibrated_model(model: keras.Model, temperature: float = 1.0) -> keras.Model:
    """Add calibrated probabilities to the outputs of a network.

    The temperature is a weight of the layer `probabilities` and is saved with the model.

    Args:
        model: any functional model whose output is logits, or named outputs with `logits`.
        temperature: temperature of the probabilities. Fit it on sources that the network was
            not trained on (`keras_astroattn.evaluation.fit_temperature`).

    Returns:
        A model with named outputs, float32: `logits` (batch, num_classes), unchanged;
        `probabilities` (batch, num_classes), softmax(logits / temperature); and all other
        outputs of `model`, for example the maps of `attention_model`.

    Raises:
        ValueError: The temperature is not above 0, or no output is named `logits`.

    Example:
        >>> import keras
        >>> from keras_astroattn.models import AGCNN, attention_model, calibrated_model
        >>> model = calibrated_model(attention_model(AGCNN()), temperature=1.4)
        >>> tuple(model(keras.ops.zeros((1, 150, 150, 1)))["probabilities"].shape)
        (1, 2)
    """
    outputs = model.output if isinstance(model.output, dict) else {"logits": model.output}
    if "logits" not in outputs:
        raise ValueError(f"{model.name} has no output `logits` but {', '.join(outputs)}")
    probabilities = TemperatureScaling(temperature, name="probabilities")(outputs["logits"])
    named = {**outputs, "probabilities": probabilities}
    return _wrapper(model, model.input, named, "calibrated")


def tta_model(model: keras.Model, angles: Sequence[float] = tta_angles(TTA_VIEWS)) -> keras.Model:
    """Average the logits of a network over rotated views of the image.

        logits(x) = mean_k model(rotate(x, angle_k))

    This test-time augmentation (TTA) makes the prediction depend less on the orientation of the
    image. It takes as many times longer as there are angles.

    Args:
        model: a model from an image (size, size, channels) to logits.
        angles: rotation angles, degrees, at least one; by default 0, 22.5, 45 and 67.5
            (`keras_astroattn.images.tta_angles`).

    Returns:
        A model from the image to the mean logits (batch, num_classes).

    Raises:
        ValueError: There are no angles, or the model has outputs other than logits.
    """
    if not angles:
        raise ValueError("angles must hold at least one; got none")
    if not isinstance(model.output, keras.KerasTensor):
        raise ValueError(
            f"{model.name} must give logits alone: pass the network itself to tta_model"
        )
    image = keras.Input(model.input.shape[1:], name="image")
    logits = [model(Rotate(angle, name=f"rotate_{k}")(image)) for k, angle in enumerate(angles)]
    mean = keras.layers.Average(dtype="float32", name="logits")(logits) if logits[1:] else logits[0]
    return _wrapper(model, image, mean, "tta")


def _wrapper(model: keras.Model, image, outputs, suffix: str) -> keras.Model:
    """Return a functional model that needs the same images as the network in it."""
    alone = sees_source_alone(model)
    return Wrapper(image, outputs, f"{model.name}_{suffix}", source_alone=alone)
