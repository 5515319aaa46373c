"""Checks of the options that every image classifier has."""

from collections.abc import Sequence


def require_classifier(
    input_shape: Sequence[int], *, smallest: int, num_classes: int, dropout: float
) -> None:
    """Check the options that decide whether a network can be built.

    Args:
        input_shape: (height, width, channels).
        smallest: least height and width, pixels, that the pools reduce to one pixel or more.
        num_classes: number of classes, at least 1.
        dropout: dropout rate, in [0, 1).

    Raises:
        ValueError: An option is invalid; the message names it.
    """
    if len(input_shape) != 3 or None in input_shape or min(input_shape[:2]) < smallest:
        raise ValueError(
            "input_shape must be (height, width, channels), at least "
            f"{smallest} x {smallest} pixels; got {tuple(input_shape)}"
        )
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1; got {num_classes}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1); got {dropout}")
