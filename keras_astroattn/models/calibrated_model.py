"""A network that gives probabilities beside its logits."""

import keras

from keras_astroattn.layers.calibrated_softmax import CalibratedSoftmax


def calibrated_model(model: keras.Model, temperature: float = 1.0) -> keras.Model:
    """The same network, sharing its weights, with calibrated probabilities as an output.

    Outputs, by name, float32: `logits` (batch, num_classes), as they were; `probabilities`
    (batch, num_classes), softmax(logits / temperature); and those that the model has beside
    its logits, as `attention_model`'s has the maps. The temperature is a weight of the layer
    `probabilities`, and is saved with the model.

    Args:
        model: any functional model whose output is logits, or named outputs with `logits`.
        temperature: of networks trained like it, on sources that they were not trained on.

    Raises:
        ValueError: for a temperature that is not above 0, or outputs without `logits`.
    """
    outputs = model.output if isinstance(model.output, dict) else {"logits": model.output}
    if "logits" not in outputs:
        raise ValueError(f"{model.name} has no output `logits` but {', '.join(outputs)}")
    probabilities = CalibratedSoftmax(temperature, name="probabilities")(outputs["logits"])
    return keras.Model(
        model.input, {**outputs, "probabilities": probabilities}, name=f"{model.name}_calibrated"
    )
