"""Write a .tflite file without what LiteRT does not read, and equal parts only once."""

from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from .tensor_numbers import number_alike

_IDENTIFIER = b"TFL3"


def compacted(content: bytes) -> bytes:
    """Return a .tflite file in fewer bytes that computes the same.

    A file with several signatures consists of thousands of small parts. These are left out:
    names of inner tensors, shape signatures that repeat the shape, empty quantization, the target
    shape of RESHAPE, which is an input too, and empty buffers. Of equal vectors, options,
    tensors, operators and buffers, one is written. Inputs and outputs keep their names and shape
    signatures. Tensors get other numbers: no reader may rely on them.

    Args:
        content: bytes of the file, without metadata.

    Returns:
        Bytes of the new file.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    once = _Once()
    for graph in model.subgraphs:
        outside = {*graph.inputs.tolist(), *graph.outputs.tolist()}
        for number, tensor in enumerate(graph.tensors):
            if number not in outside:
                _strip(tensor)
            tensor.quantization = once(_stated(tensor.quantization))
            tensor.sparsity = once(tensor.sparsity)
        for operator in graph.operators:
            if isinstance(operator.builtinOptions, schema.ReshapeOptionsT):
                operator.builtinOptions.newShape = None
            operator.builtinOptions = once(operator.builtinOptions)
            operator.mutatingVariableInputs = None  # no operator of these networks has a state
    number_alike(model)
    _keep_used_buffers(model)
    for graph in model.subgraphs:
        graph.tensors = [once(tensor) for tensor in graph.tensors]
        graph.operators = [once(operator) for operator in graph.operators]
    builder = _SharingBuilder()
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _strip(tensor: schema.TensorT) -> None:
    tensor.name = None
    if np.array_equal(tensor.shapeSignature, tensor.shape):
        tensor.shapeSignature = None


def _stated(quantization: Any) -> Any:
    """Return the quantization of a tensor; None if it states none."""
    return None if quantization is None or quantization.scale is None else quantization


def _keep_used_buffers(model: schema.ModelT) -> None:
    """Number the buffers that hold data; the first buffer stands for all tensors without."""
    kept = [model.buffers[0]]
    numbers: dict[bytes, int] = {b"": 0}

    def number_of(buffer: int) -> int:
        data = model.buffers[buffer].data
        content = b"" if data is None else bytes(data)
        if content not in numbers:
            numbers[content] = len(kept)
            kept.append(model.buffers[buffer])
        return numbers[content]

    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = number_of(tensor.buffer)
    for entry in model.metadata or []:
        entry.buffer = number_of(entry.buffer)
    model.buffers = kept


class _Once:
    """Replaces equal tables by one that is written once."""

    def __init__(self):
        self._tables: dict[tuple, _Table] = {}

    def __call__(self, table: Any) -> "_Table | None":
        return None if table is None else self._tables.setdefault(_key(table), _Table(table))


class _Table:
    """A table that several others refer to."""

    def __init__(self, table: Any):
        self._table, self._offset = table, None

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self._offset is None:
            self._offset = self._table.Pack(builder)
        return self._offset


def _key(value: Any) -> Any:
    """Return a hashable value that is equal for equal tables."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if hasattr(value, "Pack"):
        fields = tuple((name, _key(one)) for name, one in sorted(vars(value).items()))
        return type(value).__name__, fields
    if isinstance(value, list):
        return tuple(map(_key, value))
    return value


class _SharingBuilder(flatbuffers.Builder):
    """A builder that writes equal vectors once."""

    def __init__(self):
        super().__init__(1024)
        self._offsets: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = x.dtype.str, x.tobytes()
        if key not in self._offsets:
            self._offsets[key] = super().CreateNumpyVector(x)
        return self._offsets[key]
