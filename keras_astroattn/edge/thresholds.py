"""`ClassThresholds`: least probabilities of the classes by size, signal and neighbours."""

import math
import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from keras_astroattn.images import CLASS_NAMES, Cutout

NEVER = math.inf
"""Threshold of a class that is never given."""

EDGES = ("neighbours", "certain_size_beams", "peak_snr")
"""Keys of the edges in the metadata, in the order of the lists of `probability`."""

Cell = tuple[float, ...] | None
"""Least probability of each class, or None: no class can be told."""


@dataclass(frozen=True)
class ClassThresholds:
    """Least probabilities with which a class is given, by size, signal-to-noise ratio, neighbours.

    The size is that of the certain part of the source (`Cutout.certain_size`): a point source that
    is linked to a neighbour by chance looks large, but its certain part is small.

    A cell reaches from its edges to the next ones. Smaller and fainter sources belong to the first
    cell, larger and brighter ones to the last.

    Attributes:
        neighbours: lower edges of the number of other islands in the frame, in ascending order.
        sizes: lower edges of the size of the certain part, beams, in ascending order.
        ratios: lower edges of the peak signal-to-noise ratio, in ascending order.
        cells: for each number of neighbours, in it for each size, and in it for each ratio: the
            least probability of each class (`NEVER` for a class that is never given), or None.
        fitted_on: sources that the thresholds were chosen with.
    """

    neighbours: tuple[float, ...]
    sizes: tuple[float, ...]
    ratios: tuple[float, ...]
    cells: tuple[tuple[tuple[Cell, ...], ...], ...]
    fitted_on: str = ""

    def of(self, cutout: Cutout) -> Cell:
        """Return the least probability of each class, or None if no class can be told.

        Args:
            cutout: the source.
        """
        table = self.cells[_place(self.neighbours, cutout.neighbours)]
        row = table[_place(self.sizes, cutout.certain_size_in_beams)]
        return row[_place(self.ratios, cutout.contrast)]

    def without_probabilities(self) -> "ClassThresholds":
        """Return thresholds that only state in which cells no class can be told."""
        none = (0.0,) * len(CLASS_NAMES)
        cells = tuple(
            tuple(tuple(None if cell is None else none for cell in row) for row in table)
            for table in self.cells
        )
        return replace(self, cells=cells)

    @classmethod
    def from_metadata(cls, values: Mapping[str, Any]) -> "ClassThresholds":
        """Return the thresholds of a model's metadata, entry `thresholds` of `labels`.

        Args:
            values: the entry, checked by `are_thresholds`.
        """
        cells = tuple(
            tuple(tuple(_cell_of(cell, None, NEVER) for cell in row) for row in table)
            for table in values["probability"]
        )
        edges = (tuple(map(float, values[name])) for name in EDGES)
        return cls(*edges, cells, str(values.get("fitted_on", "")))

    def to_metadata(self) -> dict[str, Any]:
        """Return the entry `thresholds` of `labels` of the metadata, for JSON."""
        return {
            **dict(zip(EDGES, map(list, (self.neighbours, self.sizes, self.ratios)), strict=True)),
            "probability": [
                [[_cell_of(cell, NEVER, None) for cell in row] for row in table]
                for table in self.cells
            ],
            "fitted_on": self.fitted_on,
        }


def range_names(edges: Sequence[float]) -> list[str]:
    """Return the name of each range between edges; the last one is open."""
    return [f"{low:g} to {high:g}" for low, high in pairwise(edges)] + [f"over {edges[-1]:g}"]


def _cell_of(cell: Sequence | None, old: float | None, new: float | None) -> tuple | None:
    """Return a cell with `new` where a probability is `old`."""
    return None if cell is None else tuple(new if p == old else float(p) for p in cell)


def _place(edges: tuple[float, ...], value: float) -> int:
    return max(bisect_right(edges, np.float64(value)) - 1, 0)


def are_thresholds(values: Any) -> bool:
    """Return whether a value of JSON is sound for `ClassThresholds.from_metadata`."""
    if not isinstance(values, dict) or not isinstance(values.get("fitted_on", ""), str):
        return False
    edges = [values.get(name) for name in EDGES]
    if not all(map(_are_edges, edges)):
        return False
    neighbours, sizes, ratios = map(len, edges)
    tables = values.get("probability")
    return _is_list(tables, neighbours) and all(
        _is_list(rows, sizes)
        and all(_is_list(row, ratios) and all(map(_is_cell, row)) for row in rows)
        for rows in tables
    )


def _are_edges(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) > 0
        and all(map(is_number, values))
        and all(low < high for low, high in pairwise(values))
    )


def _is_list(values: Any, length: int) -> bool:
    return isinstance(values, list) and len(values) == length


def _is_cell(cell: Any) -> bool:
    return cell is None or (
        _is_list(cell, len(CLASS_NAMES))
        and all(p is None or (is_number(p) and 0 <= p <= 1) for p in cell)
    )


def is_number(value: object) -> bool:
    """Return whether a value of JSON is a finite number."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max  # False for NaN, and for an int beyond all floats
    )
