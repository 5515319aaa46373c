"""One Keras backend a process: gradients on the one that runs, predictions on another.

As a program: `python tests/support/backends.py MODEL.keras IMAGES.npy OUTPUT.npz` writes what the
model's attention model gives for the images, on the backend that KERAS_BACKEND names.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
BACKENDS = ("tensorflow", "jax", "torch")


def installed(backend: str) -> bool:
    """Whether the backend's library can be imported."""
    return importlib.util.find_spec(backend) is not None


def run_python(*arguments: str, backend: str | None = None) -> subprocess.CompletedProcess:
    """Run Python on the repository's package in another process, which must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


def gradient(function: Callable, values: np.ndarray) -> np.ndarray:
    """Gradient of the scalar function at the values, by the backend's own differentiation."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        point = tf.constant(values)
        with tf.GradientTape() as tape:
            tape.watch(point)
            result = function(point)
        return tape.gradient(result, point).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(values)))
    import torch

    point = torch.tensor(values, requires_grad=True)
    function(point).backward()
    return point.grad.numpy()


def predict(model_path: str, images_path: str, output_path: str) -> None:
    """Write the logits and the attention maps of a saved model for saved images."""
    import keras

    import keras_astroattn

    model = keras_astroattn.models.attention_model(keras.models.load_model(model_path))
    outputs = model(np.load(images_path), training=False)
    arrays = {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}
    np.savez(output_path, backend=keras.backend.backend(), **arrays)


if __name__ == "__main__":
    predict(*sys.argv[1:])
