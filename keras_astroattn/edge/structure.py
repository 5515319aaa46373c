"""Limits on the structure of a network that LiteRT does not check when it opens one."""

import math

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
        ValueError: A tensor is too large, a sparse tensor has values outside its shape or is read
            as a dense one, an operator lacks an input, an output or its options, an operator calls
            a graph, or a signature has no graph.
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
        _require_expandable(model, graph, operators)
    for signature in map(model.SignatureDefs, range(model.SignatureDefsLength())):
        if signature.SubgraphIndex() >= model.SubgraphsLength():
            raise ValueError(f"its signature {signature.SignatureKey()} has no graph")


def _require_small(graph) -> None:
    for number in range(graph.TensorsLength()):
        shape = _numbers(graph.Tensors(number).ShapeAsNumpy())
        if min(shape, default=0) < 0 or math.prod(shape) > LARGEST_TENSOR:
            raise ValueError(f"tensor {number} has the shape {shape}")


def _numbers(vector: np.ndarray | int) -> list[int]:
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


def _require_expandable(model, graph, codes: list[str]) -> None:
    """Refuse sparse tensors that LiteRT would write beyond their end, or read as dense ones.

    Args:
        model: the network.
        graph: a graph of the network.
        codes: names of the network's operators.
    """
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    sparse = {number for number, one in enumerate(tensors) if one.Sparsity() is not None}
    for number in sparse:
        if not _is_matrix_in_rows(tensors[number], model.Buffers(tensors[number].Buffer())):
            raise ValueError(f"the sparse tensor {number} has values outside its shape")
    if not sparse.isdisjoint(_numbers(graph.OutputsAsNumpy())):
        raise ValueError("a sparse tensor is an output")
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        expands = codes[operator.OpcodeIndex()] == "DENSIFY"
        inputs = _numbers(operator.InputsAsNumpy())
        if expands != (not sparse.isdisjoint(inputs)):
            raise ValueError(f"operator {number} reads a tensor of another kind")
        if expands:
            one, dense = tensors[inputs[0]], tensors[operator.Outputs(0)]
            if (one.Type(), *_numbers(one.ShapeAsNumpy())) != (
                dense.Type(),
                *_numbers(dense.ShapeAsNumpy()),
            ):
                raise ValueError(f"operator {number} expands a tensor to another shape")


def _is_matrix_in_rows(tensor, buffer) -> bool:
    """Whether a sparse tensor is a float32 matrix as `export.sparse_matrices` stores it."""
    from ai_edge_litert.schema_py_generated import (
        DimensionType,
        SparseIndexVector,
        TensorType,
        Uint8Vector,
        Uint16Vector,
    )

    stated = tensor.Sparsity()
    shape, order = _numbers(tensor.ShapeAsNumpy()), _numbers(stated.TraversalOrderAsNumpy())
    if sorted(order) != [0, 1] or len(shape) != 2 or stated.BlockMapLength():
        return False
    if stated.DimMetadataLength() != 2 or tensor.Type() != TensorType.FLOAT32:
        return False
    rows, places = stated.DimMetadata(0), stated.DimMetadata(1)
    if (rows.Format(), places.Format()) != (DimensionType.DENSE, DimensionType.SPARSE_CSR):
        return False
    kinds = places.ArraySegmentsType(), places.ArrayIndicesType()
    if kinds != (SparseIndexVector.Uint16Vector, SparseIndexVector.Uint8Vector):
        return False
    segments, indices = (
        _union_numbers(kind(), table)
        for kind, table in (
            (Uint16Vector, places.ArraySegments()),
            (Uint8Vector, places.ArrayIndices()),
        )
    )
    return (
        rows.DenseSize() == shape[order[0]] == len(segments) - 1
        and segments[0] == 0
        and (np.diff(segments) >= 0).all()
        and segments[-1] == len(indices)
        and max(indices, default=-1) < shape[order[1]]
        and buffer.DataLength() == np.dtype(np.float32).itemsize * len(indices)
    )


def _union_numbers(vector, table) -> list[int]:
    if table is None:
        return []
    vector.Init(table.Bytes, table.Pos)
    return _numbers(vector.ValuesAsNumpy())
