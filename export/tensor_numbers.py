"""Number the tensors of a network's graphs so that equal operators have equal numbers."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_ABSENT = -1  # number of an input that an operator does without


def number_alike(model: schema.ModelT) -> None:
    """Give equal parts of a network's graphs equal tensor numbers.

    The graphs of the frames have mostly the same operators in the same order. Each graph takes its
    numbers from the next smaller one where they agree, so that most operators are equal and can be
    stored once.

    Args:
        model: the network, which is changed. Operators with equal options hold the same object.
    """
    order = sorted(range(len(model.subgraphs)), key=lambda n: len(model.subgraphs[n].tensors))
    for smaller, larger in pairwise(order):
        _renumber(model, larger, _numbers(model.subgraphs[larger], model.subgraphs[smaller]))


def _numbers(graph: schema.SubGraphT, like: schema.SubGraphT) -> dict[int, int]:
    """Return the new numbers of the tensors of a graph, from a graph with fewer tensors."""
    numbers: dict[int, int] = {}
    taken = set()
    for tensor, number in _equal_tensors(graph, like):
        if _ABSENT not in (tensor, number) and tensor not in numbers and number not in taken:
            numbers[tensor] = number
            taken.add(number)
    free = (number for number in range(len(graph.tensors)) if number not in taken)
    for tensor in range(len(graph.tensors)):
        if tensor not in numbers:
            numbers[tensor] = next(free)
    return numbers


def _equal_tensors(graph: schema.SubGraphT, like: schema.SubGraphT) -> Iterator[tuple[int, int]]:
    """Yield the tensors of two graphs with the same place in the same operators."""
    kinds, others = (
        [
            (one.opcodeIndex, id(one.builtinOptions), len(one.inputs), len(one.outputs))
            for one in each.operators
        ]
        for each in (graph, like)
    )
    blocks = SequenceMatcher(None, kinds, others, autojunk=False).get_matching_blocks()
    for first, other, count in blocks:
        for step in range(count):
            one, same = graph.operators[first + step], like.operators[other + step]
            ours, theirs = ([*each.outputs, *each.inputs] for each in (one, same))
            yield from ((int(a), int(b)) for a, b in zip(ours, theirs, strict=True))


def _renumber(model: schema.ModelT, place: int, numbers: Mapping[int, int]) -> None:
    """Change the numbers of the tensors of a graph, wherever they are stated."""
    graph = model.subgraphs[place]
    tensors = list(graph.tensors)
    for old, new in numbers.items():
        graph.tensors[new] = tensors[old]

    def changed(stated: np.ndarray) -> np.ndarray:
        return np.array([numbers.get(int(one), _ABSENT) for one in stated], np.int32)

    graph.inputs, graph.outputs = changed(graph.inputs), changed(graph.outputs)
    for operator in graph.operators:
        operator.inputs, operator.outputs = changed(operator.inputs), changed(operator.outputs)
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == place:
            for entry in [*signature.inputs, *signature.outputs]:
                entry.tensorIndex = numbers[entry.tensorIndex]
