"""Attention maps of sources, of epochs and of groups."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke

from keras_astroattn.images import CLASS_NAMES, PIXEL_SCALE

from .evidence import (
    EVIDENCE_KEY,
    EVIDENCE_LABEL,
    evidence_limit,
    mark_window,
    show_evidence,
    source_window,
    zoom,
)
from .style import (
    ATTENTION_COLOURS,
    COLUMN_WIDTH,
    TEXT_WIDTH,
    bar_below,
    bar_beside,
    corner,
    panel_grid,
    scale_bar,
    show_source,
    styled,
)

CONTOUR_LEVELS = (0.25, 0.5, 0.75)
"""Levels of the contours of attention, as fractions of the range of the map."""


@styled
def attention_figure(
    images: np.ndarray,
    gates: Sequence[np.ndarray],
    mean: np.ndarray,
    labels: Sequence[int],
    names: Sequence[str] | None = None,
    width: float | None = None,
    gamma: float = 1.0,
    source: str = "source",
    evidence: np.ndarray | None = None,
) -> Figure:
    """Draw each source in a row: its image, each gate's map, their mean, and an overlay.

    The last panel shows the source under contours of the mean attention, at a quarter,
    half and three quarters of its range. With evidence it shows the evidence under contours of
    the source, relative to the largest of that source; a small source is enlarged, and a dashed
    line on its image shows how far the panel reaches. All maps of a gate share one colour scale,
    shown below its column, so that sources can be compared.

    Args:
        images: (n, h, w) brightness from 0, e.g. uint8.
        gates: one (n, h', w') array for each gate, coarsest first.
        mean: (n, h, w) mean attention.
        labels: (n,) true classes.
        names: (n,) texts written next to the class of each row.
        width: width of the figure, inches; by default a column for one gate, otherwise the page.
        gamma: exponent of the colour scale; 0.5 or less shows the few bright pixels of softmax
            attention and their surroundings.
        source: name of the images.
        evidence: (n, h, w) signed evidence, E(FRII) - E(FRI), if the network gives it.

    Returns:
        The figure.

    Example:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> image, gate = random.random((1, 150, 150)), random.random((1, 18, 18))
        >>> figure = attention_figure(image, [gate], mean=image, labels=[0])
    """
    columns = len(gates) + 3
    width = (COLUMN_WIDTH if columns <= 4 else TEXT_WIDTH) if width is None else width
    left = 0.2 if names is None else 0.32
    bottom = 0.42 if evidence is None else 0.62
    figure, panels = panel_grid(width, len(images), columns, (left, 0.05, 0.2, bottom))
    titles = [source, *(f"gate {k + 1}" for k in range(len(gates))), "mean"]
    titles.append("overlay" if evidence is None else "evidence")
    for axes, text in zip(panels[0], titles, strict=True):
        axes.set_title(text, pad=3)
    sources = [show_source(axes, image) for axes, image in zip(panels[:, 0], images, strict=True)]
    for row, axes in enumerate(panels[:, -1]):
        if evidence is None:
            show_source(axes, images[row])
            contours(axes, mean[row])
        else:
            relative = evidence[row] / evidence_limit(evidence[row])
            signed = show_evidence(axes, relative, images[row], 1.0)
            window = source_window(images[row], evidence[row])
            zoom(axes, window, PIXEL_SCALE)
            mark_window(panels[row, 0], window)
    for row, label in enumerate(labels):
        name = CLASS_NAMES[label] if names is None else f"{CLASS_NAMES[label]}\n{names[row]}"
        panels[row, 0].set_ylabel(name, labelpad=3)
    scale_bar(panels[0, 0], images.shape[-1])
    bar_below(panels[-1, 0], sources[-1], "brightness")
    for column, maps in enumerate([*gates, mean], start=1):
        limits = (float(np.min(maps)), float(np.max(maps)))
        drawn = [
            show_map(axes, one, limits, images.shape[-2:], gamma)
            for axes, one in zip(panels[:, column], maps, strict=True)
        ]
        bar_below(panels[-1, column], drawn[0], "attention")
    if evidence is None:
        panels[-1, -1].set_xlabel("contours:\n¼, ½, ¾", labelpad=3, fontsize=6.5)
    else:
        bar_below(panels[-1, -1], signed, EVIDENCE_KEY)
    return figure


@styled
def attention_progress(
    image: np.ndarray,
    maps: Mapping[int, np.ndarray],
    label: int | None = None,
    columns: int = 6,
    width: float = TEXT_WIDTH,
    shared_scale: bool = True,
    source: str = "source",
    signed: bool = False,
) -> Figure:
    """Draw a source, then its attention or signed evidence epoch by epoch.

    Args:
        image: (h, w) brightness from 0.
        maps: (h', w') maps by epoch.
        label: true class, written above the source.
        columns: largest number of panels in a row.
        width: width of the figure, inches.
        shared_scale: one colour scale for all epochs; otherwise each runs from its own
            minimum to its own maximum.
        source: name of the image.
        signed: the maps are signed evidence, E(FRII) - E(FRI), each relative to its largest; a
            small source is enlarged.
    """
    columns = min(columns, len(maps) + 1)
    rows = -(-(len(maps) + 1) // columns)
    figure, panels = panel_grid(width, rows, columns, (0.05, 0.64, 0.2, 0.05), row_gap=0.2)
    flat = panels.ravel()
    show_source(flat[0], image)
    scale_bar(flat[0], image.shape[-1])
    flat[0].set_title(source if label is None else f"{source} ({CLASS_NAMES[label]})", pad=3)
    stack = np.concatenate([np.ravel(one) for one in maps.values()])
    limits = (float(stack.min()), float(stack.max())) if shared_scale else (0.0, 1.0)
    if signed:
        window = source_window(image)
        mark_window(flat[0], window)
    for axes, (epoch, one) in zip(flat[1:], maps.items(), strict=False):
        if signed:
            drawn = show_evidence(axes, one / evidence_limit(one), image, 1.0)
            zoom(axes, window, PIXEL_SCALE)
        else:
            drawn = show_map(axes, one if shared_scale else rescaled(one), limits, image.shape)
        axes.set_title(f"epoch {epoch}", pad=3)
    for axes in flat[len(maps) + 1 :]:
        axes.set_axis_off()
    label = "attention" if shared_scale else "attention (relative)"
    bar_beside(panels, drawn, EVIDENCE_LABEL if signed else label)
    return figure


@styled
def map_grid(
    maps: Sequence[Sequence[np.ndarray | None]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    label: str = "attention",
    image: np.ndarray | None = None,
    shared_scale: bool = False,
    row_title: str = "",
    column_title: str = "",
    width: float = COLUMN_WIDTH,
    gamma: float = 1.0,
    colours: str = ATTENTION_COLOURS,
) -> Figure:
    """Draw a grid of maps, for example normalization x aggregation or true x predicted class.

    Args:
        maps: rows of (h, w) arrays; None leaves a panel empty.
        row_names: names at the left of each row.
        column_names: names above each column.
        label: label of the colour bar.
        image: (h, w) image of a source, whose outline is drawn on every map.
        shared_scale: one colour scale in the units of the maps; otherwise each panel runs
            from its own minimum to its own maximum.
        row_title: title of the rows.
        column_title: title of the columns.
        width: width of the figure, inches.
        gamma: exponent of the colour scale.
        colours: name of the colormap; that of sources for mean images.

    Returns:
        The figure.
    """
    rows, columns = len(row_names), len(column_names)
    left, top = (0.35 if row_title else 0.2), (0.32 if column_title else 0.2)
    figure, panels = panel_grid(width, rows, columns, (left, 0.62, top, 0.05))
    flat = [one for row in maps for one in row]
    present = [one for one in flat if one is not None]
    limits = (0.0, 1.0)
    if shared_scale:
        limits = (float(min(map(np.min, present))), float(max(map(np.max, present))))
    for axes, one in zip(panels.ravel(), flat, strict=True):
        if one is None:
            axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes)
            continue
        values = one if shared_scale else rescaled(one)
        size = (one if image is None else image).shape
        drawn = show_map(axes, values, limits, size, gamma, colours)
        if image is not None:
            outline(axes, image)
    side = corner(panels[0, 0])[2]
    # A letter is about 0.6 of its size wide, and a name must not be wider than its panel.
    longest = max(map(len, [*row_names, *column_names]))
    size = min(7.5, 72 * side / (0.6 * longest))
    for axes, name in zip(panels[:, 0], row_names, strict=True):
        axes.set_ylabel(name, fontsize=size, labelpad=3)
    for axes, name in zip(panels[0], column_names, strict=True):
        axes.set_title(name, fontsize=size, pad=3)
    middle_x = (panels[0, 0].get_position().x0 + panels[0, -1].get_position().x1) / 2
    middle_y = (panels[0, 0].get_position().y1 + panels[-1, 0].get_position().y0) / 2
    height = figure.get_size_inches()[1]
    figure.text(0.02 / width, middle_y, row_title, rotation=90, va="center", ha="left", size=7.5)
    figure.text(middle_x, 1 - 0.02 / height, column_title, va="top", ha="center", size=7.5)
    bar_beside(panels, drawn, label if shared_scale else f"{label} (relative)")
    return figure


def rescaled(one: np.ndarray) -> np.ndarray:
    """Scale a map to 0 at its minimum and 1 at its maximum; 0 everywhere if it is constant."""
    span = float(np.ptp(one))
    return (one - np.min(one)) / (span if span > 0 else 1.0)


def show_map(
    axes: Axes,
    one: np.ndarray,
    limits: tuple[float, float],
    size: tuple[int, int],
    gamma: float = 1.0,
    colours: str = ATTENTION_COLOURS,
) -> AxesImage:
    """Draw an (h', w') map over the pixels of an image of `size`, with half-pixel centres."""
    height, width = size
    return axes.imshow(
        one,
        cmap=colours,
        norm=PowerNorm(gamma, *limits, clip=True),
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )


def contours(axes: Axes, one: np.ndarray) -> None:
    """Draw contours of a map at a quarter, half and three quarters of its range."""
    low, span = float(np.min(one)), float(np.ptp(one))
    if span > 0:
        axes.contour(
            one,
            levels=[low + level * span for level in CONTOUR_LEVELS],
            cmap=ATTENTION_COLOURS,
            vmin=low,
            vmax=low + span,
            linewidths=0.8,
        )


def outline(axes: Axes, image: np.ndarray) -> None:
    """Draw the boundary of a source's pixels (those above 0), white edged with black."""
    if 0 < (image > 0).sum() < image.size:
        drawn = axes.contour(image > 0, levels=[0.5], colors="white", linewidths=0.5)
        drawn.set_path_effects([withStroke(linewidth=1.1, foreground="black")])
