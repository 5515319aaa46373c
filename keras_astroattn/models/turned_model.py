"""A network that looks at an image at several angles."""

from collections.abc import Sequence

import keras

from keras_astroattn.images import turn_angles
from keras_astroattn.layers.turn import Turn

TURNS = 4
"""How many turns by default; see docs/accuracy.md for what they are worth."""


def turned_model(model: keras.Model, angles: Sequence[float] = turn_angles(TURNS)) -> keras.Model:
    """The same network, sharing its weights: the mean of its logits over an image's turns.

        logits(x) = mean_k model(turn(x, angle_k))

    What a network says should not depend on how the image is turned; what it still does is
    averaged out, at as many times the cost as there are angles. The attention maps are those of
    the network itself.

    Args:
        model: from an image (size, size, channels) to logits.
        angles: degrees, at least one; by default 0, 22.5, 45 and 67.5 (`images.turn_angles`).

    Raises:
        ValueError: no angle, or a model that gives something else beside logits.
    """
    if not angles:
        raise ValueError("angles must hold at least one; got none")
    if not isinstance(model.output, keras.KerasTensor):
        raise ValueError(f"{model.name} must give logits alone: turn the network itself")
    image = keras.Input(model.input.shape[1:], name="image")
    logits = [model(Turn(angle, name=f"turn_{k}")(image)) for k, angle in enumerate(angles)]
    mean = keras.layers.Average(dtype="float32", name="logits")(logits) if logits[1:] else logits[0]
    return keras.Model(image, mean, name=f"{model.name}_turned")
