"""Radio galaxies as clouds of radiating cells, drawn from their morphology in the literature.

The training's simulation adds Gaussian components. Here a galaxy is a cloud of many small cells of
plasma, which fill jets, lobes and hot spots. This module imports nothing of the project.
"""

import math
from dataclasses import dataclass

import numpy as np

FRI, FRII, POINT = "FRI", "FRII", "point"

CELLS = 100_000
"""Number of cells of a jet or lobe: in a LoTSS beam of a galaxy of 300 arcsec, about 400."""

SIZES = (10.0, 300.0)
"""Least and largest angular size, arcsec. As many galaxies have sizes of 10 to 20 as of 100 to 200
arcsec: the number falls as 1 / size. This law is chosen, it is that of no survey. Catalogues of
radio galaxies with classes hold these sizes (Mingo et al. 2019, MNRAS 488, 2701: 27 arcsec and
more)."""

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

    def __add__(self, other: "Cells") -> "Cells":
        pairs = ((getattr(self, name), getattr(other, name)) for name in vars(self))
        return Cells(*map(np.concatenate, pairs))

    def scaled(self, size: float, flux: float) -> "Cells":
        """Return the cells with both offsets and fluxes multiplied by factors."""
        return Cells(size * self.east, size * self.north, flux * self.flux)

    @property
    def size(self) -> float:
        """Largest extent along any of 36 directions that holds 98 % of the flux, arcsec."""
        return max(map(self._extent, np.arange(36) * math.pi / 36))

    def _extent(self, angle: float) -> float:
        along = self.east * math.sin(angle) + self.north * math.cos(angle)
        counts, edges = np.histogram(along, 2000, weights=self.flux)
        share = np.append(0, np.cumsum(counts)) / self.flux.sum()
        return float(np.diff(np.interp(_ENDS, share, edges))[0])


def draw_galaxy(rng: np.random.Generator, kind: str) -> Cells:
    """Return a galaxy with a size drawn from `SIZES` and a total flux of 1.

    Args:
        rng: random generator.
        kind: `FRI`, `FRII` or `POINT`.
    """
    if kind == POINT:
        return point()
    cells = (draw_fri if kind == FRI else draw_frii)(rng)
    size = math.exp(rng.uniform(*map(math.log, SIZES)))
    return cells.scaled(size / cells.size, 1 / cells.flux.sum())


def point(east: float = 0.0, north: float = 0.0, flux: float = 1.0) -> Cells:
    """Return one cell."""
    return Cells(*(np.array([value]) for value in (east, north, flux)))


def draw_fri(rng: np.random.Generator) -> Cells:
    """Return an FRI: a core and two jets that widen, bend, and fade outwards.

    The flux of a jet per length falls as its distance s from the core to the power of -0.4 to -1.2
    beyond the point of flaring, and its width grows with s, so that the surface brightness falls
    (Fanaroff & Riley 1974, MNRAS 167, 31P; Laing & Bridle 2014, MNRAS 437, 3405: jets flare
    at once and are faint before). The base of one jet is brighter by a log-normal factor of
    0.3 dex, which ends at a third of its length (Laing et al. 1999, MNRAS 306, 513). Of ten
    sources, 5.5 are straight within 15 degrees or bent like an S, 3 have wide-angle tails that
    bend by 30 to 80 degrees to the same side, and 1.5 are narrow-angle tails, bent by 90 to 120
    (O'Dea & Owen 1985, AJ 90, 927). The core holds 5 % of the flux, log-normal with 0.4 dex
    (de Ruiter et al. 1990, A&A 227, 351).
    """
    axis, shape = rng.uniform(0, 2 * math.pi), rng.uniform()
    power = rng.uniform(0.7, 2.0)  # of the distance at which the jets bend
    if shape < 0.55:
        first, second = rng.choice([-1, 1]) * rng.uniform(0, math.radians(25)) * np.array([1, 1])
        first, second = np.array([first, second]) + rng.normal(0, math.radians(6), 2)
    else:
        limits = (30, 80) if shape < 0.85 else (90, 120)
        first = math.radians(rng.uniform(*limits))
        second = -first * rng.uniform(0.8, 1.2)
    flaring, fading = rng.uniform(0.03, 0.12), rng.uniform(0.4, 1.2)
    width = rng.uniform(0.12, 0.45)
    ratio = 10 ** rng.normal(0, 0.3)
    jets = [
        _jet(rng, axis, first, power, 1.0, flaring, fading, width, ratio),
        _jet(rng, axis + math.pi, second, power, rng.uniform(0.6, 1), flaring, fading, width, 1.0),
    ]
    cells = jets[0] + jets[1]
    core = 0.05 * 10 ** rng.normal(0, 0.4)
    return cells + point(flux=min(core, 0.6) * cells.flux.sum())


def _jet(
    rng: np.random.Generator,
    axis: float,
    bend: float,
    power: float,
    length: float,
    flaring: float,
    fading: float,
    width: float,
    ratio: float,
) -> Cells:
    s = rng.uniform(0.005, 1, CELLS)
    flux = np.maximum(s / flaring, 1.0) ** -fading * np.minimum(s / flaring, 1.0) ** 2
    flux *= np.minimum((1 - s) / 0.25, 1.0) * (1 + (ratio - 1) * np.exp(-3 * s))
    radius = width / 2 * np.where(s < flaring, s * 0.4, s - 0.6 * flaring) + 0.004
    along = np.linspace(0, 1, 400)  # the axis of the jet
    angle = axis + bend * along**power
    east, north = (
        np.interp(s, along, np.cumsum(way(angle)) / len(along)) for way in (np.sin, np.cos)
    )
    across = radius * _projected(rng, len(s))
    flux *= _clumps(rng, s / 0.15, across / 0.1)
    here = np.interp(s, along, angle)
    return Cells(
        length * (east + across * np.cos(here)), length * (north - across * np.sin(here)), flux
    )


def draw_frii(rng: np.random.Generator) -> Cells:
    """Return an FRII: two lobes with hot spots at their ends, bridges, and a core.

    The lengths L of the arms differ by |L1 - L2| / (L1 + L2), normal with 0.12 (Arshakian &
    Longair 2000, MNRAS 311, 846), and their fluxes by a log-normal factor of 0.2 dex. The lobes
    point 6 degrees (rms) off the axis (Leahy & Williams 1984, MNRAS 210, 929). They begin at 0 to
    0.6 of the arm, as bridges of the same paper, and brighten outwards. They are 2.5 to 6 times
    as long as wide, measured from the core (Mullin, Riley & Hardcastle 2008, MNRAS 390, 595). A hot
    spot holds 20 % of the flux of its lobe, log-normal with 0.3 dex and at most 70 %, is 1 to 4 %
    of the arm wide (Hardcastle et al. 1998, MNRAS 296, 445) and has a fainter second one in 3 of
    10 lobes. The core holds 0.5 % of the flux, log-normal with 0.6 dex and at most 20 %.
    """
    axis = rng.uniform(0, 2 * math.pi)
    difference = rng.normal(0, 0.12)
    ratio = 10 ** rng.normal(0, 0.2)
    begin, slope = rng.uniform(0, 0.6), rng.uniform(0.3, 2.0)
    slimness = rng.uniform(2.5, 6)
    arms = ((axis, 1 + difference, ratio), (axis + math.pi, 1 - difference, 1.0))
    lobes = [
        _lobe(rng, angle + math.radians(rng.normal(0, 6)), length, begin, slope, slimness)
        .scaled(1.0, flux)
        for angle, length, flux in arms
    ]  # fmt: skip
    cells = lobes[0] + lobes[1]
    core = min(0.005 * 10 ** rng.normal(0, 0.6), 0.2)
    return cells + point(flux=core * cells.flux.sum())


def _lobe(
    rng: np.random.Generator,
    axis: float,
    length: float,
    begin: float,
    slope: float,
    slimness: float,
) -> Cells:
    u = rng.uniform(0, 1, CELLS)  # from the near end of the lobe to the far one
    radius = 1 / (2 * slimness) * np.minimum(1.0, u / 0.3) ** 0.5 * np.sqrt(1 - u**6)
    along, across = begin + (1 - begin) * u, radius * _projected(rng, CELLS)
    flux = u**slope * radius * _clumps(rng, along / 0.2, across / 0.15)
    spot = min(0.2 * 10 ** rng.normal(0, 0.3), 0.7) / (1 - 0.2)
    spots = [(rng.uniform(0.93, 0.98), 0.0, spot * flux.sum())]
    if rng.uniform() < 0.3:
        place = rng.uniform(0.8, 0.95), rng.choice([-1, 1]) * rng.uniform(0.3, 0.8) / slimness / 2
        spots.append((*place, 0.3 * spot * flux.sum()))
    parts = [(along, across, flux)]
    for place, side, total in spots:
        width = rng.uniform(0.01, 0.04) / 2.355
        near = rng.normal(0, width, (2, 1000))
        parts.append((place + near[0], side + near[1], np.full(1000, total / 1000)))
    along, across, flux = map(np.concatenate, zip(*parts, strict=True))
    east = along * math.sin(axis) + across * math.cos(axis)
    north = along * math.cos(axis) - across * math.sin(axis)
    return Cells(east, north, flux / flux.sum()).scaled(length, 1.0)


def _projected(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return the offsets of cells across a filled round tube of radius 1, seen from the side."""
    return np.sqrt(rng.uniform(0, 1, count)) * np.cos(rng.uniform(0, 2 * math.pi, count))


def _clumps(rng: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return log-normal factors of brightness, smooth over offsets of 1, for turbulent plasma."""
    waves, phases = rng.normal(0, 1.5, (8, 2)), rng.uniform(0, 2 * math.pi, 8)
    field = sum(
        np.cos(x * along + y * across + phase) for (x, y), phase in zip(waves, phases, strict=True)
    )
    return np.exp(0.4 * field / 2)  # of 8 cosines the rms is 2
