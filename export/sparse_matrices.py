"""Store the matrices of a .tflite file that are mostly 0 by their other values."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from .half_precision import compute_from_stored

_MATRIX = 1  # index of the matrix among the inputs of FULLY_CONNECTED
_LONGEST = 256  # largest side of a matrix whose indices have 8 bits
_MOST_VALUES = 2**16 - 1  # largest number that a segment of 16 bits holds
_DESCRIPTION = 200  # bytes, at most, that describe one sparse matrix and its operator


def store_sparse(content: bytes) -> bytes:
    """Store the float32 matrices of a .tflite file that are mostly 0 in compressed rows.

    A row of a bilinear resizing matrix has two values that are not 0. Nothing is rounded: XNNPACK
    expands the matrices once, when it loads the network.

    The format is that of LiteRT's DENSIFY: the values that are not 0, their places in each row
    (8 bits), and the first value of each row (16 bits). The rows are those of the shorter side, so
    that a matrix and its transpose share all three.

    Args:
        content: bytes of the file.

    Returns:
        Bytes of the new file. It still holds the dense matrices, which `compacted` leaves out
        because no tensor reads them.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    densify = len(model.operatorCodes)
    found = False
    for graph in model.subgraphs:
        for number in _matrices(model, graph):
            wide = graph.tensors[number]
            matrix = np.frombuffer(model.buffers[wide.buffer].data.tobytes(), np.float32)
            matrix = matrix.reshape(wide.shape)
            if _is_shorter(matrix):
                stored = compute_from_stored(graph, number, densify)
                stored.type = schema.TensorType.FLOAT32
                stored.sparsity, values = _compressed(matrix)
                stored.buffer = len(model.buffers)
                buffer = schema.BufferT()
                buffer.data = np.frombuffer(values.tobytes(), np.uint8)
                model.buffers.append(buffer)
                found = True
    if not found:
        return content
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DENSIFY
    code.version = 1
    model.operatorCodes.append(code)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _matrices(model: schema.ModelT, graph: schema.SubGraphT) -> list[int]:
    """Return the numbers of the constant float32 matrices of FULLY_CONNECTED."""
    fully_connected = {
        number
        for number, code in enumerate(model.operatorCodes)
        if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED
    }
    read = {
        int(one.inputs[_MATRIX]) for one in graph.operators if one.opcodeIndex in fully_connected
    }
    return [
        number
        for number in sorted(read)
        if graph.tensors[number].type == schema.TensorType.FLOAT32
        and model.buffers[graph.tensors[number].buffer].data is not None
    ]


def _is_shorter(matrix: np.ndarray) -> bool:
    """Whether a matrix takes fewer bytes in compressed rows than in float16."""
    used = _is_stored(matrix)
    count = int(np.count_nonzero(used))
    needed = 5 * count + 2 * (min(matrix.shape) + 1) + _DESCRIPTION
    return max(matrix.shape) <= _LONGEST and count <= _MOST_VALUES and needed < 2 * matrix.size


def _is_stored(matrix: np.ndarray) -> np.ndarray:
    return (matrix != 0) | np.signbit(matrix)  # -0 is another value than 0


def _compressed(matrix: np.ndarray) -> tuple[schema.SparsityParametersT, np.ndarray]:
    """Return the places of the values of a matrix, and the values."""
    order = [0, 1] if matrix.shape[0] <= matrix.shape[1] else [1, 0]
    rows = matrix.transpose(order)
    used = _is_stored(rows)
    segments, indices = schema.Uint16VectorT(), schema.Uint8VectorT()
    segments.values = np.append(0, used.sum(axis=1).cumsum()).astype(np.uint16)
    indices.values = np.nonzero(used)[1].astype(np.uint8)
    row, place = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    row.format, row.denseSize = schema.DimensionType.DENSE, len(rows)
    place.format = schema.DimensionType.SPARSE_CSR
    place.arraySegmentsType = schema.SparseIndexVector.Uint16Vector
    place.arrayIndicesType = schema.SparseIndexVector.Uint8Vector
    place.arraySegments, place.arrayIndices = segments, indices
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = np.array(order, np.int32)
    sparsity.dimMetadata = [row, place]
    return sparsity, rows[used]
