"""Small networks in a trained state, and images for them."""

import keras
import numpy as np

SHAPE = (24, 24, 1)
IMAGES = np.random.default_rng(7).uniform(-1, 1, (4, *SHAPE)).astype("float32")
LABELS = np.array([0, 1, 1, 0])


def with_statistics(model: keras.Model) -> keras.Model:
    """Give all weights values that they could have after training, the same on any backend."""
    random = np.random.default_rng(11)
    for variable in model.variables:
        shape = tuple(variable.shape)
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 1.5, shape))
        elif variable.name == "kernel":
            variable.assign(random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape))
        elif variable.name in ("beta", "bias", "moving_mean"):
            variable.assign(random.normal(0, 0.3, shape))
    return model


def to_numpy(outputs):
    """The same structure with arrays for tensors."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
