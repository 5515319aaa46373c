"""A file in fewer bytes that computes the same bits."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.schema_py_generated import Model
from tensorflow.lite.tools import flatbuffer_utils

from export.compaction import compacted

KERNEL = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """Two signatures of one network, for images of 6 and 4 pixels, as the converter makes them."""
    folder = str(tmp_path_factory.mktemp("saved"))

    def serve(image):
        inner = tf.nn.relu(tf.nn.conv2d(image, KERNEL, 1, "SAME", name="inner_convolution"))
        return {"sums": tf.reshape(tf.reduce_sum(inner, axis=(1, 2)), [-1, 2, 2])}

    module = tf.Module()
    module.functions = {
        f"size_{size}": tf.function(
            serve, input_signature=[tf.TensorSpec((None, size, size, 2), name="image")]
        )
        for size in (6, 4)
    }
    concrete = {name: one.get_concrete_function() for name, one in module.functions.items()}
    tf.saved_model.save(module, folder, signatures=concrete)
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(concrete))
    return converter.convert()


def test_each_signature_computes_the_same_bits_from_fewer_bytes(whole):
    small = compacted(whole)
    assert len(small) < len(whole)
    one, other = (Interpreter(model_content=content) for content in (whole, small))
    assert one.get_signature_list() == other.get_signature_list()
    for size in (6, 4):
        images = np.random.default_rng(size).normal(size=(3, size, size, 2)).astype(np.float32)
        expected = one.get_signature_runner(f"size_{size}")(image=images)["sums"]
        given = other.get_signature_runner(f"size_{size}")(image=images)["sums"]
        assert expected.shape == (3, 2, 2)
        np.testing.assert_array_equal(given, expected)


def test_inputs_and_outputs_keep_their_names_and_shapes_and_inner_tensors_do_not(whole):
    one, other = (Interpreter(model_content=content) for content in (whole, compacted(whole)))
    for before, after in (
        (one.get_input_details(), other.get_input_details()),
        (one.get_output_details(), other.get_output_details()),
    ):
        assert [detail["name"] for detail in after] == [detail["name"] for detail in before]
        for detail, kept in zip(before, after, strict=True):
            np.testing.assert_array_equal(kept["shape_signature"], detail["shape_signature"])
    assert b"inner_convolution" in whole
    assert b"inner_convolution" not in compacted(whole)


def test_a_constant_of_two_buffers_is_stored_once(whole):
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(whole))
    values = np.arange(64, dtype=np.float32).view(np.uint8)
    constants = [one for one in model.buffers if one.data is not None and len(one.data) == 288]
    assert len(constants) == 1  # the kernel: 3 x 3 x 2 x 4 float32 values
    for graph in model.subgraphs:
        (kernel,) = [one for one in graph.tensors if model.buffers[one.buffer] in constants]
        copy = type(constants[0])()
        copy.data = np.concatenate([constants[0].data[:32], values])
        kernel.buffer = len(model.buffers)
        model.buffers.append(copy)
    doubled = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    assert doubled.count(values.tobytes()) == 2
    assert compacted(doubled).count(values.tobytes()) == 1


def test_a_compact_file_stays_as_it_is(whole):
    small = compacted(whole)
    assert compacted(small) == small


def operator_tables(content: bytes) -> list[list[int]]:
    """Places of the operators in the file, of each graph."""
    model = Model.GetRootAs(content, 0)
    graphs = map(model.Subgraphs, range(model.SubgraphsLength()))
    return [
        [graph.Operators(number)._tab.Pos for number in range(graph.OperatorsLength())]
        for graph in graphs
    ]


def test_graphs_with_the_same_operators_share_them(whole):
    before, after = operator_tables(whole), operator_tables(compacted(whole))
    assert before[0] != before[1]
    assert [len(one) for one in after] == [len(one) for one in before]
    assert after[0] == after[1]


def test_a_graph_with_more_operators_shares_the_others(tmp_path):
    def serve(image, longer: bool):
        inner = tf.nn.conv2d(image, KERNEL, 1, "SAME")
        inner = tf.exp(inner) if longer else inner
        return {"sums": tf.reduce_sum(tf.nn.relu(inner) * 3.0, axis=(1, 2))}

    module = tf.Module()
    module.functions = {
        name: tf.function(
            lambda image, longer=longer: serve(image, longer),
            input_signature=[tf.TensorSpec((None, 6, 6, 2), name="image")],
        )
        for name, longer in (("longer", True), ("shorter", False))
    }
    concrete = {name: one.get_concrete_function() for name, one in module.functions.items()}
    tf.saved_model.save(module, str(tmp_path), signatures=concrete)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path), signature_keys=list(concrete)
    )
    whole = converter.convert()
    longer, shorter = sorted(operator_tables(compacted(whole)), key=len, reverse=True)
    assert len(longer) > len(shorter)
    assert len(set(longer) & set(shorter)) >= len(shorter) - 2
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    for name in concrete:
        expected, given = (
            Interpreter(model_content=content).get_signature_runner(name)(image=images)["sums"]
            for content in (whole, compacted(whole))
        )
        np.testing.assert_array_equal(given, expected)
