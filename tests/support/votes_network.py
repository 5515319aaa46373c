"""Networks with the aggregation `votes` and sky padding, with random weights."""

import keras
import numpy as np

from support.tiny_model_file import untrained_model

OPTIONS = {
    "normalization": "sigmoid",
    "aggregation": "votes",
    "padding": "sky",
    "psi_bias": 0.0,
    "stretch": "sqrt",
}
"""Options of such a network."""


def votes_network(kind: type[keras.Model]) -> keras.Model:
    """Return a network of a class with weights, statistics and biases that are not trivial."""
    network = untrained_model(kind, **OPTIONS)
    head = network.get_layer("logits")
    random = np.random.default_rng(4)
    for variable in head.batch_normalization.variables:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    head.dense.bias.assign([0.25, -0.5])
    return network
