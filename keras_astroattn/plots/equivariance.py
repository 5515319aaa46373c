"""Results of equivariance tests: do attention and class follow a transformed source?"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from .metrics import MARKERS
from .style import COLOURS, TEXT_WIDTH, new_figure, styled

Spread = Sequence[tuple[float, float, float]]
"""For each test a value with the lower and the upper bound of its interval."""


@styled
def equivariance_figure(
    tests: Sequence[str],
    followed: Mapping[str, Sequence[float]],
    stayed: Mapping[str, Sequence[float]],
    shares: Mapping[str, Spread],
    width: float = TEXT_WIDTH,
) -> Figure:
    """Draw how well transformed maps agree (left), and how the predicted classes change (right).

    Args:
        tests: names of the k equivariance tests.
        followed: by map: (k,) correlation of the map, after undoing the transform, with that of
            the original image. Drawn filled.
        stayed: by map: (k,) the same without undoing the transform. Drawn open. A filled mark
            above an open one means that attention follows the source.
        shares: by name, for example `accuracy`: k shares from 0 to 1 with their intervals.
        width: width of the figure, inches.

    Returns:
        The figure.
    """
    figure = new_figure(width, 0.38 * width)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    places = np.arange(len(tests))
    for number, name in enumerate(followed):
        look = {
            "marker": MARKERS[number % len(MARKERS)],
            "color": COLOURS[number % len(COLOURS)],
            "ms": 4,
        }
        positions = places + 0.12 * (number - (len(followed) - 1) / 2)
        left.vlines(positions, stayed[name], followed[name], color=look["color"], lw=0.7)
        left.plot(positions, followed[name], ls="", label=name, **look)
        left.plot(positions, stayed[name], ls="", mfc="white", **look)
    left.set_ylabel("correlation with the original map")
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside upper left",
        ncols=len(followed),
        title="filled: transformed back, open: not",
        title_fontsize=6.5,
    )
    for number, (name, values) in enumerate(shares.items()):
        value, low, high = 100 * np.array(values, float).T
        right.errorbar(
            places + 0.12 * (number - (len(shares) - 1) / 2),
            value,
            (np.maximum(value - low, 0), np.maximum(high - value, 0)),
            ls="",
            marker=MARKERS[number % len(MARKERS)],
            ms=4,
            lw=0.8,
            color=COLOURS[number % len(COLOURS)],
            label=name,
        )
    right.set_ylabel("% of sources")
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=len(shares))
    for axes in (left, right):
        axes.set_xticks(places, tests, rotation=35, ha="right", rotation_mode="anchor")
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.5, len(tests) - 0.5)
    return figure
