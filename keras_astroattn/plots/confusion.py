"""Confusion matrix of the classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_astroattn.images import CLASS_NAMES

from .style import axes_or_new, styled


@styled
def confusion_figure(
    confusion: np.ndarray,
    class_names: Sequence[str] = CLASS_NAMES,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw a confusion matrix: share of each true class (colour, %) and number of predictions.

    Args:
        confusion: (classes, classes) counts, [true][predicted].
        class_names: names in the order of the rows.
        title: title above the figure.
        ax: axes to draw on; None: a new figure.

    Returns:
        The figure.
    """
    counts = np.asarray(confusion)
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = axes_or_new(ax, 2.6, 2.15)
    drawn = axes.imshow(share, cmap="cividis", vmin=0, vmax=100)
    for (true, predicted), count in np.ndenumerate(counts):
        axes.text(
            predicted,
            true,
            f"{share[true, predicted]:.1f} %\n({count:,})",
            ha="center",
            va="center",
            color="black" if share[true, predicted] > 55 else "white",
        )
    ticks = range(len(class_names))
    axes.set_xticks(ticks, class_names)
    axes.set_yticks(ticks, class_names, rotation=90, va="center")
    axes.tick_params(length=0)
    total = f"{counts.sum():,} predictions"
    title = f"{title} ({total})" if title else total
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
    figure.colorbar(drawn, ax=axes, label="share of the true class (%)")
    return figure
