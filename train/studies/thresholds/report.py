"""Table and figure of thresholds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.edge.thresholds import range_names
from keras_astroattn.plots.style import TEXT_WIDTH, new_figure, styled
from keras_astroattn.report import markdown_table

from .choice import (
    FRI_SHARES,
    NEIGHBOUR_EDGES,
    RATIO_EDGES,
    SIZE_EDGES,
    Cell,
    CellChoice,
    Totals,
)

Choices = Mapping[Cell, CellChoice]


def neighbour_names() -> list[str]:
    """Return the name of each range of the number of neighbours."""
    return [f"{name} neighbours" for name in range_names(NEIGHBOUR_EDGES)]


def totals_table(totals: Totals) -> str:
    """Return a Markdown table of what is given and right in each selection."""
    headers = ["selection", *[f"{100 * share:.0f} % FRI: given, right" for share in FRI_SHARES]]
    rows = [
        [name, *[f"{100 * given:.0f} %, {100 * right:.1f} %" for given, right in row]]
        for name, row in totals.items()
    ]
    return markdown_table(headers, rows)


def cell_table(choices: Choices) -> str:
    """Return a Markdown table with one row for each cell that has a class."""
    shares = [f"{100 * share:.0f} % FRI: right" for share in FRI_SHARES]
    headers = ["neighbours", "size, beams", "peak / noise", "galaxies"]
    headers += ["P(FRI)", "P(FRII)", "given", *shares]
    edges = (NEIGHBOUR_EDGES, SIZE_EDGES, RATIO_EDGES)
    names = [range_names(one) for one in edges]
    rows = []
    for place, cell in choices.items():
        if cell.least is None:
            continue
        right = [
            f"{100 * a:.1f} % (> {100 * b:.1f})"
            for a, b in zip(cell.right, cell.lower, strict=True)
        ]
        least = [f"{one:.3g}" if one < 0.99 else f"{one:.5f}" for one in cell.least]
        of_cell = [axis[number] for axis, number in zip(names, place, strict=True)]
        rows.append([*of_cell, cell.count, *least, f"{100 * cell.given:.0f} %", *right])
    return markdown_table(headers, rows, text=3)


@styled
def given_figure(choices: Choices, width: float = TEXT_WIDTH) -> Figure:
    """Draw the share (%) of the galaxies of each cell that are given a class; crosses: unresolved.

    Args:
        choices: the chosen thresholds.
        width: width of the figure, inches.
    """
    given = np.full([len(e) for e in (NEIGHBOUR_EDGES, SIZE_EDGES, RATIO_EDGES)], np.nan)
    for cell, choice in choices.items():
        given[cell] = 100 * choice.given if choice.least is not None else np.nan
    figure = new_figure(width, 0.45 * width)
    panels = figure.subplots(1, len(NEIGHBOUR_EDGES), sharey=True)
    for axes, name, table in zip(panels, neighbour_names(), given, strict=True):
        image = axes.imshow(table, origin="lower", aspect="auto", cmap="viridis", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(table):
            text = "x" if np.isnan(value) else f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center",
                      color="black" if np.isnan(value) or value > 60 else "white")  # fmt: skip
        axes.set_xticks(range(len(RATIO_EDGES)), range_names(RATIO_EDGES))
        axes.set(xlabel="peak / noise", title=name)
        axes.tick_params(axis="x", rotation=45)
    panels[0].set_yticks(range(len(SIZE_EDGES)), range_names(SIZE_EDGES))
    panels[0].set(ylabel="certain size (beams)")
    figure.colorbar(image, ax=panels, label="given a class (%)")
    return figure
