"""Radio galaxies as clouds of radiating cells.

Each cell is a small part of the plasma of a jet, a lobe or a hot spot. The numbers of the laws are
chosen within the ranges of the papers. This module imports nothing of the project.
"""

import math
from dataclasses import dataclass

import numpy as np

FRI, FRII, POINT = "FRI", "FRII", "point"

CELLS = 100_000
"""Number of cells of a jet or lobe."""

SIZES = (10.0, 300.0)
"""Least and largest angular size, arcsec. The number falls as 1 / size, so that 10 to 20 arcsec are
as common as 100 to 200. This law is chosen, and is that of no survey."""

_ENDS = (0.01, 0.99)  # shares of the flux along a direction between which a size is measured


@dataclass(frozen=True, eq=False)
class Cells:
    """Radiating cells of a source.

    Attributes:
        east: (n,) offsets from the core to the east, arcsec.
        north: (n,) offsets from the core to the north, arcsec.
        flux: (n,) flux densities, of any unit.
    """

    east: np.ndarray
    north: np.ndarray
    flux: np.ndarray

    @property
    def size(self) -> float:
        """Largest extent along one of 18 directions that holds 98 % of the flux, arcsec."""
        extents = []
        for angle in np.arange(18) * math.pi / 18:
            along = self.east * math.sin(angle) + self.north * math.cos(angle)
            counts, edges = np.histogram(along, 2000, weights=self.flux)
            share = np.append(0, np.cumsum(counts)) / self.flux.sum()
            extents.append(np.diff(np.interp(_ENDS, share, edges))[0])
        return float(max(extents))

    def scaled(self, size: float, flux: float) -> "Cells":
        """Return the cells with all offsets and all fluxes multiplied."""
        return Cells(size * self.east, size * self.north, flux * self.flux)


def draw_galaxy(
    rng: np.random.Generator, kind: str, sizes: tuple[float, float] = SIZES
) -> tuple[Cells, float]:
    """Return a source with a total flux of 1, and its size in arcsec.

    Args:
        rng: random generator.
        kind: `FRI`, `FRII` or `POINT`, whose size is 0.
        sizes: least and largest size, arcsec.
    """
    if kind == POINT:
        return Cells(np.zeros(1), np.zeros(1), np.ones(1)), 0.0
    cells = (draw_fri if kind == FRI else draw_frii)(rng)
    size = math.exp(rng.uniform(*np.log(sizes)))
    return cells.scaled(size / cells.size, 1 / cells.flux.sum()), size


def draw_fri(rng: np.random.Generator) -> Cells:
    """Return an FRI: a core and two jets that widen, bend, and fade outwards.

    The inner jets are faint up to a point of flaring at 3 to 12 % of the length. Beyond, the flux
    per length falls with the distance to the power of -0.4 to -1.2, and the width grows (Fanaroff &
    Riley 1974, MNRAS 167, 31P; Laing & Bridle 2014, MNRAS 437, 3405). The base of one jet is
    brighter by a log-normal factor of 0.3 dex (Laing et al. 1999, MNRAS 306, 513). The lengths
    differ by up to 40 %. Of 20 sources, 11 are bent by up to 25 degrees like an S, 6 are wide-angle
    tails, bent by 30 to 80 degrees to the same side, and 3 narrow-angle tails, bent by 90 to 120
    (Owen & Rudnick 1976, ApJ 205, L1). The core holds 5 % of the flux, log-normal with 0.4 dex and
    at most 60 %.
    """
    shape = rng.uniform()
    if shape < 0.55:
        bend = np.radians(rng.uniform(-25, 25) + rng.normal(0, 6, 2))
    else:
        bend = math.radians(rng.uniform(*((30, 80) if shape < 0.85 else (90, 120))))
        bend *= np.array([1, -rng.uniform(0.8, 1.2)])
    bending, flaring = rng.uniform(0.7, 2), rng.uniform(0.03, 0.12)
    fading, width = rng.uniform(0.4, 1.2), rng.uniform(0.12, 0.45)
    ratio, length = (10 ** rng.normal(0, 0.3), 1.0), (1.0, rng.uniform(0.6, 1))
    axis = rng.uniform(0, 2 * math.pi)
    jets = []
    for side in (0, 1):
        s = rng.uniform(0.005, 1, CELLS)
        radius = 0.004 + width / 2 * np.where(s < flaring, 0.4 * s, s - 0.6 * flaring)
        across = radius * _projected(rng)
        flux = np.minimum(s / flaring, 1) ** 2 * np.maximum(s / flaring, 1) ** -fading
        flux *= np.minimum((1 - s) / 0.25, 1) * (1 + (ratio[side] - 1) * np.exp(-3 * s))
        grid = np.linspace(0, 1, 400)
        angle = axis + side * math.pi + bend[side] * grid**bending
        east, north = (np.interp(s, grid, np.cumsum(way(angle)) / 400) for way in (np.sin, np.cos))
        here = np.interp(s, grid, angle)
        jet = Cells(
            east + across * np.cos(here),
            north - across * np.sin(here),
            flux * _clumps(rng, s / 0.15, across / 0.1),
        )
        jets.append(jet.scaled(length[side], 1.0))
    return _with_core(jets, min(0.05 * 10 ** rng.normal(0, 0.4), 0.6))


def draw_frii(rng: np.random.Generator) -> Cells:
    """Return an FRII: two lobes with hot spots at their ends, bridges, and a core.

    The lengths L of the arms differ by (L1 - L2) / (L1 + L2), normal with 0.12 (Arshakian & Longair
    2000, MNRAS 311, 846), and their fluxes by a log-normal factor of 0.2 dex. The lobes point
    6 degrees (rms) off the axis. They begin at 0 to 0.6 of the arm as a bridge, which brightens
    outwards with the distance to the power of 0.3 to 2 (Leahy & Williams 1984, MNRAS 210, 929). An
    arm is 2.5 to 6 times as long as its lobe is wide (Mullin et al. 2008, MNRAS 390, 595). A hot
    spot is 1 to 4 % of the arm wide and has a fainter second one in 3 of 10 lobes (Hardcastle et
    al. 1998, MNRAS 296, 445). Its flux is 25 % of the rest of the lobe's, log-normal with 0.3 dex,
    at most twice. The core holds 0.5 % of the flux, log-normal with 0.6 dex and at most 20 %.
    """
    axis, slimness = rng.uniform(0, 2 * math.pi), rng.uniform(2.5, 6)
    begin, slope = rng.uniform(0, 0.6), rng.uniform(0.3, 2)
    difference, ratio = rng.normal(0, 0.12), 10 ** rng.normal(0, 0.2)
    lobes = []
    for angle, length, total in (
        (axis, 1 + difference, ratio),
        (axis + math.pi, 1 - difference, 1.0),
    ):
        u = rng.uniform(0, 1, CELLS)  # from the near end of the lobe to the far one
        radius = np.minimum(1, u / 0.3) ** 0.5 * np.sqrt(1 - u**6) / (2 * slimness)
        along, across = begin + (1 - begin) * u, radius * _projected(rng)
        flux = u**slope * radius * _clumps(rng, along / 0.2, across / 0.15)
        parts = [(along, across, flux)]
        spot = min(0.25 * 10 ** rng.normal(0, 0.3), 2.0) * flux.sum()
        spots = [(rng.uniform(0.93, 0.98), 0.0, spot)]
        if rng.uniform() < 0.3:
            side = rng.choice([-1, 1]) * rng.uniform(0.3, 0.8) / (2 * slimness)
            spots.append((rng.uniform(0.8, 0.95), side, 0.3 * spot))
        for place, side, bright in spots:
            near = rng.normal(0, rng.uniform(0.01, 0.04) / 2.355, (2, 1000))
            parts.append((place + near[0], side + near[1], np.full(1000, bright / 1000)))
        along, across, flux = map(np.concatenate, zip(*parts, strict=True))
        angle += math.radians(rng.normal(0, 6))
        east = along * math.sin(angle) + across * math.cos(angle)
        north = along * math.cos(angle) - across * math.sin(angle)
        lobes.append(Cells(east, north, flux / flux.sum()).scaled(length, total))
    return _with_core(lobes, min(0.005 * 10 ** rng.normal(0, 0.6), 0.2))


def _with_core(parts: list[Cells], share: float) -> Cells:
    """Return parts, with a core of a share of the whole flux."""
    flux = sum(part.flux.sum() for part in parts)
    core = Cells(np.zeros(1), np.zeros(1), np.array([flux * share / (1 - share)]))
    parts = [*parts, core]
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in vars(core)))


def _projected(rng: np.random.Generator) -> np.ndarray:
    """Return offsets of cells across a filled round tube of radius 1, seen from the side."""
    return np.sqrt(rng.uniform(0, 1, CELLS)) * np.cos(rng.uniform(0, 2 * math.pi, CELLS))


def _clumps(rng: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return log-normal factors of brightness (0.4 in ln), smooth over offsets of about 1."""
    waves, phases = rng.normal(0, 1.5, (8, 2)), rng.uniform(0, 2 * math.pi, 8)
    field = sum(
        np.cos(x * along + y * across + phase) for (x, y), phase in zip(waves, phases, strict=True)
    )  # rms 2
    return np.exp(0.2 * field)
