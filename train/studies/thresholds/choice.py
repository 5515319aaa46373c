"""Choose the least probabilities of the classes in each cell of size and signal-to-noise ratio."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from keras_astroattn.edge.thresholds import ClassThresholds
from keras_astroattn.wilson import wilson_interval

SIZE_EDGES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
"""Lower edges of the size, beams."""

RATIO_EDGES = (5.0, 10.0, 20.0, 50.0, 200.0)
"""Lower edges of the peak over noise."""

FRI_SHARES = (0.2, 0.5, 0.8)
"""Shares of FRI in a cell for which the classes must be right."""

LEAST_GIVEN = 0.1
"""Least share of the sources of each class that must be given it; otherwise, none is given."""

LEAST_SIZE = 2.0
"""Beams; below, no class is given.

There a label is the share of FRI in the training, or what a network learned of the simulation.
"""

CONFIDENCE_LEVEL = 0.6827
"""Of the interval whose lower end must reach the target: one standard error.

With a level of 0.95, 12,000 simulated sources are too few: thresholds chosen with one half give a
class to 46 % of the other half, 97 % of them right, instead of 62 %, 96 % of them right.
"""

_LARGEST_ODDS = 1e5
_STEPS = 80
_FEWEST = 20  # sources of one class in a cell


@dataclass(frozen=True)
class CellChoice:
    """Thresholds of a cell, and how they do for a survey with half of its sources FRI.

    Attributes:
        least: least probability of FRI and FRII; None: no class can be told.
        count: simulated sources in the cell.
        given: share of the sources that are given a class.
        right: for each of `FRI_SHARES`, the share of the given classes that are right; NaN
            without any.
        lower: `right` less one standard error (lower end of Wilson's 68 % interval).
    """

    least: tuple[float, float] | None
    count: int
    given: float = 0.0
    right: tuple[float, ...] = (float("nan"),) * len(FRI_SHARES)
    lower: tuple[float, ...] = (float("nan"),) * len(FRI_SHARES)


def choose_cell(
    probabilities: np.ndarray, is_frii: np.ndarray, start: float, target: float
) -> CellChoice:
    """Choose the thresholds of one cell that give most classes.

    For each of `FRI_SHARES`, the share of right classes less one standard error must reach
    `target`. The sources of each class count by the share, and their number in the interval
    is the effective one, (sum of weights)^2 / sum of squared weights.

    Args:
        probabilities: (n, 2) P(FRI) and P(FRII).
        is_frii: (n,) bool, true classes.
        start: smallest threshold.
        target: share of the given classes that must be right.
    """
    counts = np.array([np.count_nonzero(~is_frii), np.count_nonzero(is_frii)])
    if counts.min() < _FEWEST:
        return CellChoice(None, len(is_frii))
    limits = _limits(start)
    # (steps, 2 classes): share of the sources of each true class that get each label.
    said = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)[None] >= limits[:, None]
    rates = np.array(
        [
            [(sure & (said == label) & (is_frii == true)).sum(axis=1) for true in (0, 1)]
            for label in (0, 1)
        ]
    ) / counts[None, :, None]  # (label, true class, step)  # fmt: skip
    fri, frii = rates[0][:, :, None], rates[1][:, None, :]
    right, lower = [], []
    for share in FRI_SHARES:
        weights = np.array([share, 1 - share])
        good = weights[0] * fri[0] + weights[1] * frii[1]
        given = np.tensordot(weights, fri + frii, 1)
        squares = np.tensordot(weights**2 / counts, fri + frii, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            right.append(good / given)
            lower.append(_lower_end(right[-1], given**2 / squares))
    enough = (fri[0] >= LEAST_GIVEN) & (frii[1] >= LEAST_GIVEN)
    allowed = enough & (np.nan_to_num(np.min(lower, axis=0)) >= target)
    if not allowed.any():
        return CellChoice(None, len(is_frii))
    given = (fri + frii).mean(axis=0)
    best = np.unravel_index(np.argmax(np.where(allowed, given, -1)), given.shape)
    return CellChoice(
        (float(limits[best[0]]), float(limits[best[1]])),
        len(is_frii),
        float(given[best]),
        tuple(float(one[best]) for one in right),
        tuple(float(one[best]) for one in lower),
    )


def _limits(start: float) -> np.ndarray:
    """Return candidates of a threshold, evenly spaced in the logarithm of the odds."""
    first = start / (1 - start)
    odds = np.geomspace(max(first, 1.0), max(_LARGEST_ODDS, 2 * first), _STEPS)
    return np.round(odds / (1 + odds), 5)


def _lower_end(share: np.ndarray, count: np.ndarray) -> np.ndarray:
    ends = [
        wilson_interval(one, number, CONFIDENCE_LEVEL)[0] if number > 0 else np.nan
        for one, number in zip(share.ravel(), count.ravel(), strict=True)
    ]
    return np.reshape(ends, share.shape)


def range_names(edges: Sequence[float]) -> list[str]:
    """Return the name of each range between edges; the last one is open."""
    return [f"{low:g} to {high:g}" for low, high in pairwise(edges)] + [f"over {edges[-1]:g}"]


def cell_members(size: np.ndarray, ratio: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Return the rows of the sources in each cell, by the numbers of its size and ratio."""
    rows = np.maximum(np.searchsorted(SIZE_EDGES, size, "right") - 1, 0)
    columns = np.maximum(np.searchsorted(RATIO_EDGES, ratio, "right") - 1, 0)
    return {
        (row, column): np.flatnonzero((rows == row) & (columns == column))
        for row, column in product(range(len(SIZE_EDGES)), range(len(RATIO_EDGES)))
    }


def choose_thresholds(
    probabilities: np.ndarray,
    is_frii: np.ndarray,
    members: dict[tuple[int, int], np.ndarray],
    start: float,
    target: float,
) -> dict[tuple[int, int], CellChoice]:
    """Choose the thresholds of every cell from `LEAST_SIZE`; see `choose_cell`, `cell_members`."""
    return {
        cell: choose_cell(probabilities[rows], is_frii[rows], start, target)
        if SIZE_EDGES[cell[0]] >= LEAST_SIZE
        else CellChoice(None, len(rows))
        for cell, rows in members.items()
    }


def as_thresholds(choices: dict[tuple[int, int], CellChoice], fitted_on: str) -> ClassThresholds:
    """Return the thresholds for the metadata of a model."""
    cells = tuple(
        tuple(choices[row, column].least for column in range(len(RATIO_EDGES)))
        for row in range(len(SIZE_EDGES))
    )
    return ClassThresholds(SIZE_EDGES, RATIO_EDGES, cells, fitted_on)
