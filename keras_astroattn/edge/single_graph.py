"""One graph of a .tflite file that holds several, for example one for each frame.

LiteRT prepares all graphs of a file, and packs the weights for each of them. A file in which the
lists of graphs and signatures have one entry takes a fraction of the time and memory.
"""

import struct

_GRAPHS, _SIGNATURES = 2, 7  # fields of the table `Model` in the schema of TensorFlow Lite
_KEY, _GRAPH = 2, 4  # fields of the table `SignatureDef`


def with_one_graph(content: bytes, signature: str) -> bytes:
    """Return a .tflite file with one of its signatures and the graph of this signature.

    The file must be sound (`structure.require_sound`), because its offsets are not checked.

    Args:
        content: bytes of the file.
        signature: name of the signature.

    Returns:
        The file, as long as before: only entries of two lists are changed.

    Raises:
        ValueError: The file has no such signature.
    """
    changed = bytearray(content)
    root = _target(changed, 0)
    graphs, signatures = (
        _target(changed, _field(changed, root, n)) for n in (_GRAPHS, _SIGNATURES)
    )
    for number in range(_number(changed, signatures)):
        table = _target(changed, signatures + 4 + 4 * number)
        key = _target(changed, _field(changed, table, _KEY))
        if changed[key + 4 : key + 4 + _number(changed, key)] == signature.encode():
            break
    else:
        raise ValueError(f"no signature {signature}")
    place = _field(changed, table, _GRAPH)  # absent if it is the first graph
    graph = _target(changed, graphs + 4 + 4 * (_number(changed, place) if place else 0))
    if place:
        struct.pack_into("<I", changed, place, 0)
    for entries, entry in ((graphs, graph), (signatures, table)):
        struct.pack_into("<2I", changed, entries, 1, entry - (entries + 4))
    return bytes(changed)


def _number(data: bytearray, place: int) -> int:
    return struct.unpack_from("<I", data, place)[0]


def _target(data: bytearray, place: int) -> int:
    """Return the place to which the offset at a place refers."""
    return place + _number(data, place)


def _field(data: bytearray, table: int, number: int) -> int:
    """Return the place of a field of a table; 0 if the table does not have it."""
    fields = table - struct.unpack_from("<i", data, table)[0]
    entry = 4 + 2 * number
    if entry >= struct.unpack_from("<H", data, fields)[0]:
        return 0
    offset = struct.unpack_from("<H", data, fields + entry)[0]
    return table + offset if offset else 0
