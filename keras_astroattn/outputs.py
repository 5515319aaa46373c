"""Read the outputs of a network in NumPy, and write its probabilities as text."""

from collections.abc import Mapping

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the class probabilities, exp(z) / sum exp(z) over the last axis.

    Args:
        logits: (..., classes), any floating dtype.

    Returns:
        (..., classes), of the dtype of the logits.
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def probability_text(probability: float) -> str:
    """Format a probability with the digits that tell it from 0 and 1.

    Args:
        probability: from 0 to 1.

    Returns:
        Two to four decimals; beyond these "> 0.9999" or "< 0.0001".

    Example:
        >>> [probability_text(p) for p in (0.381, 0.9982, 0.99964, 1.0)]
        ['0.38', '0.998', '0.9996', '> 0.9999']
    """
    for digits in (2, 3, 4):
        text = f"{probability:.{digits}f}"
        if 0 < float(text) < 1:
            return text
    return "> 0.9999" if probability > 0.5 else "< 0.0001"


def gate_maps(outputs: Mapping[str, object]) -> list[np.ndarray]:
    """Return attention maps of the gates, gate 1 first.

    Args:
        outputs: named outputs of a network; the map of gate k is `attention_k`.

    Returns:
        One array (batch, h, w) for each gate; none for a network without gates.
    """
    maps = []
    while (name := f"attention_{len(maps) + 1}") in outputs:
        maps.append(np.asarray(outputs[name]))
    return maps


def resize_matrix(size: int, target: int) -> np.ndarray:
    """Return the weights of bilinear resizing along one axis, with half-pixel centres.

    A target pixel outside the centres of the first and last pixel has the value of that pixel.

    Args:
        size: number of pixels of the map.
        target: number of pixels of the resized map.

    Returns:
        (target, size) float64; each row has at most two weights, and sum 1.
    """
    place = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
    low = np.minimum(place.astype(int), max(size - 2, 0))
    matrix = np.zeros((target, size))
    matrix[np.arange(target), low] = 1 - (place - low)
    matrix[np.arange(target), np.minimum(low + 1, size - 1)] += place - low
    return matrix


def signed_evidence(outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the evidence of every pixel for the second class minus that for the first.

    Args:
        outputs: outputs of a network by name.

    Returns:
        (n, height, width), E(FRII) - E(FRI), whose sum over the pixels is the difference of the
        logits. None for networks without evidence, and for more than two classes.
    """
    if "evidence" not in outputs or outputs["evidence"].shape[-1] != 2:
        return None
    return outputs["evidence"][..., 1] - outputs["evidence"][..., 0]
