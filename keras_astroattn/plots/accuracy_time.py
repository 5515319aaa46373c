"""Accuracy against training time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import BLUE, COLUMN_WIDTH, ORANGE, axes_or_new, styled


@styled
def accuracy_time_figure(
    runs: Mapping[str, Sequence[tuple[float, float]]],
    reference: tuple[str, float] | None = None,
    time: str = "training time (minutes)",
    ax: Axes | None = None,
) -> Figure:
    """Draw accuracy against training time: a dot for each run, a line for the means.

    Args:
        runs: (time, accuracy from 0 to 1) of each run, by the name of the length.
        reference: name and accuracy of a horizontal line.
        time: label of the axis.
        ax: axes to draw on; None: a new figure.

    Returns:
        The figure.
    """
    figure, axes = axes_or_new(ax, COLUMN_WIDTH, 2.5)
    groups = [np.array(group, float) for group in runs.values()]
    every = np.concatenate(groups)
    means = np.array([group.mean(axis=0) for group in groups])
    axes.plot(every[:, 0], 100 * every[:, 1], "o", ms=3, color=BLUE, alpha=0.5, label="one run")
    axes.plot(means[:, 0], 100 * means[:, 1], "-D", ms=4, color=BLUE, label="mean")
    for name, (at, _) in zip(runs, means, strict=True):
        axes.text(
            at, 0.97, name, transform=axes.get_xaxis_transform(), ha="center", va="top", fontsize=7
        )
    if reference is not None:
        name, accuracy = reference
        axes.axhline(100 * accuracy, ls="--", lw=0.9, color=ORANGE, label=name)
    axes.margins(y=0.2)
    axes.set_xlim(0, 1.15 * every[:, 0].max())
    axes.set_xlabel(time)
    axes.set_ylabel("accuracy (%)")
    axes.legend(loc="lower right")
    return figure
