"""Score of a class against the share of flux that was deleted."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from .style import COLOURS, LINE_STYLES, TEXT_WIDTH, new_figure, styled

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(m,) values with the lower and the upper bound of their interval."""


@styled
def deletion_figure(
    shares: np.ndarray,
    panels: Mapping[str, Mapping[str, Curve]],
    score: str = "probability of the predicted class",
    width: float = TEXT_WIDTH,
) -> Figure:
    """Draw a score against the deleted share of flux: a panel for each set, a line for each order.

    Args:
        shares: (m,) shares of the flux, 0 to 1.
        panels: by title and order of deletion: a curve and its interval, which is shaded. All
            panels have the same orders.
        score: label of the axis.
        width: width of the figure, inches.

    Returns:
        The figure.
    """
    figure = new_figure(width, 0.36 * width + 0.35)
    several = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, curves) in zip(several, panels.items(), strict=True):
        for number, (name, (value, low, high)) in enumerate(curves.items()):
            colour = COLOURS[number % len(COLOURS)]
            axes.fill_between(100 * shares, low, high, color=colour, alpha=0.12, lw=0)
            axes.plot(
                100 * shares,
                value,
                LINE_STYLES[number % len(LINE_STYLES)],
                color=colour,
                label=name,
            )
        axes.set_title(title)
        axes.set_xlabel("flux deleted (%)")
    several[0].set_xlim(0, 100)
    several[0].set_ylabel(score)
    handles, names = several[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure
