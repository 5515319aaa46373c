"""What a network says while its source is deleted patch by patch."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.images import CLASS_NAMES

from .style import (
    ATTENTION_COLOURS,
    COLOURS,
    LINE_STYLES,
    TEXT_WIDTH,
    bar_beside,
    new_figure,
    panel_grid,
    scale_bar,
    show_source,
    styled,
)

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(m,) values with the lower and the upper bound of their interval."""


@styled
def deletion_figure(
    shares: np.ndarray,
    panels: Mapping[str, Mapping[str, Curve]],
    score: str = "probability of the predicted class",
    width: float = TEXT_WIDTH,
) -> Figure:
    """A score against the share of flux deleted, a panel a set of sources, a line an order.

    Args:
        shares: (m,) of the flux, 0 to 1.
        panels: By title, by order of deletion: the curve, shaded over its interval. The
            orders are the same in all panels.
        score: Label of the axis.
        width: Of the figure, inches.
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


@styled
def patches_figure(
    images: np.ndarray,
    patches: np.ndarray,
    orders: Mapping[str, Sequence[np.ndarray]],
    labels: Sequence[int],
    width: float = TEXT_WIDTH,
) -> Figure:
    """One row a source: its image, its patches, and when each of them is deleted.

    Args:
        images: (n, h, w) brightness from 0.
        patches: (n, h, w) int: 0 the sky, 1 to k the patches, below 0 what is no patch.
        orders: By title, for each source its patches in the order of deletion.
        labels: (n,) true classes.
        width: Of the figure, inches.
    """
    figure, panels = panel_grid(width, len(images), 2 + len(orders), (0.2, 0.62, 0.2, 0.05))
    for axes, title in zip(panels[0], ["source", "patches", *orders], strict=True):
        axes.set_title(title, pad=3)
    for row, (image, parts, label) in enumerate(zip(images, patches, labels, strict=True)):
        show_source(panels[row, 0], image)
        panels[row, 0].set_ylabel(CLASS_NAMES[label], labelpad=3)
        # Patches whose numbers follow on each other lie side by side.
        shades = np.where(parts > 0, 0.25 + 0.75 * (parts * 4 % 11) / 10, 0.1)
        panels[row, 1].imshow(np.where(parts == 0, 0, shades), cmap="gray", vmin=0, vmax=1)
        for several, axes in zip(orders.values(), panels[row, 2:], strict=True):
            order = np.asarray(several[row])
            place = np.full(max(parts.max(), *order) + 1, np.nan)  # all, shown or not
            place[order] = np.linspace(1, 0, len(order))
            drawn = axes.imshow(
                np.where(parts > 0, place[np.maximum(parts, 0)], np.nan),
                cmap=ATTENTION_COLOURS,
                vmin=0,
                vmax=1,
            )
            axes.set_facecolor("0.9")
    scale_bar(panels[0, 0], images.shape[-1])
    bar_beside(panels, drawn, "deleted last (0) to first (1)")
    return figure
