"""The order in which a .tflite file's operators run."""

from collections.abc import Sequence
from typing import Protocol

from tensorflow.lite.tools import flatbuffer_utils


class Operator(Protocol):
    """What is read of an operator: the numbers of its tensors."""

    inputs: Sequence[int]
    outputs: Sequence[int]


def run_when_needed(content: bytes) -> bytes:
    """Return a .tflite file of the same operators, each just before what needs it first.

    The converter sorts them as it pleases: all strips of a wide tensor before the first is
    used, by when the first have left the cache.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        graph.operators = order_of_need(graph.operators, graph.outputs)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def order_of_need(operators: Sequence[Operator], wanted: Sequence[int]) -> list[Operator]:
    """Return the operators without side effects, depth first from the tensors that are wanted.

    Those that nothing needs are left out.
    """
    maker = {int(tensor): one for one in operators for tensor in one.outputs}
    ordered, done = [], set()
    # Reversed, as the last on the stack is the next; True: its inputs are made.
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
