"""Attention beside what the gradients of the same network say of the same image."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_astroattn.images import CLASS_NAMES

from .attention import outline, rescaled, show_map
from .metrics import MARKERS
from .style import (
    COLOURS,
    TEXT_WIDTH,
    bar_beside,
    new_figure,
    panel_grid,
    scale_bar,
    show_source,
    styled,
)

SMALLEST_FACTOR = 0.01
"""Enrichments below this are not told apart."""


@styled
def reading_figure(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    labels: Sequence[int],
    names: Sequence[str] | None = None,
    enrichment: Mapping[str, np.ndarray] | None = None,
    width: float = TEXT_WIDTH,
    gamma: float = 0.5,
) -> Figure:
    """One row a source: its image, then every map of it, the source outlined on each.

    Attention and gradients have no unit in common, so that each panel runs from its own
    minimum to its own maximum. A map that is the same everywhere (gradients vanish where a
    network's answer is saturated) is named so.

    Args:
        images: (n, h, w) brightness from 0, e.g. uint8.
        maps: By what is written above the column, such as `gate 1` or `Grad-CAM`:
            (n, h', w') arrays of any resolution.
        labels: (n,) true classes.
        names: (n,) what is written at each row beside the class.
        enrichment: By the same names: (n,) attention per pixel of the source over that of
            the image, written into each panel.
        width: Of the figure, inches.
        gamma: Maps are stretched by this power: saliency, and softmax the more, have a few
            bright pixels that would leave the rest black.
    """
    left = 0.2 if names is None else 0.32
    figure, panels = panel_grid(width, len(images), len(maps) + 1, (left, 0.62, 0.2, 0.05))
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        show_source(panels[row, 0], image)
        name = CLASS_NAMES[label] if names is None else f"{CLASS_NAMES[label]}\n{names[row]}"
        panels[row, 0].set_ylabel(name, labelpad=3)
    scale_bar(panels[0, 0], images.shape[-1])
    for axes, title in zip(panels[0], ["source", *maps], strict=True):
        axes.set_title(title, pad=3)
    for column, (title, several) in enumerate(maps.items(), start=1):
        for row, (image, one) in enumerate(zip(images, several, strict=True)):
            axes = panels[row, column]
            drawn = show_map(axes, rescaled(one), (0.0, 1.0), image.shape, gamma)
            outline(axes, image)
            if np.ptp(one) == 0:
                _write(axes, 0.5, "constant", "center")
            elif enrichment is not None:
                _write(axes, 0.05, _factor(enrichment[title][row]), "left")
    bar_beside(panels, drawn, "share of each map's range")
    return figure


def _write(axes: Axes, place: float, text: str, side: str) -> None:
    """White on a dark ground, which hides the outlines of what lies beneath."""
    ground = {"boxstyle": "square,pad=0.15", "facecolor": "black", "alpha": 0.7, "linewidth": 0}
    axes.text(
        place,
        0.05,
        text,
        color="white",
        fontsize=6.5,
        ha=side,
        va="bottom",
        bbox=ground,
        transform=axes.transAxes,
    )


def _factor(value: float) -> str:
    if value < SMALLEST_FACTOR:
        return f"× <{SMALLEST_FACTOR}"
    return f"× {value:.2g}" if value < 100 else f"× {value:.0f}"


@styled
def enrichment_figure(
    values: Mapping[str, Sequence[float]],
    names: Sequence[str],
    width: float = TEXT_WIDTH,
) -> Figure:
    """How much more attention than its part the source gets, map by map, a row a network.

    Left of 1, where a network looks at the empty sky rather than at the source, is shaded.

    Args:
        values: By map's name (`gate 1`, `mean`, `Grad-CAM`): enrichment of each network,
            positive, NaN where it has no such map.
        names: Of the networks.
        width: Of the figure, inches.
    """
    figure = new_figure(width, 0.65 + 0.23 * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names))
    # Maps of one network lie a little below each other, so that none hides another.
    places = np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else [0.0]
    for number, (title, several) in enumerate(values.items()):
        axes.plot(
            np.asarray(several, float),
            rows + places[number],
            MARKERS[number % len(MARKERS)],
            ms=3.6,
            color=COLOURS[number % len(COLOURS)],
            # Open where colours come round again, so that no two maps look alike.
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
