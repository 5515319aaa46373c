"""Measurement of the source in a frame: size, place and signal-to-noise ratio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .beam import PIXELS_PER_BEAM
from .conventions import PIXEL_SCALE
from .ellipse import flux_covariance
from .islands import OFF_CENTRE_PIXELS, Island, find_islands, grown
from .linking import LONGEST_PAIR, LinkedSource, link
from .preprocessing import MASK_SIGMA
from .roundness import is_round

LEAST_GALAXY = 3.0
"""Least size of the largest island of a source that is `one_sided`, beams."""

_BRIGHTEST = 4.0  # peak of a point over that of the galaxy: the core of a jet may be brighter
_FARTHEST_BEAMS = 2.0  # distance up to which a position is never off its source
_LARGEST_ERROR = 30.0  # of a position, arcsec: up to it, the position is not off its source either
_END = 0.4  # of a source: distance from its middle along it, in units of its size; 0.5 at most

_ANGLES = np.linspace(0, np.pi, 36, endpoint=False)
_DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)], axis=1)  # rows and columns


_Ends = tuple[np.ndarray, np.ndarray]  # highest and lowest place along each of `_DIRECTIONS`


@dataclass(frozen=True, eq=False)
class Extent:
    """Extent and place of the source in a frame.

    Attributes:
        found: whether there is a source.
        size: its largest extent in pixels, minus the beam's contribution: each island is shrunk
            by the half width of a point source of its brightness at 3 sigma. 0 for a point
            source of any brightness.
        peak: signal-to-noise ratio of the brightest pixel of the source.
        distance: distance of its nearest pixel from the middle of the frame, pixels.
        touches_border: whether it reaches the first or last row or column.
        main_share: share of the source's flux in its brightest island.
        point_share: share of the source's flux within a beam of its brightest pixel: a point
            source has over 0.9, and less with a neighbour or with sidelobes.
        main_size: `size` of that island alone, pixels.
        certain_size: `size` of the islands that are certain to belong together
            (`linking.LinkedSource.certain`), pixels; at least `main_size`.
        neighbours: number of islands in the frame that are not the source's.
        incomplete: whether part of the source may lie on unknown pixels.
        confused: whether a neighbour cannot be separated from it (`linking.LinkedSource`).
        centroid: (x, y) of the source's flux, pixels from the middle of the frame.
        one_sided: whether a compact island at an end of the source is within a beam of the
            position, and its largest island, larger than `LEAST_GALAXY`, has over a quarter of
            that one's peak: it may be another galaxy.
        off_source: whether the stated position is further from the centroid than the source is
            long, than two beams and than 30 arcsec: the source may be one lobe of that at the
            position.
        mask: (height, width) bool, pixels of the source above 3 sigma; None without a source.
        covariance: (2, 2) second moments of the flux along x and y (`ellipse.flux_covariance`),
            pixels squared; None without a source.
        is_round: whether it is a ring or a smooth round patch (`roundness.is_round`).
    """

    found: bool
    size: float = 0.0
    peak: float = 0.0
    distance: float = 0.0
    touches_border: bool = False
    main_share: float = 0.0
    point_share: float = 0.0
    main_size: float = 0.0
    certain_size: float = 0.0
    neighbours: int = 0
    incomplete: bool = False
    confused: bool = False
    centroid: tuple[float, float] = (0.0, 0.0)
    one_sided: bool = False
    off_source: bool = False
    mask: np.ndarray | None = field(default=None, repr=False)
    covariance: np.ndarray | None = field(default=None, repr=False)
    is_round: bool = False


def measure_extent(
    snr: np.ndarray,
    beam: float = PIXELS_PER_BEAM,
    unknown: np.ndarray | None = None,
    position: tuple[float, float] = (0.0, 0.0),
    pixel_scale: float = PIXEL_SCALE,
) -> Extent:
    """Find the source of a frame (`linking.link`) and measure it.

    Args:
        snr: (height, width) map in units of the noise; NaN counts as below the noise.
        beam: full width at half maximum of the beam, pixels.
        unknown: (height, width) bool, mask of unknown pixels; None: all are known.
        position: (x, y) of the stated position, pixels from the middle of the frame.
        pixel_scale: pixel scale, arcsec.

    Returns:
        The extent; `found` is False without an island.
    """
    unknown = unknown if unknown is not None and unknown.any() else None
    linked = find_source(snr, beam, unknown, LONGEST_PAIR / pixel_scale, position)
    if linked is None:
        return Extent(False, incomplete=unknown is not None and _hides_a_source(unknown))
    source = linked.islands
    main = max(source, key=lambda island: island.total)
    last = np.array(snr.shape) - 1
    sides = [_shrunken_sides(island, beam) for island in source]
    farthest = max(_FARTHEST_BEAMS * beam, _LARGEST_ERROR / pixel_scale)
    size, main_size = _size(sides), _size([sides[source.index(main)]])
    centroid = centroid_of(source)
    total = sum(island.total for island in source)
    place = (np.array(snr.shape) - 1) / 2 + position[::-1]
    mask = np.zeros(snr.shape, bool)
    for island in source:
        mask[tuple(island.pixels.T)] = True
    covariance = flux_covariance(source, snr)
    return Extent(
        True,
        size,
        max(island.peak for island in source),
        min(island.distance for island in source),
        any(bool(((i.points == 0) | (i.points == last)).any()) for i in source),
        main.total / total,
        _point_share(snr, mask, beam),
        main_size,
        max(main_size, _size([sides[source.index(island)] for island in linked.certain])),
        linked.neighbours,
        unknown is not None and _reaches(source, unknown),
        linked.confused,
        centroid,
        _is_one_sided(source, sides, place, beam),
        math.dist(centroid, position) > max(size, farthest),
        mask,
        covariance,
        is_round(source, covariance, snr, beam),
    )


def find_source(
    snr: np.ndarray,
    beam: float = PIXELS_PER_BEAM,
    unknown: np.ndarray | None = None,
    longest: float = math.inf,
    position: tuple[float, float] = (0.0, 0.0),
) -> LinkedSource | None:
    """Return the source of a frame, from the arguments of `measure_extent`; None without one."""
    islands = find_islands(snr)
    return link(islands, beam, snr.size, unknown, longest, position) if islands else None


def centroid_of(source: Sequence[Island]) -> tuple[float, float]:
    """Return (x, y) of the flux of islands, pixels from the middle of the frame."""
    total = sum(island.total for island in source)
    row, column = sum(island.total * island.centroid for island in source) / total
    return float(column), float(row)


def size_of(islands: Sequence[Island], beam: float) -> float:
    """Return the largest extent of islands minus the beam's contribution, pixels.

    Args:
        islands: the islands, at least one.
        beam: full width at half maximum of the beam, pixels.
    """
    return _size([_shrunken_sides(island, beam) for island in islands])


def _point_share(snr: np.ndarray, mask: np.ndarray, beam: float) -> float:
    """Return the share of the flux in a mask within a beam of its brightest pixel."""
    rows, columns = np.nonzero(mask)
    flux = snr[rows, columns]
    brightest = flux.argmax()
    row, column = rows[brightest], columns[brightest]
    near = (rows - row) ** 2 + (columns - column) ** 2 <= beam**2
    return float(flux[near].sum(dtype=float) / flux.sum(dtype=float))


def _hides_a_source(unknown: np.ndarray, nearest: float = OFF_CENTRE_PIXELS) -> bool:
    """Return whether an unknown pixel lies within `nearest` pixels of the frame's centre."""
    offsets = np.argwhere(unknown) - (np.array(unknown.shape) - 1) / 2
    return bool(np.hypot(*offsets.T).min() < nearest)


def _reaches(source: Sequence[Island], unknown: np.ndarray) -> bool:
    """Return whether part of a source may lie on unknown pixels.

    It may if the source touches them, if they are nearer to the middle of the frame than the
    source is, or if they lie opposite to it, since radio galaxies have two sides.
    """
    points = np.concatenate([island.points for island in source])
    opposite = np.array(unknown.shape) - 1 - points
    distance = min(island.distance for island in source)
    return (
        bool(grown(unknown)[tuple(points.T)].any())
        or bool(unknown[tuple(opposite.T)].any())
        or _hides_a_source(unknown, min(distance, OFF_CENTRE_PIXELS))
    )


def _shrunken_sides(island: Island, beam: float) -> _Ends:
    """Return the ends of an island along each of `_DIRECTIONS`, minus the beam's contribution."""
    overhang = beam / 2 * math.sqrt(math.log2(island.peak / MASK_SIGMA))
    along = _DIRECTIONS @ island.points.T
    high, low = along.max(axis=1), along.min(axis=1)
    # An island smaller than its overhang shrinks to its middle.
    middle = (high + low) / 2
    half = np.maximum((high - low) / 2 - overhang, 0)
    return middle + half, middle - half


def _size(sides: Sequence[_Ends]) -> float:
    """Return the largest extent along one of the directions."""
    high, low = _ends(sides)
    return float((high - low).max())


def _ends(sides: Sequence[_Ends]) -> _Ends:
    """Return the ends of several islands together."""
    highs, lows = zip(*sides, strict=True)
    return np.max(highs, axis=0), np.min(lows, axis=0)


def _is_one_sided(
    source: Sequence[Island], sides: Sequence[_Ends], place: np.ndarray, beam: float
) -> bool:
    """Return `Extent.one_sided` of islands, their `sides` and the (row, column) of a position."""
    if len(source) == 1:  # not compact and large at once
        return False
    sizes = [_size([one]) for one in sides]
    if max(sizes) <= LEAST_GALAXY * beam:
        return False
    distances = [float(np.hypot(*(island.pixels - place).T).min()) for island in source]
    nearest, largest = int(np.argmin(distances)), int(np.argmax(sizes))
    if distances[nearest] > beam or sizes[nearest] >= beam:
        return False
    if source[nearest].peak > _BRIGHTEST * source[largest].peak:
        return False
    high, low = _ends(sides)
    longest = int((high - low).argmax())
    offset = abs(_DIRECTIONS[longest] @ place - (high[longest] + low[longest]) / 2)
    return bool(offset >= _END * (high[longest] - low[longest]))
