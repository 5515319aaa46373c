"""Operators run when they are needed, and are the same ones."""

from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.operator_order import order_of_need, run_when_needed


@dataclass
class Operator:
    name: str
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


def test_a_strip_is_finished_before_the_next_begins():
    # Tensor 0 is the input, 9 a weight; 1, 2 and 3, 4 are the steps of two strips.
    wide = [Operator("a1", [0, 9], [1]), Operator("b1", [0, 9], [3])]
    narrow = [Operator("a2", [1], [2]), Operator("b2", [3], [4])]
    join = Operator("join", [2, 4], [5])
    unused = Operator("unused", [0], [6])
    ordered = order_of_need([*wide, unused, *narrow, join], [5])
    assert [one.name for one in ordered] == ["a1", "a2", "b1", "b2", "join"]


def test_what_two_outputs_need_runs_once():
    shared = Operator("shared", [0], [1, 2])
    first, second = Operator("first", [1], [3]), Operator("second", [2, 3, -1], [4])
    ordered = order_of_need([shared, second, first], [4, 3])
    assert [one.name for one in ordered] == ["shared", "first", "second"]


def test_a_file_gives_what_it_gave():
    def strips(x):
        parts = [tf.nn.relu(x[:, row] * (row + 1.0)) for row in range(3)]
        return {"sum": tf.add_n(parts), "first": parts[0]}

    module = tf.Module()
    module.strips = tf.function(strips, input_signature=[tf.TensorSpec((1, 3, 4), name="x")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.strips.get_concrete_function()], module
    )
    given = Interpreter(model_content=run_when_needed(converter.convert()))
    x = np.array([[[1, -2, 3, 4], [5, 6, -7, 8], [1, 1, 1, -1]]], np.float32)
    given.allocate_tensors()
    given.set_tensor(given.get_input_details()[0]["index"], x)
    given.invoke()
    outputs = [given.get_tensor(one["index"]).tolist() for one in given.get_output_details()]
    assert sorted(outputs) == [[[1, 0, 3, 4]], [[14, 15, 6, 20]]]
