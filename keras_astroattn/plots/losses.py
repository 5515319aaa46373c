"""Loss and accuracy of a training by epoch."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import BLUE, COLUMN_WIDTH, ORANGE, new_figure, styled


@styled
def loss_figure(
    loss: np.ndarray,
    validation_loss: np.ndarray | None = None,
    accuracy: np.ndarray | None = None,
    validation_accuracy: np.ndarray | None = None,
    epochs: np.ndarray | None = None,
    title: str = "",
    loss_label: str = "cross-entropy loss (nats)",
) -> Figure:
    """Draw training and validation loss by epoch, above the accuracy if it is given.

    The epoch of the lowest validation loss, whose weights are kept, is marked.

    Args:
        loss: (n,) loss of the training images.
        validation_loss: (n,) loss of the validation images.
        accuracy: (n,) accuracy of the training images, from 0 to 1.
        validation_accuracy: (n,) accuracy of the validation images, from 0 to 1.
        epochs: (n,) numbers of the epochs; 1 to n by default.
        title: title above the figure.
        loss_label: label of the loss axis.

    Returns:
        The figure.
    """
    epochs = np.arange(1, len(loss) + 1) if epochs is None else np.asarray(epochs)
    with_accuracy = accuracy is not None or validation_accuracy is not None
    figure = new_figure(COLUMN_WIDTH, 3.6 if with_accuracy else 2.3)
    panels = figure.subplots(1 + with_accuracy, 1, sharex=True, squeeze=False)[:, 0]
    _lines(panels[0], epochs, loss, validation_loss)
    if with_accuracy:
        _lines(panels[1], epochs, accuracy, validation_accuracy, 100)
        panels[1].set_ylabel("accuracy (%)")
    panels[0].set_ylabel(loss_label)
    panels[0].set_title(title)
    if validation_loss is not None and np.isfinite(validation_loss).any():
        best = int(np.nanargmin(validation_loss))
        for axes in panels:
            axes.axvline(epochs[best], color="0.6", lw=0.7, zorder=0)
        panels[0].plot(
            epochs[best],
            validation_loss[best],
            "o",
            ms=4,
            mfc="white",
            mec=ORANGE,
            label=f"lowest, epoch {epochs[best]}",
        )
    panels[0].legend()
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _lines(
    axes: Axes,
    epochs: np.ndarray,
    training: np.ndarray | None,
    validation: np.ndarray | None,
    factor: float = 1.0,
) -> None:
    # A single epoch is a point, which a line would not show.
    marker = "." if len(epochs) < 3 else None
    for values, colour, style, label in (
        (training, BLUE, "-", "training"),
        (validation, ORANGE, "--", "validation"),
    ):
        if values is not None:
            axes.plot(
                epochs, factor * np.asarray(values), style, color=colour, label=label, marker=marker
            )
