"""Fix the batch dimension of a .tflite file, which LiteRT.js requires."""

import numpy as np
from ai_edge_litert.schema_py_generated import Model

from keras_astroattn.errors import InputError


def fix_batch(network: bytes) -> bytes:
    """Return a network whose shape signatures state a batch of one image.

    The converter writes -1 for the batch in the `shape_signature` of each tensor that depends
    on it. LiteRT.js refuses an image of batch 1 for such an input. Only these numbers change.
    The interpreter of Python still resizes the input, so that it accepts batches.

    Args:
        network: bytes of the network, without metadata.

    Returns:
        Bytes of the same length.

    Raises:
        InputError: Another axis than the first is dynamic.
    """
    content = bytearray(network)
    model = Model.GetRootAs(content, 0)
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            if not tensor.ShapeSignatureLength():
                continue
            signature = tensor.ShapeSignatureAsNumpy()  # a view into `content`
            if np.any(signature[1:] == -1):
                raise InputError(
                    f"tensor {tensor.Name().decode()} has the dynamic shape {signature.tolist()}: "
                    "only the batch may be dynamic"
                )
            signature[:1][signature[:1] == -1] = 1
    return bytes(content)
