"""Choose the least probabilities of the classes in each cell of neighbours, size and S/N."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from keras_astroattn.edge.thresholds import ClassThresholds
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.wilson import wilson_interval

from .populations import LEAST_SIZE, Population

NEIGHBOUR_EDGES = (0.0, 15.0)
"""Lower edges of the number of other islands in the frame."""

SIZE_EDGES = (0.0, LEAST_SIZE, 3.0, 4.0, 6.0, 10.0)
"""Lower edges of the size of the certain part of the source, beams."""

RATIO_EDGES = (5.0, 10.0, 20.0, 50.0, 200.0)
"""Lower edges of the peak over noise."""

FRI_SHARES = (0.2, 0.5, 0.8)
"""Shares of FRI among the galaxies of a cell for which the classes must be right."""

FLOORS = tuple(round(0.85 + 0.01 * step, 2) for step in range(15))
"""Least shares of right classes in one cell that are tried, from the lowest."""

LEAST_GIVEN = 0.1
"""Least share of the sources of each class that must be given it; otherwise, none is given."""

CONFIDENCE_LEVEL = 0.6827
"""Of the interval whose lower end must reach the floor of a cell: one standard error.

With a level of 0.95, 12,000 simulated sources are too few: thresholds chosen with one half give a
class to 46 % of the other half, 97 % of them right, instead of 62 %, 96 % of them right.
"""

Cell = tuple[int, int, int]
"""Numbers of the cell's neighbours, size and ratio."""

Answers = Sequence[tuple[np.ndarray, Population]]
"""Probabilities of the sources of populations."""

Totals = dict[str, list[tuple[float, float]]]
"""For each selection and share of FRI: share given a class, and share of these that are right."""

_LARGEST_ODDS = 1e5
_STEPS = 80
_FEWEST = 20  # sources of one class in a cell


@dataclass(frozen=True)
class CellChoice:
    """Thresholds of a cell, and how they do.

    Attributes:
        least: least probability of FRI and FRII; None: no class can be told.
        count: simulated galaxies in the cell.
        given: share of the galaxies of balanced sizes, half of them FRI, that are given a class.
        right: for each of `FRI_SHARES`, the share of the given classes that are right, in the
            selection where it is least.
        lower: the same less one standard error (lower end of Wilson's 68 % interval).
    """

    least: tuple[float, float] | None
    count: int
    given: float = 0.0
    right: tuple[float, ...] = (float("nan"),) * len(FRI_SHARES)
    lower: tuple[float, ...] = (float("nan"),) * len(FRI_SHARES)


@dataclass(frozen=True)
class Chosen:
    """Thresholds of all cells.

    Attributes:
        cells: thresholds of each cell.
        floor: least share of right classes in a cell.
        totals: what is given and right over all cells.
    """

    cells: dict[Cell, CellChoice]
    floor: float
    totals: Totals


@dataclass(frozen=True)
class Sample:
    """Sources of one selection, and the answers of a network; length n.

    Attributes:
        probabilities: (n, 2) P(FRI) and P(FRII).
        label: (n,) true classes, 0 FRI or 1 FRII; others are point sources.
        weights: (n,) weights of the sources.
    """

    probabilities: np.ndarray
    label: np.ndarray
    weights: np.ndarray

    @property
    def counts(self) -> list[int]:
        """Number of sources of each class."""
        return [int(np.count_nonzero(self.label == one)) for one in range(len(CLASS_NAMES))]

    def right(self) -> np.ndarray:
        """Return (n,) whether the larger probability is that of the true class."""
        return self.probabilities.argmax(axis=1) == self.label

    def labelled(self, limits: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weight of the sources with a class, for each threshold of FRI and of FRII."""
        said = self.probabilities.argmax(axis=1)
        # (steps, n): whether the larger probability of a source reaches a threshold.
        sure = (self.probabilities.max(axis=1)[None] >= limits[:, None]).astype(np.float64)
        fri, frii = (sure @ (weights * (said == one)) for one in range(len(CLASS_NAMES)))
        return fri[:, None] + frii[None, :]


def choose_cell(samples: Sequence[Sample], start: float, floor: float) -> CellChoice:
    """Choose the thresholds of one cell that give most classes.

    For each sample and each of `FRI_SHARES`, the share of right classes less one standard error
    must reach `floor`. A class of a point source is wrong. The number in the interval is the
    effective one, (sum of weights)^2 / sum of squared weights. A sample with too few sources of
    a class does not count; if it is the first, no class is given.

    Args:
        samples: sources of each selection; the first has no points, and its galaxies must be given
            classes (`LEAST_GIVEN`).
        start: smallest threshold.
        floor: share of the given classes that must be right.
    """
    first, count = samples[0], sum(samples[0].counts)
    if min(first.counts) < _FEWEST:
        return CellChoice(None, count)
    limits = _limits(start)
    fri, frii = (
        first.labelled(limits, (first.label == one) & first.right()) / first.counts[one]
        for one in range(len(CLASS_NAMES))
    )
    enough = (fri >= LEAST_GIVEN) & (frii >= LEAST_GIVEN)
    counted = [one for one in samples if min(one.counts) >= _FEWEST]
    mixed = [
        (one, shared(one.weights, one.label, share)) for one, share in product(counted, FRI_SHARES)
    ]
    given = np.array([one.labelled(limits, weights) for one, weights in mixed])
    good = np.array([one.labelled(limits, weights * one.right()) for one, weights in mixed])
    squares = np.array([one.labelled(limits, weights**2) for one, weights in mixed])
    with np.errstate(invalid="ignore", divide="ignore"):
        right = good / given
        effective = given**2 / squares
    allowed = enough & (np.nan_to_num(right).min(axis=0) >= floor)
    balanced = given[FRI_SHARES.index(0.5)]
    for place in np.argwhere(allowed)[np.argsort(-balanced[allowed], kind="stable")]:
        at = (slice(None), *place)
        lower = [
            wilson_interval(share, number, CONFIDENCE_LEVEL)[0]
            for share, number in zip(right[at], effective[at], strict=True)
        ]
        if min(lower) >= floor:
            least = tuple(float(limits[step]) for step in place)
            return CellChoice(
                least,
                count,
                float(balanced[tuple(place)]),
                _least_of_shares(right[at]),
                _least_of_shares(lower),
            )
    return CellChoice(None, count)


def _least_of_shares(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.reshape(values, (-1, len(FRI_SHARES))).min(axis=0).tolist())


def shared(weights: np.ndarray, label: np.ndarray, fri_share: float) -> np.ndarray:
    """Return weights with which a share of the galaxies is FRI; all galaxies together weigh 1.

    Args:
        weights: (n,) weights.
        label: (n,) 0 FRI, 1 FRII; others keep their proportion to the galaxies.
        fri_share: the share.
    """
    totals = [weights[label == one].sum() for one in range(len(CLASS_NAMES))]
    changed = weights / sum(totals)
    for one, share in enumerate((fri_share, 1 - fri_share)):
        changed = np.where(label == one, weights * share / totals[one], changed)
    return changed


def _limits(start: float) -> np.ndarray:
    """Return candidates of a threshold, evenly spaced in the logarithm of the odds."""
    first = start / (1 - start)
    odds = np.geomspace(max(first, 1.0), max(_LARGEST_ODDS, 2 * first), _STEPS)
    return np.round(odds / (1 + odds), 5)


def cells() -> Iterator[Cell]:
    """Yield the numbers of all cells."""
    return product(*(range(len(e)) for e in (NEIGHBOUR_EDGES, SIZE_EDGES, RATIO_EDGES)))


def cell_members(population: Population) -> dict[Cell, np.ndarray]:
    """Return the rows of the sources in each cell."""
    rows = np.arange(len(population))
    places = {
        "size": _places(SIZE_EDGES, population.size),
        "ratio": _places(RATIO_EDGES, population.ratio),
    }
    if population.neighbours is not None:
        places["neighbours"] = _places(NEIGHBOUR_EDGES, population.neighbours)
    members = {}
    for neighbours, size, ratio in cells():
        inside = (places["size"] == size) & (places["ratio"] == ratio)
        if "neighbours" in places:
            inside &= places["neighbours"] == neighbours
        members[neighbours, size, ratio] = rows[inside]
    return members


def _places(edges: Sequence[float], values: np.ndarray) -> np.ndarray:
    return np.maximum(np.searchsorted(edges, values, "right") - 1, 0)


def choose_thresholds(answers: Answers, start: float, target: float) -> Chosen:
    """Choose the thresholds of every cell from `LEAST_SIZE`.

    Over all cells, `target` of the classes must be right in each selection for each of
    `FRI_SHARES`. In each cell at least a floor must be (`choose_cell`), the lowest of `FLOORS` for
    which this holds.

    Args:
        answers: populations, the simulated one first, each with the (n, 2) probabilities P(FRI)
            and P(FRII) of its sources.
        start: smallest threshold.
        target: share of the given classes that must be right.

    Raises:
        InputError: No floor reaches the target.
    """
    for floor in FLOORS:
        choices = _choose_cells(answers, start, floor)
        totals = given_and_right(answers, choices)
        given = any(choice.least is not None for choice in choices.values())
        if given and not any(right < target for row in totals.values() for _, right in row):
            return Chosen(choices, floor, totals)
    raise InputError(f"no thresholds were found with which {target:.0%} of the classes are right")


def _choose_cells(answers: Answers, start: float, floor: float) -> dict[Cell, CellChoice]:
    members = [cell_members(population) for _, population in answers]
    choices = {}
    for cell in cells():
        samples = [
            Sample(probabilities[rows[cell]], population.label[rows[cell]], weights[rows[cell]])
            for (probabilities, population), rows in zip(answers, members, strict=True)
            for weights in population.selections().values()
        ]
        choices[cell] = (
            choose_cell(samples, start, floor)
            if SIZE_EDGES[cell[1]] >= LEAST_SIZE
            else CellChoice(None, len(samples[0].label))
        )
    return choices


def given_and_right(answers: Answers, choices: Mapping[Cell, CellChoice]) -> Totals:
    """Return how many sources are given a class in each selection, and how many are right.

    Args:
        answers: see `choose_thresholds`.
        choices: thresholds of each cell.

    Returns:
        For each selection, for each of `FRI_SHARES`, the share of the sources that are given a
        class, and the share of these classes that are right (NaN if none is given). Degraded copies
        count once for each range of neighbours.
    """
    totals = {}
    for probabilities, population in answers:
        said = probabilities.argmax(axis=1)
        given = np.zeros(len(population))
        for cell, rows in cell_members(population).items():
            least = choices[cell].least
            if least is not None:
                given[rows] += probabilities[rows].max(axis=1) >= np.take(least, said[rows])
        for name, weights in population.selections().items():
            totals[name] = []
            for share in FRI_SHARES:
                mixed = shared(weights, population.label, share)
                labelled = float(mixed @ given)
                right = float(mixed @ (given * (said == population.label)))
                ranges = len(NEIGHBOUR_EDGES) if population.neighbours is None else 1
                totals[name].append(
                    (labelled / mixed.sum() / ranges, right / labelled if labelled else np.nan)
                )
    return totals


def as_thresholds(choices: Mapping[Cell, CellChoice], fitted_on: str) -> ClassThresholds:
    """Return the thresholds for the metadata of a model."""
    table = tuple(
        tuple(
            tuple(choices[crowd, row, column].least for column in range(len(RATIO_EDGES)))
            for row in range(len(SIZE_EDGES))
        )
        for crowd in range(len(NEIGHBOUR_EDGES))
    )
    return ClassThresholds(NEIGHBOUR_EDGES, SIZE_EDGES, RATIO_EDGES, table, fitted_on)
