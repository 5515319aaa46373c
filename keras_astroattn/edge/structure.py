"""Limits on the structure of a network that LiteRT does not check when it opens one."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LARGEST_TENSOR = 2**24
"""Largest number of values in one tensor; the presets have 230,400."""

_BIAS = 2  # number of the input that may be absent, as -1, where an operator has a bias
_HAVE_BIAS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_LEAST_INPUTS = {  # of operators that read more than one; others read at least one
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "BATCH_MATMUL"), 2),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "PAD", "TRANSPOSE", "SPLIT"), 2),
    **dict.fromkeys(("RESIZE_BILINEAR", *_HAVE_BIAS), 2),
    "SLICE": 3,
    "STRIDED_SLICE": 4,
}
_NEED_OPTIONS = ("AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
                 "FULLY_CONNECTED", "MAX_POOL_2D", "SPLIT", "STRIDED_SLICE")  # fmt: skip

_CALL_GRAPHS = ("CALL", "CALL_ONCE", "IF", "WHILE")  # a graph that calls itself does not end


def require_sound(network: bytes) -> None:
    """Refuse a network that would end the process, or take gigabytes, when it is prepared.

    Call this after LiteRT has opened the network, which verifies its offsets, and before
    `allocate_tensors`, which follows it: an absent input or output is read there at a random
    address, and an altered shape is allocated.

    Args:
        network: bytes of the network.

    Raises:
        ValueError: A tensor is too large, an operator lacks an input, an output or its options,
            an operator calls a graph, or a signature has no graph.
    """
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(network, 0)
    codes = [model.OperatorCodes(number) for number in range(model.OperatorCodesLength())]
    names = _names()
    used = {names.get(code.BuiltinCode(), "") for code in codes}
    if calling := {name for name in used if name in _CALL_GRAPHS or name.startswith("STABLEHLO")}:
        raise ValueError(f"its operator {min(calling)} calls other graphs")
    operators = [names.get(code.BuiltinCode(), "") for code in codes]
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        _require_small(graph)
        _require_connected(graph, operators)
    for signature in map(model.SignatureDefs, range(model.SignatureDefsLength())):
        if signature.SubgraphIndex() >= model.SubgraphsLength():
            raise ValueError(f"its signature {signature.SignatureKey()} has no graph")


def _require_small(graph) -> None:
    for number in range(graph.TensorsLength()):
        shape = _numbers(graph.Tensors(number).ShapeAsNumpy())
        if min(shape, default=0) < 0 or math.prod(shape) > LARGEST_TENSOR:
            raise ValueError(f"tensor {number} has the shape {shape}")


def _numbers(vector: "np.ndarray | int") -> list[int]:
    """Return a vector of the file as a list; an absent one is 0."""
    return [] if isinstance(vector, int) else vector.tolist()


def _names() -> dict[int, str]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {code: name for name, code in vars(BuiltinOperator).items() if isinstance(code, int)}


def _require_connected(graph, codes: list[str]) -> None:
    """Refuse operators without their inputs, outputs or options.

    Args:
        graph: a graph of the network.
        codes: names of the network's operators.
    """
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = codes[operator.OpcodeIndex()]
        inputs = _numbers(operator.InputsAsNumpy())
        outputs = _numbers(operator.OutputsAsNumpy())
        required = inputs[:_BIAS] if code in _HAVE_BIAS else inputs
        if len(inputs) < _LEAST_INPUTS.get(code, 1) or not outputs or min(required + outputs) < 0:
            raise ValueError(f"operator {number} lacks an input or output")
        if code in _NEED_OPTIONS and operator.BuiltinOptionsType() == 0:
            raise ValueError(f"operator {number} lacks its options")
