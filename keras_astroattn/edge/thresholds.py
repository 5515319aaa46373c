"""`ClassThresholds`: least probabilities of the classes by size and signal-to-noise ratio."""

import math
import sys
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from keras_astroattn.images import CLASS_NAMES

NEVER = math.inf
"""Threshold of a class that is never given."""

Cell = tuple[float, ...] | None
"""Least probability of each class, or None: no class can be told."""


@dataclass(frozen=True)
class ClassThresholds:
    """Least probabilities with which a class is given, by size and signal-to-noise ratio.

    A cell reaches from its edges to the next ones. Smaller and fainter sources belong to the first
    cell, larger and brighter ones to the last.

    Attributes:
        sizes: lower edges of the largest angular size, beams, in ascending order.
        ratios: lower edges of the peak signal-to-noise ratio, in ascending order.
        cells: for each size, and in it for each ratio: the least probability of each class
            (`NEVER` for a class that is never given), or None.
        fitted_on: sources that the thresholds were chosen with.
    """

    sizes: tuple[float, ...]
    ratios: tuple[float, ...]
    cells: tuple[tuple[Cell, ...], ...]
    fitted_on: str = ""

    def at(self, size: float, ratio: float) -> Cell:
        """Return the least probability of each class, or None if no class can be told.

        Args:
            size: largest angular size, beams.
            ratio: peak over noise.
        """
        return self.cells[_place(self.sizes, size)][_place(self.ratios, ratio)]

    def without_probabilities(self) -> "ClassThresholds":
        """Return thresholds that only state in which cells no class can be told."""
        none = (0.0,) * len(CLASS_NAMES)
        cells = tuple(tuple(None if cell is None else none for cell in row) for row in self.cells)
        return replace(self, cells=cells)

    @classmethod
    def from_metadata(cls, values: Mapping[str, Any]) -> "ClassThresholds":
        """Return the thresholds of a model's metadata, entry `thresholds` of `labels`.

        Args:
            values: the entry, checked by `are_thresholds`.
        """
        cells = tuple(
            tuple(
                None if cell is None else tuple(NEVER if p is None else float(p) for p in cell)
                for cell in row
            )
            for row in values["probability"]
        )
        sizes, ratios = (tuple(map(float, values[name])) for name in ("size_beams", "peak_snr"))
        return cls(sizes, ratios, cells, str(values.get("fitted_on", "")))

    def to_metadata(self) -> dict[str, Any]:
        """Return the entry `thresholds` of `labels` of the metadata, for JSON."""
        return {
            "size_beams": list(self.sizes),
            "peak_snr": list(self.ratios),
            "probability": [
                [
                    None if cell is None else [None if p == NEVER else p for p in cell]
                    for cell in row
                ]
                for row in self.cells
            ],
            "fitted_on": self.fitted_on,
        }


def _place(edges: tuple[float, ...], value: float) -> int:
    return max(bisect_right(edges, np.float64(value)) - 1, 0)


def are_thresholds(values: Any) -> bool:
    """Return whether a value of JSON is sound for `ClassThresholds.from_metadata`."""
    if not isinstance(values, dict) or not isinstance(values.get("fitted_on", ""), str):
        return False
    sizes, ratios, rows = (values.get(name) for name in ("size_beams", "peak_snr", "probability"))
    return (
        _are_edges(sizes)
        and _are_edges(ratios)
        and _is_list(rows, len(sizes))
        and all(_is_list(row, len(ratios)) and all(map(_is_cell, row)) for row in rows)
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
