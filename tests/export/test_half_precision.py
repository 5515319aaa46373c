"""Kernels in half the bytes, where that loses nothing."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.half_precision import store_halved


def convolution(kernel: np.ndarray) -> bytes:
    """A .tflite file of one convolution with a bias of 1/3, which float16 does not hold."""
    module = tf.Module()
    module.convolve = tf.function(
        lambda x: {"y": tf.nn.conv2d(x, kernel, 1, "SAME") + np.float32(1 / 3)},
        input_signature=[tf.TensorSpec((1, 6, 6, kernel.shape[2]), name="x")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.convolve.get_concrete_function()], module
    )
    return converter.convert()


def run(content: bytes, x: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def halves(content: bytes) -> int:
    details = Interpreter(model_content=content).get_tensor_details()
    return sum(one["dtype"] is np.float16 for one in details)


# 9 x 16 x 8 = 1152 weights in eighths from -2 to 2.
EIGHTHS = np.random.default_rng(0).integers(-16, 17, (3, 3, 16, 8)).astype(np.float32) / 8


def test_a_kernel_that_float16_holds_takes_half_the_bytes_and_gives_the_same_bits():
    whole = convolution(EIGHTHS)
    half = store_halved(whole)
    x = np.random.default_rng(1).normal(size=(1, 6, 6, 16)).astype(np.float32)
    assert halves(half) == 1
    # 1152 x 2 bytes less, and a few hundred for one operator and tensor more.
    assert 1800 < len(whole) - len(half) <= 2304
    np.testing.assert_array_equal(run(half, x), run(whole, x))


@pytest.mark.parametrize(
    "kernel",
    [EIGHTHS + np.float32(1 / 3), EIGHTHS * np.float32(2**16), EIGHTHS[:, :, :, :7]],
    ids=["between its steps", "beyond its range", "small"],
)
def test_any_other_kernel_stays(kernel):
    assert halves(store_halved(convolution(kernel))) == 0


def test_a_kernel_of_two_graphs_is_stored_once_in_half_the_bytes(tmp_path):
    module = tf.Module()
    module.functions = {
        f"of_{size}": tf.function(
            lambda x: {"y": tf.nn.conv2d(x, EIGHTHS, 1, "SAME") + np.float32(1 / 3)},
            input_signature=[tf.TensorSpec((1, size, size, 16), name="x")],
        )
        for size in (4, 6)
    }
    concrete = {name: one.get_concrete_function() for name, one in module.functions.items()}
    tf.saved_model.save(module, str(tmp_path), signatures=concrete)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path), signature_keys=list(concrete)
    )
    whole = converter.convert()
    half = store_halved(whole)
    assert 4608 < len(whole) < 2 * 4608  # 1152 weights, once
    assert 1500 < len(whole) - len(half) <= 2304
    for size in (4, 6):
        x = np.random.default_rng(1).normal(size=(1, size, size, 16)).astype(np.float32)
        given, expected = (
            Interpreter(model_content=content).get_signature_runner(f"of_{size}")(x=x)["y"]
            for content in (half, whole)
        )
        np.testing.assert_array_equal(given, expected)
