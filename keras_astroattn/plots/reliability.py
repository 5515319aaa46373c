"""Reliability diagram of confidence or uncertainty."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import BLUE, COLUMN_WIDTH, ORANGE, new_figure, styled


@styled
def reliability_figure(
    count: Sequence[int],
    stated: Sequence[float],
    observed: Sequence[float],
    kind: str = "confidence",
    title: str = "",
) -> Figure:
    """Draw a reliability diagram: observed against stated values, above their histogram.

    The bars of a calibrated model end on the diagonal. The gap, weighted by the number of
    predictions, is the calibration error.

    Args:
        count: (M,) number of predictions in M equal bins from 0 to 1.
        stated: (M,) mean confidence (or normalized entropy) in each bin.
        observed: (M,) share of correct (or wrong) predictions in each bin.
        kind: "confidence" (of the expected calibration error) or "uncertainty".
        title: title above the figure.

    Returns:
        The figure.
    """
    count, stated, observed = (np.asarray(values, float) for values in (count, stated, observed))
    bins = len(count)
    filled = count > 0
    error = (count * np.abs(observed - stated)).sum() / count.sum()
    if kind == "confidence":
        names = ("confidence (highest class probability)", "share right", "ECE")
    else:
        names = ("uncertainty (normalized entropy)", "share wrong", "UCE")
    figure = new_figure(COLUMN_WIDTH, 3.5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    left = np.arange(bins) / bins
    upper.bar(
        left[filled],
        observed[filled],
        1 / bins,
        align="edge",
        color=BLUE,
        edgecolor="white",
        lw=0.6,
        label=names[1],
    )
    upper.plot(
        stated[filled],
        stated[filled],
        "D",
        ms=3.5,
        color=ORANGE,
        mec="white",
        mew=0.5,
        label=f"mean {kind}",
        zorder=4,
        clip_on=False,
    )
    upper.vlines(
        stated[filled],
        stated[filled],
        observed[filled],
        color=ORANGE,
        lw=0.9,
        zorder=3,
        clip_on=False,
    )
    upper.plot([0, 1], [0, 1], color="0.5", lw=0.7, ls=(0, (4, 3)), zorder=2)
    upper.set(ylabel=names[1], ylim=(0, 1.03), title=title)
    upper.legend(loc="upper left", title=f"{names[2]} {error:.3f}", alignment="left")
    lower.bar(left, count, 1 / bins, align="edge", color="0.55", edgecolor="white", lw=0.6)
    lower.set(xlabel=names[0], ylabel="predictions", yscale="log")
    # With two classes, no confidence is below a half.
    lower.set_xlim(0.5 if kind == "confidence" and not count[: bins // 2].any() else 0, 1)
    lower.set_ylim(0.7, 2 * max(count.max(), 1))
    return figure
