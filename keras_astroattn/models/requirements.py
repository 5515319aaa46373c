"""What every classifier of images asks of its options."""

from collections.abc import Sequence


def require_classifier(
    input_shape: Sequence[int], *, smallest: int, num_classes: int, dropout: float
) -> None:
    """Raise ValueError, naming the option, where no such network can be built.

    Args:
        input_shape: (height, width, channels).
        smallest: height and width, pixels, below which nothing is left after the pools.
        num_classes: at least 1.
        dropout: in [0, 1).
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
