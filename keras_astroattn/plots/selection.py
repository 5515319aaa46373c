"""Figure of a selection function: the share of sources that get their class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.images import CLASS_NAMES

from .style import COLOURS, TEXT_WIDTH, new_figure, styled


@styled
def selection_figure(rows: Sequence[Mapping], width: float = TEXT_WIDTH) -> Figure:
    """Draw the completeness of each class against size, for each bin of the peak over noise.

    Args:
        rows: rows with `measure` ("completeness"), `of` (a class), `size_low`, `size_high`,
            `ratio_low`, `ratio_high`, `share`, `low` and `high`; the widest bin of the ratio is
            left out.
        width: width of the figure, inches.

    Returns:
        One panel for each class; bars are 95 % intervals.
    """
    shown = [one for one in rows if one["measure"] == "completeness" and one["share"] is not None]
    widest = max((one["size_high"] / one["size_low"] for one in shown), default=1.0)
    shown = [one for one in shown if one["size_high"] / one["size_low"] < widest]
    bins = sorted({(one["ratio_low"], one["ratio_high"]) for one in shown})
    if len(bins) > 1:
        bins.remove((min(low for low, _ in bins), max(high for _, high in bins)))
    figure = new_figure(width, 0.42 * width)
    panels = figure.subplots(1, len(CLASS_NAMES), sharey=True)
    for axes, kind in zip(panels, CLASS_NAMES, strict=True):
        for place, (low, high) in enumerate(bins):
            own = [o for o in shown if o["of"] == kind and (o["ratio_low"], o["ratio_high"]) ==
                   (low, high)]  # fmt: skip
            # Shifted by a few per cent, so that bars do not hide each other.
            x = [np.sqrt(o["size_low"] * o["size_high"]) * 1.04 ** (place - 1.5) for o in own]
            share = np.array([o["share"] for o in own])
            bars = [share - [o["low"] for o in own], [o["high"] for o in own] - share]
            axes.errorbar(x, share, np.clip(bars, 0, None), color=COLOURS[place], marker="o",
                          ms=3, lw=1, capsize=1.5, label=f"{low:g} to {high:g}")  # fmt: skip
        axes.set(xscale="log", xlabel="size (beams)", ylim=(-0.03, 1.03), title=kind)
        ticks = sorted({edge for o in shown for edge in (o["size_low"], o["size_high"])})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    panels[0].set_ylabel("share that gets this label")
    entries = panels[-1].get_legend_handles_labels()
    figure.legend(*entries, title="peak / noise", loc="outside right center")
    return figure
