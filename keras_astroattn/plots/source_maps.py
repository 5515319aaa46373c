"""Sources with their attention maps, gradient maps and patches."""

import textwrap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_astroattn.images import CLASS_NAMES

from .attention import outline, rescaled, show_map
from .evidence import show_evidence
from .style import (
    ATTENTION_COLOURS,
    TEXT_WIDTH,
    bar_beside,
    panel_grid,
    scale_bar,
    show_source,
    styled,
)

SMALLEST_FACTOR = 0.01
"""Smallest enrichment that is written as a number."""


@styled
def source_maps_figure(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    labels: Sequence[int],
    names: Sequence[str] | None = None,
    enrichment: Mapping[str, np.ndarray] | None = None,
    width: float = TEXT_WIDTH,
    gamma: float = 0.5,
    signed: Collection[str] = (),
) -> Figure:
    """Draw each source in a row: its image, and its maps with the outline of the source.

    Attention and gradients have no common unit. The colours of each panel therefore run from
    its minimum to its maximum. A constant map is marked as such; gradients vanish where the
    logits of a network saturate.

    Args:
        images: (n, h, w) brightness from 0, for example uint8.
        maps: by title of the column, such as `gate 1` or `Grad-CAM`: (n, h', w') arrays of any
            resolution.
        labels: (n,) true classes.
        names: (n,) names of the sources, written below their classes.
        enrichment: by the same titles: (n,) mean attention on the source over mean attention on
            the image, written into each panel.
        width: width of the figure, inches.
        width: width of the figure, inches.
        gamma: exponent of the colour scale. Saliency and softmax have few bright pixels, and
            need a small one.
        signed: titles of maps that are signed evidence, drawn by `show_evidence`.

    Returns:
        The figure.
    """
    left = 0.2 if names is None else 0.32
    titles, top = _wrapped(["source", *maps])
    figure, panels = panel_grid(width, len(images), len(titles), (left, 0.62, top, 0.05))
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        show_source(panels[row, 0], image)
        name = CLASS_NAMES[label] if names is None else f"{CLASS_NAMES[label]}\n{names[row]}"
        panels[row, 0].set_ylabel(name, labelpad=3)
    scale_bar(panels[0, 0], images.shape[-1])
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, pad=3)
    for column, (title, several) in enumerate(maps.items(), start=1):
        for row, (image, one) in enumerate(zip(images, several, strict=True)):
            axes = panels[row, column]
            if title in signed:
                show_evidence(axes, one, image)
                continue
            drawn = show_map(axes, rescaled(one), (0.0, 1.0), image.shape, gamma)
            outline(axes, image)
            if np.ptp(one) == 0:
                _write(axes, 0.5, "constant", "center")
            elif enrichment is not None:
                _write(axes, 0.05, _factor(enrichment[title][row]), "left")
    bar_beside(panels, drawn, "share of each map's range")
    return figure


def _write(axes: Axes, place: float, text: str, side: str) -> None:
    """Write white text on a dark background."""
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


def _wrapped(titles: Sequence[str]) -> tuple[list[str], float]:
    """Return titles in lines of 14 characters, and the margin above the panels, inches."""
    wrapped = [textwrap.fill(title, 14) for title in titles]
    return wrapped, 0.07 + 0.13 * (1 + max(title.count("\n") for title in wrapped))


@styled
def patches_figure(
    images: np.ndarray,
    patches: np.ndarray,
    orders: Mapping[str, Sequence[np.ndarray]],
    labels: Sequence[int],
    width: float = TEXT_WIDTH,
) -> Figure:
    """Draw each source in a row: its image, its patches, and the orders of their deletion.

    Args:
        images: (n, h, w) brightness from 0.
        patches: (n, h, w) int: 0 on the sky, 1 to k the patches, negative for other pixels.
        orders: by title: the patches of each source in the order of deletion.
        labels: (n,) true classes.
        width: width of the figure, inches.

    Returns:
        The figure.
    """
    titles, top = _wrapped(["source", "patches", *orders])
    figure, panels = panel_grid(width, len(images), len(titles), (0.2, 0.62, top, 0.05))
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, pad=3)
    for row, (image, parts, label) in enumerate(zip(images, patches, labels, strict=True)):
        show_source(panels[row, 0], image)
        panels[row, 0].set_ylabel(CLASS_NAMES[label], labelpad=3)
        # Patches with consecutive numbers are neighbours and need different shades.
        shades = np.where(parts > 0, 0.25 + 0.75 * (parts * 4 % 11) / 10, 0.1)
        panels[row, 1].imshow(np.where(parts == 0, 0, shades), cmap="gray", vmin=0, vmax=1)
        for several, axes in zip(orders.values(), panels[row, 2:], strict=True):
            order = np.asarray(several[row])
            place = np.full(max(parts.max(), *order) + 1, np.nan)  # of all patches
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
