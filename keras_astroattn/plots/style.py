"""Common style of the figures: sizes, fonts, colours, and saving.

Figures are drawn at the size at which they are printed, so that 7-point type is 7-point type in a
column. The colours are those of Okabe & Ito, the colormaps are viridis-like: both suit every
common form of colour blindness, and grey printers.
"""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from keras_astroattn.colours import AMBER, BLUE, GREEN, ORANGE, PINK, SKY
from keras_astroattn.files import atomic_path
from keras_astroattn.images import PIXEL_SCALE

COLUMN_WIDTH = 3.4
"""Width of a journal's column, inches."""

TEXT_WIDTH = 7.0
"""Width of a journal's page of two columns, inches."""

COLOURS = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY)
"""Okabe and Ito's colours, in the order in which lines take them (yellow is too pale)."""

LINE_STYLES = ("-", "--", "-.", ":")
"""Line styles, so that lines differ without colour too."""

CLASS_COLOURS = (BLUE, ORANGE)
"""Colours of FRI and FRII."""

SOURCE_COLOURS = "gray"
"""Colour map of radio images."""

ATTENTION_COLOURS = "viridis"
"""Colour map of attention."""

STYLE = {
    "font.family": "sans-serif",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "legend.fontsize": 6.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    "figure.constrained_layout.hspace": 0.02,
    "figure.constrained_layout.wspace": 0.02,
    "image.interpolation": "nearest",
    "image.origin": "upper",
    "pdf.fonttype": 42,
    "svg.hashsalt": "keras-astroattn",
}
"""matplotlib settings, applied around each figure and nowhere else."""

RESOLUTION = 300
"""Dots per inch of PNG files and of rasters within PDF."""

Parameters = ParamSpec("Parameters")


def styled(draw: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Decorate a function that returns a Figure, so that it is drawn with `STYLE` alone."""

    @functools.wraps(draw)
    def drawn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float = COLUMN_WIDTH, height: float | None = None) -> Figure:
    """Return an empty figure with constrained layout; sizes in inches, 3:4 by default."""
    return Figure(figsize=(width, 0.75 * width if height is None else height), layout="constrained")


def axes_or_new(
    ax: Axes | None, width: float = COLUMN_WIDTH, height: float | None = None
) -> tuple[Figure, Axes]:
    """Return the figure of given axes and these axes, or a new figure and its axes.

    Args:
        ax: the axes, or None.
        width: width of a new figure, inches.
        height: height of a new figure, inches; by default three quarters of the width.
    """
    if ax is not None:
        return ax.figure, ax
    figure = new_figure(width, height)
    return figure, figure.subplots()


def panel_grid(
    width: float,
    rows: int,
    columns: int,
    margins: tuple[float, float, float, float],
    gap: float = 0.04,
    row_gap: float | None = None,
) -> tuple[Figure, np.ndarray]:
    """Return a figure of square panels at exact places; its height follows from its width.

    Images in rows must be aligned to the pixel. An automatic layout with space for colour bars
    does not ensure this (and takes seconds).

    Args:
        width: width of the figure, inches.
        rows: number of rows.
        columns: number of columns.
        margins: left, right, top and bottom margin of the panels, inches.
        gap: gap between columns, inches.
        row_gap: gap between rows, inches; `gap` by default.

    Returns:
        The figure, and its (rows, columns) array of axes without ticks.
    """
    left, right, top, bottom = margins
    row_gap = gap if row_gap is None else row_gap
    side = (width - left - right - (columns - 1) * gap) / columns
    height = top + bottom + rows * side + (rows - 1) * row_gap
    figure = Figure(figsize=(width, height))
    panels = np.empty((rows, columns), dtype=object)
    for row, column in np.ndindex(rows, columns):
        x = left + column * (side + gap)
        y = height - top - (row + 1) * side - row * row_gap
        panels[row, column] = place(figure, x, y, side, side)
        panels[row, column].set(xticks=[], yticks=[])
    return figure, panels


def place(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Add axes whose lower left corner and size are given in inches."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes(
        (x / full_width, y / full_height, width / full_width, height / full_height)
    )


def corner(axes: Axes) -> tuple[float, float, float, float]:
    """Return left and lower edge, width and height of axes in inches, as `place` takes them."""
    box, (width, height) = axes.get_position(), axes.figure.get_size_inches()
    return box.x0 * width, box.y0 * height, box.width * width, box.height * height


def bar_below(
    axes: Axes, drawn: AxesImage, label: str, ticks: int = 2, offset: float = 0.05
) -> None:
    """Draw a horizontal colour bar below axes, as wide as they are, labelled at its ends.

    Args:
        axes: the axes.
        drawn: the image on them.
        label: label of the bar.
        ticks: number of ticks.
        offset: distance from the axes, inches.
    """
    x, y, width, _ = corner(axes)
    bar = axes.figure.colorbar(
        drawn,
        cax=place(axes.figure, x, y - offset - 0.06, width, 0.06),
        orientation="horizontal",
    )
    values = np.linspace(*drawn.get_clim(), ticks)
    bar.set_ticks(values, labels=tick_labels(values))
    bar.ax.minorticks_off()
    bar.ax.tick_params(direction="out", pad=1.5)
    texts = bar.ax.get_xticklabels()
    texts[0].set_horizontalalignment("left")
    texts[-1].set_horizontalalignment("right")
    bar.set_label(label, labelpad=1, fontsize=6.5)


def bar_beside(panels: np.ndarray, drawn: AxesImage, label: str) -> None:
    """Draw a vertical colour bar at the right of a grid of panels, as high as they are."""
    x, top, width, height = corner(panels[0, -1])
    bottom = corner(panels[-1, -1])[1]
    figure = panels[0, 0].figure
    bar = figure.colorbar(
        drawn, cax=place(figure, x + width + 0.05, bottom, 0.08, top + height - bottom)
    )
    low, high = drawn.get_clim()
    values = MaxNLocator(5).tick_values(low, high) if high > low else np.array([low])
    span = high - low
    values = values[(values >= low - 1e-6 * span) & (values <= high + 1e-6 * span)]
    if 0 < span < SMALL_RANGE * max(abs(low), abs(high)):
        values = np.linspace(low, high, 5)
        bar.set_ticks(
            values, labels=[f"{value - low:.1e}" if value > low else "0" for value in values]
        )
        label = f"{label} − {low:.7g}"
    else:
        bar.set_ticks(values, labels=tick_labels(values))
    bar.ax.minorticks_off()
    bar.set_label(label)


SMALL_RANGE = 1e-4
"""Ratio of range to values below which numbers are written as differences."""


def tick_labels(values: np.ndarray) -> list[str]:
    """Return short, different texts for rising numbers.

    The number of digits resolves a tenth of the range. If this is too long (0.99998 to 0.99999),
    the first number is written in full, and the others as their difference after a plus sign.
    """
    low, high = float(values[0]), float(values[-1])
    span = high - low
    if span <= 0:
        return [f"{low:.3g}"] * len(values)
    largest = max(abs(low), abs(high))
    if span < SMALL_RANGE * largest:
        return [f"{low:.5g}", *(f"+{value - low:.1e}" for value in values[1:])]
    # Compared with the range, 1e-19 is 0.
    shown = [value if abs(value) > 1e-3 * span else 0.0 for value in values]
    if largest >= 100 and span >= 10:
        return [f"{value:.0f}" for value in shown]
    digits = max(2, 2 + int(np.floor(np.log10(largest)) - np.floor(np.log10(span))))
    return [f"{value:.{digits}g}" for value in shown]


def save_figure(
    figure: Figure,
    path: str | os.PathLike,
    formats: Sequence[str] = ("png", "pdf"),
    resolution: int = RESOLUTION,
) -> list[Path]:
    """Write a figure as `path` with each format's suffix in place of its own, atomically.

    Args:
        figure: the figure.
        path: path of the file; a suffix among `formats` is replaced, any other is kept as part
            of the name.
        formats: suffixes without the dot.
        resolution: dots per inch of raster formats.

    Returns:
        Paths of the written files.

    Example:
        >>> from keras_astroattn.images import read_fits
        >>> from keras_astroattn.plots import save_figure, source_figure
        >>> from keras_astroattn.samples import sample_paths
        >>> figure = source_figure(read_fits(sample_paths()[1]))
        >>> [path.name for path in save_figure(figure, "frii", formats=("png", "svg"))]
        ['frii.png', 'frii.svg']
    """
    path = Path(path)
    if path.suffix.removeprefix(".") in formats:
        path = path.with_suffix("")
    written = []
    for suffix in formats:
        target = path.with_name(f"{path.name}.{suffix}")
        # No date in the file, so that the same figure gives the same bytes.
        metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(suffix.lower())
        with matplotlib.rc_context(STYLE), atomic_path(target) as temporary:
            figure.savefig(temporary, dpi=resolution, metadata=metadata)
        written.append(target)
    return written


def show_source(axes: Axes, image: np.ndarray) -> AxesImage:
    """Draw a radio image, square-root stretched to show faint lobes next to a bright core."""
    brightest = max(float(np.max(image)), np.finfo(np.float32).tiny)
    return axes.imshow(image, cmap=SOURCE_COLOURS, norm=PowerNorm(0.5, 0, brightest, clip=True))


def scale_bar(axes: Axes, size: int, arcsec: float = 60.0) -> None:
    """Draw a white bar of `arcsec` length in the lower left of an image `size` pixels wide."""
    length = arcsec / PIXEL_SCALE
    left, bottom = 0.06 * size, 0.92 * size
    axes.add_patch(Rectangle((left, bottom), length, 0.015 * size, color="white", lw=0))
    label = f"{arcsec / 60:.0f}′" if arcsec >= 60 else f"{arcsec:.0f}″"
    axes.text(
        left + length / 2,
        bottom - 0.02 * size,
        label,
        color="white",
        ha="center",
        va="bottom",
        fontsize=6,
    )


def line_looks(count: int) -> list[tuple[str, str]]:
    """Return (colour, line style) of each of `count` lines: no two alike up to 12."""
    return [
        (COLOURS[i % len(COLOURS)], LINE_STYLES[(i + i // 12) % len(LINE_STYLES)])
        for i in range(count)
    ]
