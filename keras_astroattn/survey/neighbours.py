"""Find the other sources of the catalogue near a position.

Positions are stored in files by zones of declination, each sorted by right ascension (Gray, Nieto-
Santisteban & Szalay 2006). A worker maps the zones into memory and reads only the pages it needs.
So neither the command nor a worker ever holds the catalogue.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from .tiles import unit_vectors

ZONES = "zones"
"""Folder of the zones in the folder of the plan."""

ZONE = 1.0
"""Height of a zone, degrees."""

_RECORD = np.dtype([("ra", "f8"), ("dec", "f8"), ("source", "i8")])
_ZONES = int(180 / ZONE)


class ZoneWriter:
    """Writer of positions to a folder of zones.

    Args:
        folder: path of a new folder, which is created.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True)

    def add(self, ra: np.ndarray, dec: np.ndarray, source: np.ndarray) -> None:
        """Add (n,) positions (ICRS degrees; NaN is skipped) and numbers of sources."""
        known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
        zone = _zone(dec[known])
        order = np.argsort(zone, kind="stable")
        known, zone = known[order], zone[order]
        records = np.empty(len(known), _RECORD)
        records["ra"], records["dec"], records["source"] = ra[known], dec[known], source[known]
        for number, low, high in _groups(zone):
            with _path(self._folder, number).open("ab") as file:
                file.write(records[low:high].tobytes())

    def finish(self) -> None:
        """Sort each zone."""
        for path in sorted(self._folder.glob("*.zone")):
            records = np.fromfile(path, _RECORD)
            records[np.argsort(records["ra"], kind="stable")].tofile(path)


class Zones:
    """Positions in a folder that a `ZoneWriter` finished.

    Args:
        folder: path of the folder.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def around(
        self, ra: np.ndarray, dec: np.ndarray, radius: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Find all entries within a radius of each position, the position itself included.

        Args:
            ra: (n,) right ascension, ICRS degrees.
            dec: (n,) declination, ICRS degrees.
            radius: radius, degrees.

        Returns:
            (m,) index of the position, and (m,) right ascension, (m,) declination and (m,) number
            of the source of each entry.
        """
        index, parts = [], []
        lowest, highest = _zone(dec - radius), _zone(dec + radius)
        reach = _reach_in_ra(dec, radius)
        for number in range(int(lowest.min()), int(highest.max()) + 1):
            zone = _open_zone(str(_path(self._folder, number)))
            here = np.flatnonzero((lowest <= number) & (number <= highest))
            if zone is None or not here.size:
                continue
            for wrap in (-360.0, 0.0, 360.0):
                low = np.searchsorted(zone["ra"], ra[here] - reach[here] + wrap, side="left")
                high = np.searchsorted(zone["ra"], ra[here] + reach[here] + wrap, side="right")
                for one, first, last in zip(here, low, high, strict=True):
                    if first < last:
                        part = zone[first:last]
                        part = part[np.abs(part["dec"] - dec[one]) <= radius]
                        parts.append(part)
                        index.append(np.full(len(part), one))
        if not parts:
            nothing = np.empty(0)
            return nothing.astype(int), nothing, nothing, nothing.astype(np.int64)
        of, found = np.concatenate(index), np.concatenate(parts)
        cosine = np.einsum(
            "ij,ij->i", unit_vectors(ra[of], dec[of]), unit_vectors(found["ra"], found["dec"])
        )
        # Near a pole the windows in right ascension overlap.
        near = cosine >= math.cos(math.radians(radius))
        of, found = of[near], found[near]
        _, once = np.unique(
            np.rec.fromarrays([of, found["ra"], found["dec"], found["source"]]), return_index=True
        ) if (reach >= 180).any() else (None, slice(None))  # fmt: skip
        of, found = of[once], found[once]
        return of, found["ra"], found["dec"], found["source"]


def _zone(dec: np.ndarray) -> np.ndarray:
    return np.clip(np.floor((np.asarray(dec) + 90.0) / ZONE), 0, _ZONES - 1).astype(int)


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:03d}.zone"


def _reach_in_ra(dec: np.ndarray, radius: float) -> np.ndarray:
    """Return the half width of a circle in right ascension, degrees; 180 if it holds a pole."""
    polar = np.abs(dec) + radius >= 90.0
    sine = math.sin(math.radians(radius)) / np.cos(np.radians(np.where(polar, 0.0, dec)))
    return np.where(polar, 180.0, np.degrees(np.arcsin(np.clip(sine, 0, 1))) * (1 + 1e-9) + 1e-9)


def _groups(sorted_numbers: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield (number, start, stop) of each run of equal numbers."""
    if not len(sorted_numbers):
        return
    bounds = np.flatnonzero(np.diff(sorted_numbers)) + 1
    for low, high in zip([0, *bounds], [*bounds, len(sorted_numbers)], strict=True):
        yield int(sorted_numbers[low]), int(low), int(high)


@lru_cache(maxsize=8)
def _open_zone(path: str) -> np.ndarray | None:
    try:
        return np.memmap(path, _RECORD, mode="r")
    except FileNotFoundError:
        return None
