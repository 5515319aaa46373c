"""A classified source next to its attention maps."""

import math
import textwrap
from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from keras_astroattn.outputs import probability_text

from .attention import contours, show_map
from .evidence import (
    EVIDENCE_KEY,
    Part,
    mark_window,
    outline_parts,
    show_evidence,
    source_window,
    zoom,
)
from .sky_marks import Sky, draw_beam, draw_compass, draw_scale_bar
from .style import SOURCE_COLOURS, TEXT_WIDTH, bar_below, panel_grid, place, styled

_PARTS_SIDE = 2.0  # of the panel with the parts, inches
_PARTS_BOTTOM = 0.42  # below it, for the sentence
_PARTS_HEIGHT = _PARTS_SIDE + _PARTS_BOTTOM + 0.1


@styled
def classified_source_figure(
    brightness: np.ndarray,
    gates: Sequence[np.ndarray],
    mean: np.ndarray,
    title: str,
    unit: str,
    noise: float,
    sky: Sky,
    width: float = TEXT_WIDTH,
    evidence: np.ndarray | None = None,
    parts: Sequence[Part] = (),
    explanation: str = "",
) -> Figure:
    """Draw a source, each gate's map, and the mean attention under contours of the source.

    With evidence the last panel shows the evidence under contours of the source; a small source
    is enlarged, and a dashed line on its image shows how far the panel reaches. With parts a
    larger panel below names each part, its share of the evidence and the effect of its deletion.

    The source is drawn with the beam, a scale bar and the directions of north and east. The first
    row is at the bottom if `sky.north` is known, as in FITS, and otherwise at the top, as in
    pictures.

    Args:
        brightness: (h, w); NaN is drawn black.
        gates: (h', w') maps, coarsest first.
        mean: (h, w) mean attention.
        title: title above all panels.
        unit: unit of `brightness`.
        noise: noise of `brightness`, the faintest level shown; 0 shows all positive pixels.
        sky: direction of north, and size of a pixel.
        width: width of the figure, inches.
        evidence: (h, w) signed evidence, E(FRII) - E(FRI), of networks that give it.
        parts: components of the source, with `evidence`.
        explanation: a sentence below the parts.
    """
    bottom = (0.42 if evidence is None else 0.62) + (_PARTS_HEIGHT if parts else 0.0)
    figure, panels = panel_grid(width, 1, len(gates) + 3, (0.05, 0.05, 0.42, bottom))
    panels = panels[0]
    look = {"ha": "center", "va": "top", "size": 8, "parse_math": False}  # names may hold a $
    figure.text(0.5, 1 - 0.05 / figure.get_figheight(), title, **look)
    titles = ["source", *(f"gate {k}" for k in range(1, len(gates) + 1)), "mean"]
    titles.append("overlay" if evidence is None else "evidence")
    for axes, text in zip(panels, titles, strict=True):
        axes.set_title(text, pad=3)
    size = brightness.shape
    source = _show_brightness(panels[0], brightness, noise)
    bar_below(panels[0], source, unit)
    for axes, one in zip(panels[1:-1], [*gates, mean], strict=True):
        drawn = show_map(axes, one, (float(one.min()), float(one.max())), size)
        bar_below(axes, drawn, "attention")
    if evidence is None:
        _show_brightness(panels[-1], brightness, noise)
        contours(panels[-1], mean)
        panels[-1].set_xlabel("contours of the mean:\n¼, ½, ¾", labelpad=3, fontsize=6.5)
    frame = (-0.5, size[1] - 0.5, -0.5, size[0] - 0.5)
    for draw in (draw_scale_bar, draw_beam):
        draw(panels[0], sky, frame, "white")
    for axes in panels:
        _show_frame(axes, size, sky)
    if evidence is None:
        draw_compass(panels[0], sky, frame, "white")
    else:
        source = np.nan_to_num(brightness, nan=0.0, posinf=0.0, neginf=0.0)
        source = np.where(source > (3 * noise if noise > 0 else 0), source, 0)
        signed = show_evidence(panels[-1], evidence, source)
        bar_below(panels[-1], signed, EVIDENCE_KEY)
        window = source_window(source, evidence)
        zoom(panels[-1], window, sky.pixel_scale)
        mark_window(panels[0], window)
        is_right = window[0] - frame[0] > frame[1] - window[1]
        draw_compass(panels[0], sky, frame, "white", left=is_right)
        if parts:
            axes = place(figure, 0.05, _PARTS_BOTTOM, _PARTS_SIDE, _PARTS_SIDE)
            axes.set(xticks=[], yticks=[])
            show_evidence(axes, evidence, source)
            outline_parts(axes, parts)
            _show_frame(axes, size, sky)
            zoom(axes, window, sky.pixel_scale)
            _list_parts(figure, parts, explanation)
    return figure


def _show_frame(axes: Axes, size: tuple[int, int], sky: Sky) -> None:
    bounds = (-0.5, size[0] - 0.5)
    axes.set_xlim(-0.5, size[1] - 0.5)
    axes.set_ylim(bounds if sky.is_up else bounds[::-1])


def _list_parts(figure: Figure, parts: Sequence[Part], explanation: str) -> None:
    """Write a table of the parts next to their panel, and the sentence below both."""
    width, height = figure.get_size_inches()
    left, top = 0.05 + _PARTS_SIDE, _PARTS_BOTTOM + _PARTS_SIDE
    columns = ((0.12, "left"), (0.3, "left"), (2.3, "right"), (2.4, "left"), (3.6, "right"))
    rows = [("", "component", "evidence", "for", "P without")]
    rows += [
        (
            letter,
            part.name,
            f"{100 * abs(part.share):.0f} %",
            part.speaks_for,
            probability_text(part.p_without),
        )
        for letter, part in zip(ascii_uppercase, parts, strict=False)
    ]
    step = min(0.17, _PARTS_SIDE / len(rows))
    for number, row in enumerate(rows):
        y = (top - number * step) / height
        for (x, side), text in zip(columns, row, strict=True):
            weight = "bold" if number and x == columns[0][0] else "normal"
            figure.text((left + x) / width, y, text, ha=side, va="top", size=7, fontweight=weight)
    lines = textwrap.fill(explanation, int(18 * width))
    figure.text(0.05 / width, (_PARTS_BOTTOM - 0.05) / height, lines, ha="left", va="top", size=6.5)


def _show_brightness(axes: Axes, brightness: np.ndarray, noise: float):
    values = np.nan_to_num(brightness, nan=0.0, posinf=0.0, neginf=0.0)
    faintest = max(noise, 0.0) if math.isfinite(noise) else 0.0
    brightest = float(values.max())
    if not brightest > faintest:
        brightest = faintest + 1.0
    return axes.imshow(
        values, cmap=SOURCE_COLOURS, norm=PowerNorm(0.5, faintest, brightest, clip=True)
    )
