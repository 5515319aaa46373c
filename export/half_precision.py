"""Store kernels of a .tflite file in half the bytes."""

from collections import Counter

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from .convolution_graph import HALVED_FROM

_KERNEL = 1  # index of the kernel among the inputs of an operator
_WITH_KERNEL = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED)


def store_halved(content: bytes) -> bytes:
    """Store the large kernels of a .tflite file as float16 if this is exact.

    The converter's own float16 also rounds biases and the last layers. Here nothing is rounded:
    XNNPACK widens the kernels once, when it loads the network.

    Args:
        content: bytes of the file.

    Returns:
        Bytes of the new file.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    halved: dict[int, np.ndarray] = {}
    for buffer in _kernel_buffers(model):
        values = _halved(model.buffers[buffer].data)
        if values is not None:
            halved[buffer] = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers[buffer].data = halved[buffer]
    for graph in model.subgraphs:
        for number, wide in enumerate(list(graph.tensors)):
            if wide.buffer in halved:
                buffer = wide.buffer
                stored = compute_from_stored(graph, number, len(model.operatorCodes))
                stored.type, stored.buffer = schema.TensorType.FLOAT16, buffer
    model.operatorCodes.append(_dequantize())
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _kernel_buffers(model: schema.ModelT) -> list[int]:
    """Return the buffers that hold float32 kernels, in one graph or several, and nothing else."""
    with_kernel = {
        number
        for number, code in enumerate(model.operatorCodes)
        if code.builtinCode in _WITH_KERNEL
    }
    holders = Counter(tensor.buffer for graph in model.subgraphs for tensor in graph.tensors)
    kernels: Counter[int] = Counter()
    for graph in model.subgraphs:
        operators = [one for one in graph.operators if one.opcodeIndex in with_kernel]
        for number in {int(one.inputs[_KERNEL]) for one in operators}:
            tensor = graph.tensors[number]
            kernels[tensor.buffer] += tensor.type == schema.TensorType.FLOAT32
    return [buffer for buffer, count in sorted(kernels.items()) if count == holders[buffer]]


def compute_from_stored(graph: schema.SubGraphT, number: int, code: int) -> schema.TensorT:
    """Let an operator compute a constant tensor from another one, when the network is loaded.

    Args:
        graph: the graph, which is changed.
        number: number of the tensor.
        code: number of the operator's code.

    Returns:
        The new tensor that the operator reads. It has the shape of the computed tensor; the caller
        sets its type and its buffer.
    """
    wide, stored, operator = graph.tensors[number], schema.TensorT(), schema.OperatorT()
    stored.name, stored.shape = b"stored/" + wide.name, wide.shape
    wide.buffer = 0  # the empty buffer: the tensor is computed
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = [len(graph.tensors)], [number]
    graph.tensors.append(stored)
    graph.operators.insert(0, operator)
    return stored


def _halved(data: np.ndarray | None) -> np.ndarray | None:
    """Return float32 bytes as float16; None if few or not exact in float16."""
    if data is None or len(data) < 4 * HALVED_FROM:
        return None
    values = np.frombuffer(bytes(data), np.float32)
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    return halved if np.array_equal(halved, values) else None


def _dequantize() -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first version that accepts float16
    return code
