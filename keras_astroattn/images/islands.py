"""Selection of the source among the emission in a frame, and measurement of its size.

A radio galaxy can have several parts: two lobes and a core may be three islands above the noise,
and the next island may be another galaxy. The rule was fitted to the 1256 images of MiraBest and
the angular sizes in their file names.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from .beam import PIXELS_PER_BEAM
from .preprocessing import MASK_SIGMA

SOURCE_SIGMA = 5.0
"""Least peak of an island in units of the noise."""

OFF_CENTRE_PIXELS = 15.0
"""Largest distance of the source's nearest pixel from the middle, pixels."""

_MIN_PIXELS = 3
_MIN_RELATIVE_PEAK = 0.02  # of the brightest island: fainter ones are sidelobes
_SMALLEST_REACH = 8.0  # pixels: islands are linked across twice their extent, at least twice this
_LONGEST_GAP = 40.0  # pixels
_BALANCE = 0.35  # largest offset of the middle of two lobes, in units of their separation
_LOBE_RATIO = 5.0  # largest ratio of the fluxes of two lobes
_CORE_RATIO = 3.0  # largest ratio of the core's flux to the brighter lobe's
_ANGLES = np.linspace(0, np.pi, 36, endpoint=False)
_DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)], axis=1)  # rows and columns


@dataclass(frozen=True)
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
        main_size: `size` of that island alone, pixels.
        incomplete: whether part of the source may lie on unknown pixels.
    """

    found: bool
    size: float = 0.0
    peak: float = 0.0
    distance: float = 0.0
    touches_border: bool = False
    main_share: float = 0.0
    main_size: float = 0.0
    incomplete: bool = False


@dataclass(frozen=True, eq=False)
class _Island:
    points: np.ndarray  # (n, 2) rows and columns of its outline
    peak: float
    total: float
    distance: float
    extent: float
    centroid: np.ndarray  # (2,) rows and columns from the middle of the frame


def measure_extent(
    snr: np.ndarray, beam: float = PIXELS_PER_BEAM, unknown: np.ndarray | None = None
) -> Extent:
    """Find the source of a frame and measure it.

    The source starts from the island with the most flux near the middle (weighted by a Gaussian
    of 15 pixels). It includes other islands across gaps of up to twice their extent, at most 40
    pixels. Two islands of similar flux on opposite sides of the middle are lobes of one source
    at any distance.

    Args:
        snr: (height, width) map in units of the noise; NaN counts as below the noise.
        beam: full width at half maximum of the beam, pixels.
        unknown: (height, width) bool, mask of unknown pixels; None: all are known.

    Returns:
        The extent; `found` is False without an island.
    """
    bright = snr > MASK_SIGMA
    islands = _islands(snr, bright)
    unknown = unknown if unknown is not None and unknown.any() else None
    if not islands:
        return Extent(False, incomplete=unknown is not None and _hides_a_source(unknown))
    source = _linked(islands)
    main = max(source, key=lambda island: island.total)
    last = np.array(snr.shape) - 1
    size = _shrunken_size(source, beam)
    return Extent(
        True,
        size,
        max(island.peak for island in source),
        min(island.distance for island in source),
        any(bool(((i.points == 0) | (i.points == last)).any()) for i in source),
        main.total / sum(island.total for island in source),
        _shrunken_size([main], beam) if source[1:] else size,
        unknown is not None and _reaches(source, unknown),
    )


def label_islands(bright: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label the connected pixels (eight neighbours) of a mask.

    Args:
        bright: (height, width) bool.

    Returns:
        (n, 2) rows and columns of the n True pixels, and (n,) int labels: the smallest
        index among the pixels of the same island.
    """
    height, width = bright.shape
    # Runs of pixels along rows represent their pixels; two black columns end each run.
    width += 2
    framed = np.zeros((height, width), bool)
    framed[:, 1:-1] = bright
    flat = framed.ravel()
    bounds = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, stops = bounds[::2], bounds[1::2]
    low = np.searchsorted(stops - width, starts, side="left")
    high = np.searchsorted(starts - width, stops, side="right")
    # For each run: the numbers low to high of the runs in the next row that touch it.
    below = high - low
    above = np.repeat(np.arange(len(starts)), below)
    under = np.arange(len(above)) + np.repeat(low - np.cumsum(below) + below, below)
    labels = connected(len(starts), above, under)
    lengths = stops - starts
    first = np.cumsum(lengths) - lengths
    rows, columns = np.divmod(np.arange(lengths.sum()) + np.repeat(starts - first, lengths), width)
    return np.stack([rows, columns - 1], axis=1), np.repeat(first[labels], lengths)


def connected(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Label the connected components of a graph.

    Args:
        count: number of nodes.
        one: (n,) int, node at one end of each of n links.
        other: (n,) int, node at its other end.

    Returns:
        (count,) int labels: the smallest index among the nodes of the same component.
    """
    labels = np.arange(count)
    while True:
        lower = np.minimum(labels[one], labels[other])
        previous = labels.copy()
        # Hooking the roots and then jumping to the root's root takes a logarithmic number of
        # rounds; passing labels to neighbours would take one round a link.
        np.minimum.at(labels, previous[one], lower)
        np.minimum.at(labels, previous[other], lower)
        labels = labels[labels]
        if np.array_equal(labels, previous):
            return labels


def grown(mask: np.ndarray) -> np.ndarray:
    """Return a (height, width) mask extended by its eight neighbours."""
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    tall = wide.copy()
    tall[1:] |= wide[:-1]
    tall[:-1] |= wide[1:]
    return tall


def on_outline(bright: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return which pixels of a mask have one of four neighbours outside it.

    Args:
        bright: (height, width) bool.
        points: (n, 2) rows and columns of its pixels.

    Returns:
        (n,) bool.
    """
    padded = np.zeros((bright.shape[0] + 2, bright.shape[1] + 2), bool)
    padded[1:-1, 1:-1] = bright
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return ~inside[points[:, 0], points[:, 1]]


def _islands(snr: np.ndarray, bright: np.ndarray) -> list[_Island]:
    points, labels = label_islands(bright)
    values = snr[points[:, 0], points[:, 1]]
    if not values.size or not values.max() >= SOURCE_SIGMA:
        return []
    faintest = max(SOURCE_SIGMA, _MIN_RELATIVE_PEAK * float(values.max()))
    outline = on_outline(bright, points)
    middle = (np.array(snr.shape) - 1) / 2
    found = []
    for label in np.unique(labels[values >= faintest]):
        members = np.flatnonzero(labels == label)
        if len(members) < _MIN_PIXELS:
            continue
        edge = points[members[outline[members]]]
        weights = values[members].astype(np.float64)
        total = float(weights.sum())
        offsets = points[members] - middle
        found.append(
            _Island(
                edge,
                float(weights.max()),
                total,
                math.sqrt((offsets * offsets).sum(axis=1).min()),
                math.hypot(*(edge.max(axis=0) - edge.min(axis=0))),
                weights @ offsets / total,
            )
        )
    return found


def _hides_a_source(unknown: np.ndarray, nearest: float = OFF_CENTRE_PIXELS) -> bool:
    """Return whether an unknown pixel lies within `nearest` pixels of the frame's centre."""
    offsets = np.argwhere(unknown) - (np.array(unknown.shape) - 1) / 2
    return bool(np.hypot(*offsets.T).min() < nearest)


def _reaches(source: list[_Island], unknown: np.ndarray) -> bool:
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


def _linked(islands: list[_Island]) -> list[_Island]:
    def importance(island: _Island) -> float:
        return math.log(island.total) - 0.5 * (island.distance / OFF_CENTRE_PIXELS) ** 2

    def belongs(island: _Island, other: _Island) -> bool:
        return gap(island.points, other.points) <= reach_of(other.extent)

    waiting = sorted(islands, key=importance, reverse=True)
    fresh = [waiting.pop(0)]
    fresh += _lobes(islands, fresh[0])
    waiting = [island for island in waiting if island not in fresh]
    source = []
    while fresh:
        island = fresh.pop()
        source.append(island)
        near = [other for other in waiting if belongs(island, other)]
        waiting = [other for other in waiting if other not in near]
        fresh += near
    return source


def _lobes(islands: list[_Island], core: _Island) -> list[_Island]:
    """Return two islands that balance about the middle of the frame; `core` may be one of them."""
    ordered = sorted(islands, key=lambda island: island.total, reverse=True)
    for one, other in itertools.combinations(ordered, 2):
        separation = np.hypot(*(one.centroid - other.centroid))
        imbalance = np.hypot(*(one.centroid + other.centroid)) / 2
        alike = one.total <= _LOBE_RATIO * other.total
        # An island brighter than the lobes may be their core; a much brighter one is a neighbour.
        if alike and imbalance <= _BALANCE * separation and core.total <= _CORE_RATIO * one.total:
            return [island for island in (one, other) if island is not core]
    return []


def reach_of(extent: float) -> float:
    """Return the longest gap across which an island is linked, pixels.

    Args:
        extent: diagonal of the island, pixels.
    """
    return min(2 * max(_SMALLEST_REACH, extent), _LONGEST_GAP)


def gap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the distance between the nearest of (n, 2) and (m, 2) pixels."""
    # |a - b|^2 = a^2 + b^2 - 2 a b, exact in float64 for the indices of pixels.
    a, b = one.astype(np.float64), other.astype(np.float64)
    squares = (a * a).sum(axis=1)[:, np.newaxis] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    return math.sqrt(max(squares.min(), 0.0))


def _shrunken_size(source: list[_Island], beam: float) -> float:
    highs, lows = [], []
    for island in source:
        overhang = beam / 2 * math.sqrt(math.log2(island.peak / MASK_SIGMA))
        along = _DIRECTIONS @ island.points.T
        high, low = along.max(axis=1), along.min(axis=1)
        # An island smaller than its overhang shrinks to its middle.
        middle = (high + low) / 2
        half = np.maximum((high - low) / 2 - overhang, 0)
        highs.append(middle + half)
        lows.append(middle - half)
    return float((np.max(highs, axis=0) - np.min(lows, axis=0)).max())
