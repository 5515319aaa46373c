"""Rates at which sources are predicted as the other class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import COLUMN_WIDTH, line_looks, new_figure, styled


@styled
def false_rate_figure(
    rates: Mapping[str, Sequence[float] | np.ndarray], threshold: float | None = None
) -> Figure:
    """Draw the sources of each group, sorted by how often they are misclassified.

    The upper panel shows the rate of each source, highest first. The lower panel shows the share
    of a group's sources with at least this rate, so that groups of different size can be
    compared.

    Args:
        rates: by group (for example class and confidence): a rate from 0 to 1 for each source.
        threshold: a rate to mark, for example 0.95.

    Returns:
        The figure.
    """
    figure = new_figure(COLUMN_WIDTH, 4.0)
    upper, lower = figure.subplots(2, 1)
    for (name, values), (colour, style) in zip(rates.items(), line_looks(len(rates)), strict=True):
        falling = np.sort(np.asarray(values, float))[::-1]
        if not len(falling):
            continue
        marker = {"marker": ".", "ms": 3}
        look = {"color": colour, "ls": style, "lw": 1.0}
        upper.plot(np.arange(1, len(falling) + 1), 100 * falling, **look, **marker)
        # Each rate is reached by all sources up to its place.
        x = 100 * np.append(falling, 0.0)
        y = 100 * np.append(np.arange(1, len(falling) + 1), len(falling)) / len(falling)
        lower.step(
            np.append(100.0, x),
            np.append(0.0, y),
            where="post",
            label=f"{name} ({len(falling)})",
            **look,
        )
    if threshold is not None:
        line = {"color": "0.55", "lw": 0.7, "ls": (0, (4, 3)), "zorder": 0}
        upper.axhline(100 * threshold, **line)
        lower.axvline(100 * threshold, **line)
        place = {"x": 0.99, "y": 100 * threshold - 2, "ha": "right", "va": "top"}
        text = f"{100 * threshold:g} %"
        upper.text(s=text, color="0.35", transform=upper.get_yaxis_transform(), **place)
    upper.set(
        xlabel="source in its group, worst first",
        ylabel="false classifications (%)",
        ylim=(-3, 103),
    )
    upper.xaxis.set_major_locator(MaxNLocator(integer=True))
    lower.set(
        xlabel="false classifications of a source (%), at least",
        ylabel="share of the group (%)",
        xlim=(0, 100),
        ylim=(0, None),
    )
    lower.legend(title="class and label (sources)", alignment="left")
    return figure


@styled
def group_rates_figure(rates: Mapping[str, Sequence[float] | np.ndarray], bins: int = 10) -> Figure:
    """Draw a histogram of the misclassification rates of each group.

    Args:
        rates: by group: a rate from 0 to 1 for each source.
        bins: number of bins of equal width.

    Returns:
        The figure.
    """
    figure = new_figure(COLUMN_WIDTH, 0.55 + 0.75 * len(rates))
    panels = figure.subplots(len(rates), 1, sharex=True, squeeze=False)[:, 0]
    edges = np.linspace(0, 100, bins + 1)
    for axes, (name, values), (colour, _) in zip(
        panels, rates.items(), line_looks(len(rates)), strict=True
    ):
        counts, _ = np.histogram(100 * np.asarray(values, float), edges)
        bars = axes.bar(edges[:-1], counts, 100 / bins, align="edge", color=colour, ec="w", lw=0.6)
        axes.bar_label(bars, [str(count) if count else "" for count in counts], fontsize=6)
        axes.set_ylim(0, 1.3 * max(counts.max(), 1))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_title(f"{name}: {len(values)} sources", y=0.68, fontsize=6.5)
    panels[-1].set(xlabel="false classifications of a source (%)", xlim=(0, 100))
    figure.supylabel("sources", fontsize=7.5)
    return figure
