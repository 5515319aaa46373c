"""Limits on the structure of a network that LiteRT does not check when it opens one."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

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


def require_sound(network: bytes, interpreter: "Interpreter") -> None:
    """Refuse a network that would end the process, or take gigabytes, when it is prepared.

    Call this after LiteRT has opened the network, which verifies its offsets, and before
    `allocate_tensors`, which follows it: an absent input or output is read there at a random
    address, and an altered shape is allocated.

    Args:
        network: bytes of the network.
        interpreter: interpreter of this network.

    Raises:
        ValueError: A tensor is too large, or an operator lacks an input, an output or its options.
    """
    for tensor in interpreter.get_tensor_details():
        shape = tensor["shape"].tolist()
        if min(shape, default=0) < 0 or math.prod(shape) > LARGEST_TENSOR:
            raise ValueError(f"tensor {tensor['index']} has the shape {shape}")
    _require_connected(network)


def _require_connected(network: bytes) -> None:
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    least = {getattr(BuiltinOperator, name): count for name, count in _LEAST_INPUTS.items()}
    have_bias = [getattr(BuiltinOperator, name) for name in _HAVE_BIAS]
    need_options = [getattr(BuiltinOperator, name) for name in _NEED_OPTIONS]
    model = Model.GetRootAs(network, 0)
    if model.SubgraphsLength() != 1:
        raise ValueError(f"it has {model.SubgraphsLength()} graphs")
    graph = model.Subgraphs(0)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        inputs = [operator.Inputs(place) for place in range(operator.InputsLength())]
        outputs = [operator.Outputs(place) for place in range(operator.OutputsLength())]
        required = inputs[:_BIAS] if code in have_bias else inputs
        if len(inputs) < least.get(code, 1) or not outputs or min(required + outputs) < 0:
            raise ValueError(f"operator {number} lacks an input or output")
        if code in need_options and operator.BuiltinOptionsType() == 0:
            raise ValueError(f"operator {number} lacks its options")
