"""Metrics of several networks side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, COLUMN_WIDTH, TEXT_WIDTH, axes_or_new, new_figure, styled

Point = tuple[float, float, float]
"""A value and the ends of its interval."""

MARKERS = ("o", "s", "D", "^", "v", "P")


@styled
def metric_grid(
    values: np.ndarray,
    row_names: Sequence[str],
    column_names: Sequence[str],
    label: str,
    row_title: str = "",
    column_title: str = "",
    limits: tuple[float, float] | None = None,
    decimals: int = 1,
    spread: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw one metric as a grid of colours and numbers, such as normalization x aggregation.

    Args:
        values: (rows, columns), NaN for empty cells.
        row_names: names at the left of each row.
        column_names: names below each column.
        label: label of the colour bar: the metric and its unit.
        row_title: title of the rows.
        column_title: title of the columns.
        limits: limits of the colours; by default the lowest and highest value.
        decimals: decimals of the numbers.
        spread: (rows, columns), written after ±; NaN for none.
        ax: axes to draw on; None: a new figure.

    Returns:
        The figure.
    """
    values = np.asarray(values, float)
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    high = high if high > low else low + 1.0
    figure, axes = axes_or_new(ax, COLUMN_WIDTH, 0.8 + 0.38 * len(row_names))
    drawn = axes.imshow(np.ma.masked_invalid(values), cmap="cividis", vmin=low, vmax=high)
    axes.set_aspect("auto")
    for (row, column), value in np.ndenumerate(values):
        missing = np.isnan(value)
        text = "–" if missing else f"{value:.{decimals}f}"
        if spread is not None and not np.isnan(spread[row, column]):
            text += f"\n± {spread[row, column]:.{decimals}f}"
        bright = missing or (value - low) / (high - low) > 0.55
        axes.text(column, row, text, ha="center", va="center", color="k" if bright else "w")
    axes.set_xticks(range(len(column_names)), column_names)
    axes.set_yticks(range(len(row_names)), row_names)
    axes.tick_params(length=0)
    axes.set(xlabel=column_title, ylabel=row_title)
    figure.colorbar(drawn, ax=axes, label=label, pad=0.02)
    return figure


@styled
def metric_figure(
    series: Mapping[str, Sequence[Mapping[str, Point]]],
    names: Sequence[str],
    labels: Mapping[str, str],
    reference: Mapping[str, Sequence[float | None]] | None = None,
) -> Figure:
    """Draw metrics of networks in rows, one panel a metric, with their intervals.

    Args:
        series: by name in the legend (for example a protocol): for each network its metrics,
            each a (value, low, high).
        names: names of the networks, one in each row.
        labels: label of the axis by metric.
        reference: by metric: one value for each network, such as the published one, drawn as a
            vertical line; None for none.

    Returns:
        The figure.
    """
    figure = new_figure(COLUMN_WIDTH, 0.85 + 0.42 * len(names))
    panels = figure.subplots(1, len(labels), sharey=True, squeeze=False)[0]
    rows = np.arange(len(names))
    # Offset within a row, so that no interval hides another.
    offsets = (np.arange(len(series)) - (len(series) - 1) / 2) * min(0.22, 0.6 / len(series))
    for axes, (metric, label) in zip(panels, labels.items(), strict=True):
        for number, (name, points) in enumerate(series.items()):
            values = np.array([point[metric] for point in points])
            axes.errorbar(
                values[:, 0],
                rows + offsets[number],
                xerr=np.abs(values[:, 1:] - values[:, :1]).T,
                fmt=MARKERS[number % len(MARKERS)],
                ms=3.5,
                lw=0.9,
                color=COLOURS[number % len(COLOURS)],
                label=name,
            )
        if reference is not None:
            given = [(x, y) for x, y in zip(reference[metric], rows, strict=True) if x is not None]
            if given:
                x, y = zip(*given, strict=True)
                stroke = {"marker": "|", "mew": 1.1, "color": "black", "ls": "none", "zorder": 5}
                axes.plot(x, y, ms=17, **stroke)
                axes.plot([], [], ms=8, label="published", **stroke)
        axes.set_xlabel(label)
        axes.margins(x=0.08)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="0.9", lw=0.5)
        axes.set_axisbelow(True)
    panels[0].set_yticks(rows, names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    handles, texts = panels[0].get_legend_handles_labels()
    # Short handles in two columns fit into the width of a column.
    order = sorted(range(len(texts)), key=lambda place: texts[place] == "published")
    figure.legend(
        [handles[place] for place in order],
        [texts[place] for place in order],
        loc="outside upper center",
        ncols=2,
        handlelength=1.2,
    )
    return figure


@styled
def enrichment_figure(
    values: Mapping[str, Sequence[float]],
    names: Sequence[str],
    width: float = TEXT_WIDTH,
) -> Figure:
    """Draw the enrichment of attention on the source by map, one row a network.

    The range below 1, in which attention prefers the empty sky, is shaded.

    Args:
        values: by map's name (`gate 1`, `mean`, `Grad-CAM`): enrichment of each network,
            positive, NaN if it has no such map.
        names: names of the networks.
        width: width of the figure, inches.

    Returns:
        The figure.
    """
    figure = new_figure(width, 0.65 + 0.23 * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names))
    # Maps of one network are offset vertically, so that none hides another.
    places = np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else [0.0]
    for number, (title, several) in enumerate(values.items()):
        axes.plot(
            np.asarray(several, float),
            rows + places[number],
            MARKERS[number % len(MARKERS)],
            ms=3.6,
            color=COLOURS[number % len(COLOURS)],
            # Open marks after the last colour, so that no two maps look alike.
            mfc="none" if number >= len(COLOURS) else None,
            label=title,
        )
    axes.set_xscale("log")
    finite = np.concatenate([np.asarray(several, float) for several in values.values()])
    finite = finite[np.isfinite(finite)]
    low, high = 0.8 * min(finite.min(), 1.0), 1.25 * max(finite.max(), 1.0)
    axes.set_xlim(low, high)
    axes.axvspan(low, 1.0, color="0.92", lw=0, zorder=0)
    axes.axvline(1.0, color="black", lw=0.8, zorder=1)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    for edge in rows[:-1] + 0.5:
        axes.axhline(edge, color="0.8", lw=0.5, zorder=0.5)
    axes.set_xlabel(
        "attention per pixel of the source over that of the image (below 1: on the empty sky)"
    )
    figure.legend(loc="outside upper center", ncols=len(values), handlelength=1.2)
    return figure
