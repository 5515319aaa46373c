"""A network under both scopes of normalization in one forward pass."""

from collections.abc import Sequence

import keras
from keras import ops

from keras_astroattn.layers.normalization import AttentionNormalization
from keras_astroattn.models import AGCNN


class BothScopes(keras.Model):
    """Model with the logits and maps of an `AGCNN` under one or both scopes.

    The scopes differ only in the normalization of the scores. They share convolutions and scores,
    which take nearly all of the time.

    Input (batch, height, width, 1); outputs, float32, for each scope: `{scope}/logits`
    (batch, classes), and `{scope}/attention_{k}` (batch, h, w) for each gate.

    Args:
        network: network whose weights are used.
        scopes: `"sample"`, `"batch"` or both.
    """

    def __init__(self, network: AGCNN, scopes: Sequence[str]):
        super().__init__(name="both_scopes")
        numbers = range(1, network.gates + 1)
        self.gates = [network.get_layer(f"gate_{number}") for number in numbers]
        self.poolings = [network.get_layer(f"pooling_{number}") for number in numbers]
        self.head = network.get_layer("logits")
        self.scopes = tuple(scopes)
        self.normalizations = [
            AttentionNormalization(network.normalization, scope) for scope in scopes
        ]
        if network.gates:
            ungated = []
            if network.aggregation == "concat_gating":
                ungated = [network.get_layer(name).output for name in ("g_mean", "g_max")]
            inputs = [gate.input for gate in self.gates]
            self.trunk = keras.Model(network.input, {"gates": inputs, "ungated": ungated})
        else:
            self.trunk = keras.Model(network.input, network.output)

    def build(self, input_shape):
        """Do nothing: the network is already built."""

    def call(self, image):
        """Return the outputs for images in network units."""
        trunk = self.trunk(image, training=False)
        if not self.gates:
            return {f"{scope}/logits": trunk for scope in self.scopes}
        outputs = {}
        scores = [
            gate.scores(inputs) for gate, inputs in zip(self.gates, trunk["gates"], strict=True)
        ]
        for scope, normalize in zip(self.scopes, self.normalizations, strict=True):
            vectors = []
            for number, s in enumerate(scores):
                x, _ = trunk["gates"][number]
                a = normalize(s)
                attended = x * ops.expand_dims(ops.cast(a, x.dtype), axis=-1)
                vectors.append(self.poolings[number]([attended, a]))
                outputs[f"{scope}/attention_{number + 1}"] = a
            outputs[f"{scope}/logits"] = self.head([*vectors, *trunk["ungated"]])
        return outputs
