"""Receiver operating characteristic of p(FRII)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLUMN_WIDTH, axes_or_new, line_looks, styled


@styled
def roc_figure(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float], float]],
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw receiver operating characteristics, FRII the positive class, with AUC in the legend.

    Args:
        curves: by name: (n,) false positive rates, (n,) true positive rates, and AUC.
        title: title above the figure.
        ax: axes to draw on; None: a new figure.

    Returns:
        The figure.
    """
    figure, axes = axes_or_new(ax, COLUMN_WIDTH, COLUMN_WIDTH)
    axes.plot([0, 1], [0, 1], color="0.7", lw=0.7, ls=(0, (4, 3)))
    axes.text(
        0.5,
        0.485,
        "chance",
        color="0.45",
        rotation=45,
        ha="center",
        va="top",
        fontsize=6.5,
        rotation_mode="anchor",
    )
    for (name, (false_positive, true_positive, auc)), (colour, style) in zip(
        curves.items(), line_looks(len(curves)), strict=True
    ):
        axes.plot(
            np.asarray(false_positive),
            np.asarray(true_positive),
            style,
            color=colour,
            label=f"{name} (AUC {auc:.3f})" if name else f"AUC {auc:.3f}",
            clip_on=False,
        )
    axes.set(
        xlabel="false positive rate (FRI taken for FRII)",
        ylabel="true positive rate (recall of FRII)",
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        title=title,
    )
    axes.legend(loc="lower right")
    return figure
