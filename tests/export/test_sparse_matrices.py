"""Matrices that are mostly 0 take fewer bytes and give the same bits."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from export.compaction import compacted
from export.sparse_matrices import store_sparse

SIZES = 60, 90


def resizing() -> np.ndarray:
    """(90, 60) matrix with two values in each row: linear interpolation."""
    short, long = SIZES
    places = np.linspace(0, short - 1, long)
    distances = np.abs(places[:, np.newaxis] - np.arange(short))
    return np.maximum(1 - distances, 0).astype(np.float32)


def network(*matrices: np.ndarray) -> bytes:
    """A .tflite file that multiplies rows by one matrix (inputs, outputs) after the other."""
    module = tf.Module()

    def multiply(x):
        for matrix in matrices:
            x = tf.matmul(x, matrix)
        return {"y": x}

    module.multiply = tf.function(
        multiply, input_signature=[tf.TensorSpec((3, len(matrices[0])), name="x")]
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.multiply.get_concrete_function()], module
    )
    return converter.convert()


def run(content: bytes, delegates: bool = True) -> np.ndarray:
    kind = OpResolverType.AUTO if delegates else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kind)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]
    rows = np.random.default_rng(0).normal(size=place["shape"]).astype(np.float32)
    interpreter.set_tensor(place["index"], rows)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def operators(content: bytes) -> list[str]:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    return [one["op_name"] for one in interpreter._get_ops_details()]


@pytest.mark.parametrize("matrix", [resizing(), resizing().T], ids=["wide", "high"])
@pytest.mark.parametrize("delegates", [True, False], ids=["XNNPACK", "LiteRT"])
def test_a_resizing_matrix_takes_fewer_bytes_and_gives_the_same_bits(matrix, delegates):
    converted = network(matrix)
    whole, sparse = compacted(converted), compacted(store_sparse(converted))
    assert operators(sparse).count("DENSIFY") == 1
    # 90 rows with at most two values: 5 bytes each, where the matrix has 4 x 90 x 60 bytes.
    assert len(whole) - len(sparse) > 4 * 90 * 60 - 5 * 180 - 500
    np.testing.assert_array_equal(run(sparse, delegates), run(whole, delegates))


def test_the_matrix_is_expanded_when_the_network_is_loaded():
    names = operators(store_sparse(network(resizing())))
    # LiteRT appends the operator that runs the others; it would not hold all of them otherwise.
    assert names == ["DENSIFY", "FULLY_CONNECTED", "DELEGATE"]


def test_a_matrix_and_its_transpose_share_values_and_places():
    one = compacted(store_sparse(network(resizing())))
    both_whole = network(resizing(), resizing().T)
    both = compacted(store_sparse(both_whole))
    values = resizing()[resizing() != 0].size
    assert len(both) - len(one) < 5 * values
    np.testing.assert_array_equal(run(both), run(both_whole))


def with_minus_zero() -> np.ndarray:
    matrix = resizing()
    matrix[0, 40] = -0.0
    return matrix


def test_minus_zero_is_a_value():
    whole, plain = network(with_minus_zero()), network(resizing())
    assert len(compacted(store_sparse(whole))) - len(compacted(store_sparse(plain))) >= 4


@pytest.mark.parametrize(
    "matrix",
    [
        np.random.default_rng(1).normal(size=(60, 90)).astype(np.float32),
        np.eye(8, 9, dtype=np.float32),
        np.eye(64, 257, dtype=np.float32),
    ],
    ids=["dense", "small", "longer than 256"],
)
def test_any_other_matrix_stays(matrix):
    whole = network(matrix)
    assert store_sparse(whole) == whole
