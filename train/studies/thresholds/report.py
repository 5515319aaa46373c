"""Table and figure of thresholds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.plots.style import TEXT_WIDTH, new_figure, styled
from keras_astroattn.report import markdown_table

from .choice import FRI_SHARES, RATIO_EDGES, SIZE_EDGES, CellChoice, range_names

Choices = Mapping[tuple[int, int], CellChoice]


def cell_table(choices: Choices) -> str:
    """Return a Markdown table with one row for each cell that has a class."""
    shares = [f"{100 * share:.0f} % FRI: right" for share in FRI_SHARES]
    headers = ["size, beams", "peak / noise", "sources", "P(FRI)", "P(FRII)", "given", *shares]
    sizes, ratios = range_names(SIZE_EDGES), range_names(RATIO_EDGES)
    rows = []
    for (row, column), cell in choices.items():
        if cell.least is None:
            continue
        right = [
            f"{100 * a:.1f} % (> {100 * b:.1f})"
            for a, b in zip(cell.right, cell.lower, strict=True)
        ]
        least = [f"{one:.3g}" if one < 0.99 else f"{one:.5f}" for one in cell.least]
        given = f"{100 * cell.given:.0f} %"
        rows.append([sizes[row], ratios[column], cell.count, *least, given, *right])
    return markdown_table(headers, rows, text=2)


@styled
def given_figure(choices: Choices, width: float = 0.7 * TEXT_WIDTH) -> Figure:
    """Draw the share of the sources of each cell that are given a class; crosses: unresolved.

    Args:
        choices: the chosen thresholds.
        width: width of the figure, inches.
    """
    given = np.full((len(SIZE_EDGES), len(RATIO_EDGES)), np.nan)
    for cell, choice in choices.items():
        given[cell] = choice.given if choice.least is not None else np.nan
    figure = new_figure(width, 0.75 * width)
    axes = figure.subplots()
    image = axes.imshow(given, origin="lower", aspect="auto", cmap="viridis", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(given):
        text = "x" if np.isnan(value) else f"{100 * value:.0f}"
        axes.text(column, row, text, ha="center", va="center",
                  color="black" if np.isnan(value) or value > 0.6 else "white")  # fmt: skip
    axes.set_xticks(range(len(RATIO_EDGES)), range_names(RATIO_EDGES))
    axes.set_yticks(range(len(SIZE_EDGES)), range_names(SIZE_EDGES))
    axes.set(xlabel="peak / noise", ylabel="size (beams)")
    figure.colorbar(image, label="share that is given a class")
    return figure
