"""Order the operators of a .tflite file by need."""

from collections.abc import Sequence
from typing import Protocol

from tensorflow.lite.tools import flatbuffer_utils


class Operator(Protocol):
    """The used part of an operator: the numbers of its tensors."""

    inputs: Sequence[int]
    outputs: Sequence[int]


def run_when_needed(content: bytes) -> bytes:
    """Reorder the operators of a .tflite file, each just before the first one that needs it.

    The converter computes all strips of a wide tensor before the first one is used, when it has
    already left the cache.

    Args:
        content: bytes of the file.

    Returns:
        Bytes of the new file.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        graph.operators = order_of_need(graph.operators, graph.outputs)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def order_of_need(operators: Sequence[Operator], wanted: Sequence[int]) -> list[Operator]:
    """Return the operators without side effects, depth first from the wanted tensors.

    Operators that nothing needs are omitted.

    Args:
        operators: operators of the graph.
        wanted: numbers of the output tensors.
    """
    maker = {int(tensor): one for one in operators for tensor in one.outputs}
    ordered, done = [], set()
    # Reversed, because the last one on the stack is next; True: its inputs are already ordered.
    stack = [(int(tensor), False) for tensor in reversed(list(wanted))]
    while stack:
        tensor, ready = stack.pop()
        if tensor not in maker or tensor in done:
            continue
        one = maker[tensor]
        if ready:
            ordered.append(one)
            done.update(int(made) for made in one.outputs)
        else:
            stack.append((tensor, True))
            stack.extend((int(needed), False) for needed in reversed(list(one.inputs)))
    return ordered
