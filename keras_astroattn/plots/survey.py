"""Figures of a scored survey: probabilities, the sky, and sheets of sources."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from keras_astroattn.errors import InputError
from keras_astroattn.images import PIXEL_SCALE

from .attention import contours
from .evidence import show_evidence, source_window, zoom
from .sheets import sheet_panels
from .style import (
    COLOURS,
    COLUMN_WIDTH,
    TEXT_WIDTH,
    axes_or_new,
    show_source,
    styled,
)

_LOWEST = 0.7  # of the logarithmic axis of counts
_PLAIN = 1000.0  # up to this count the axis has plain numbers, above it powers of ten
_LEGEND_LINE = 0.12  # height of a line of the legend over that of the axes


@styled
def probability_figure(
    counts: Mapping[str, np.ndarray], width: float = COLUMN_WIDTH, ax: Axes | None = None
) -> Figure:
    """Draw a histogram of P(FRII) for each label, on a logarithmic scale.

    Args:
        counts: (bins,) counts in equal bins from 0 to 1, by label.
        width: width of the figure, inches.
        ax: axes to draw on; None: a new figure.

    Raises:
        InputError: There is no source with a probability.
    """
    if not counts:
        raise InputError("histogram of probabilities: no source has one")
    figure, axes = axes_or_new(ax, width)
    bins = len(next(iter(counts.values())))
    edges = np.linspace(0, 1, bins + 1)
    for place, (label, values) in enumerate(counts.items()):
        name = f"{label} ({int(np.sum(values))})"
        axes.stairs(values, edges, color=COLOURS[place], label=name, lw=1.2)
    axes.set_yscale("log")
    tallest = max(1.0, *(float(np.max(values)) for values in counts.values()))
    if tallest < _PLAIN:
        axes.yaxis.set(major_formatter=LogFormatter(), minor_formatter=LogFormatter())
    legend = _LEGEND_LINE * math.ceil(len(counts) / 2)  # share of the height
    axes.set_ylim(_LOWEST, tallest * (tallest / _LOWEST) ** (legend / (1 - legend)))
    axes.set(xlim=(0, 1), xlabel="P(FRII | resolved radio galaxy)", ylabel="sources")
    axes.legend(loc="upper center", ncols=2)
    return figure


@styled
def sky_figure(
    counts: np.ndarray,
    ra_edges: np.ndarray,
    dec_edges: np.ndarray,
    label: str = "sources",
    width: float = TEXT_WIDTH,
    ax: Axes | None = None,
) -> Figure:
    """Draw the number of sources on the sky; east is to the left.

    Args:
        counts: (RA bins, Dec bins) number of sources.
        ra_edges: (RA bins + 1,) degrees, rising, also beyond 360.
        dec_edges: (Dec bins + 1,) degrees.
        label: label of the colour bar.
        width: width of the figure, inches.
        ax: axes to draw on; None: a new figure.

    Returns:
        The figure.
    """
    figure, axes = axes_or_new(ax, width, 0.5 * width)
    shown = np.ma.masked_less(np.asarray(counts, float).T, 1)
    highest = max(float(counts.max()), 2.0)
    drawn = axes.pcolormesh(
        ra_edges, dec_edges, shown, cmap="viridis", norm=LogNorm(1, highest), rasterized=True
    )
    axes.set_facecolor("0.93")
    axes.set_xlim(ra_edges[-1], ra_edges[0])
    axes.xaxis.set_major_formatter(lambda value, _: f"{round(value, 9) % 360:g}")
    axes.set(xlabel="right ascension (deg)", ylabel="declination (deg)")
    bar = figure.colorbar(drawn, ax=axes, label=f"{label} in a bin", pad=0.01)
    bar.ax.yaxis.set(major_formatter=LogFormatter(), minor_formatter=LogFormatter())
    return figure


@styled
def attention_sheet(
    images: np.ndarray,
    attention: np.ndarray,
    captions: Sequence[str],
    columns: int = 6,
    title: str | None = None,
    width: float = TEXT_WIDTH,
    evidence: np.ndarray | None = None,
) -> Figure:
    """Draw sources with the contours of the mean attention, in rows.

    With evidence each panel shows the signed evidence under contours of the source instead, and
    a small source is enlarged.

    Args:
        images: (n, height, width) of any real dtype, 0 on empty sky; row 0 at the bottom,
            as in FITS.
        attention: (n, height, width) mean attention.
        captions: (n,) short texts above the images.
        columns: images a row; fewer if there are fewer images.
        title: title above all images.
        width: width of the figure, inches.
        evidence: (n, height, width) signed evidence, E(FRII) - E(FRI), of networks that give it.

    Raises:
        InputError: There is no image, or the numbers of images, maps and captions differ.
    """
    if not len(images) or not len(images) == len(attention) == len(captions):
        raise InputError(
            f"attention sheet: {len(images)} images, {len(attention)} maps and {len(captions)} "
            "captions; give as many of each, at least one"
        )
    figure, panels = sheet_panels(len(images), columns, title, width)
    for place, axes in enumerate(panels.flat[: len(images)]):
        axes.set_title(captions[place], fontsize=6, pad=2)
        if evidence is None:
            show_source(axes, images[place])
            contours(axes, attention[place])
            axes.invert_yaxis()
        else:
            show_evidence(axes, evidence[place], images[place])
            axes.invert_yaxis()
            zoom(axes, source_window(images[place], evidence[place]), PIXEL_SCALE)
    return figure
