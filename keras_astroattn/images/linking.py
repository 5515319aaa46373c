"""Selection of the islands that belong to the source of a frame.

A radio galaxy can have several parts: two lobes and a core may be three islands above the noise,
and the next island may be another galaxy. An island is linked to the source if it lies where a
part of the source may lie, and if a neighbour of its flux is unlikely to lie there by chance. The
density of neighbours is that of the frame itself.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .conventions import IMAGE_SIZE
from .islands import OFF_CENTRE_PIXELS, SOURCE_SIGMA, Island, faintest_peak
from .preprocessing import MASK_SIGMA

CHANCE = 0.02
"""Largest expected number of unrelated islands, as bright and as near, of a linked island."""

CERTAIN_CHANCE = 0.002
"""Largest expected number of unrelated islands, as bright and as near, of a certain part: even if
most sources are points, few of them have such an island by chance."""

CERTAIN_PAIR = 5e-4
"""Largest expected number of unrelated pairs of islands, as bright, as near and as well balanced
about a position between them, of a pair that is certain."""

CONFUSED_CHANCE = 0.1
"""An island that is not linked but whose expected number is below this may belong to the source."""

LONGEST_PAIR = 900.0
"""Largest separation of two islands that are linked as lobes across the middle, arcsec. Few radio
galaxies are longer, and a frame of a wide beam holds many such pairs by chance."""

_DOUBTFUL = 0.3
"""Two sources of similar flux may be one if fewer unrelated ones are expected as near."""

_TOUCHING = 4.0  # pixels: noise divides a source into islands across such a gap
_SMALLEST_REACH = 8.0  # pixels: islands are linked across twice their extent, at least twice this
_LONGEST_GAP = 40.0  # pixels
_NEAR_GAP = 12.0  # pixels: across it, parts of a source are likelier than bright neighbours
_BALANCE = 0.2  # largest offset of the middle of two lobes, in units of their separation
_OPPOSITE_RATIO = 10.0  # largest ratio of the fluxes of two lobes on opposite sides of the middle
_LOBE_RATIO = 5.0  # largest ratio of the fluxes of two lobes
_CORE_RATIO = 3.0  # largest ratio of the core's flux to the brighter lobe's
_COUNT_SLOPE = 1.1  # of the cumulative source counts N(> S) ~ S^-1.1, from 1 mJy to 1 Jy
_UNSEEN = 0.5  # islands added to those counted: no neighbour in a frame is not a density of 0


@dataclass(frozen=True, eq=False)
class LinkedSource:
    """The islands of a source.

    Attributes:
        islands: its islands; the first is the one at the middle, or near it.
        confused: whether a neighbour cannot be separated: an island that may belong to the source
            was not linked, or an island of another source is nearer to the middle.
        certain: the first island, those linked to it with a chance below `CERTAIN_CHANCE`, and
            two lobes between which the position lies, if their chance is below `CERTAIN_PAIR`;
            empty from `divide`.
        neighbours: number of islands of the frame that were not linked; 0 from `divide`.
    """

    islands: tuple[Island, ...]
    confused: bool
    certain: tuple[Island, ...] = ()
    neighbours: int = 0


def link(
    islands: Sequence[Island],
    beam: float,
    area: float,
    unknown: np.ndarray | None = None,
    longest: float = math.inf,
    position: tuple[float, float] = (0.0, 0.0),
) -> LinkedSource:
    """Return the source among the islands of a frame.

    The source starts from the island within a beam of the middle; without one, from the island
    with the most flux near the middle (weighted by a Gaussian of 15 pixels). It includes other
    islands across gaps of up to twice their extent, at most 40 pixels, and two islands of similar
    flux that balance about the middle, up to `longest` apart. In both cases an island is linked
    only if the expected number of unrelated islands of at least its flux S within that distance g
    of the source is below `CHANCE`:

        N(> S) (pi g^2 + 2 g extent) / area

    N(> S) is the largest of (n + 1/2) (S / S0)^-1.1, for n unlinked islands and the flux S0 of
    the faintest island that can be detected, and of k (S / S_k)^-1.1 for the k-th brightest
    unlinked island of flux S_k (k if S < S_k). For two lobes, S is the flux of the fainter, and g
    is its distance from the place opposite to the other, at least 8 pixels and at most half their
    separation; the area is pi g^2.

    Across a gap of over 12 pixels, an island that is brighter than the source is linked only as
    one of two lobes: a single one is a neighbour, unless unknown pixels opposite to it may hide
    the other lobe. Across a smaller gap, N(> S) is the larger of
    the first term and the number of brighter unlinked islands. Islands across a gap of at most 4
    pixels are always linked.

    A catalogue has the position of an unrelated island on that island. So two linked islands of
    similar flux, which balance about a position over a beam from both of their centroids, are
    rarely both there by chance. They are certain if the expected number of such pairs is below
    `CERTAIN_PAIR`: the number of islands of the brighter one's flux within half of their
    separation of the position, times that of the fainter one's flux within a distance g of the
    place opposite to the brighter, g being at least a beam. All islands of the frame count.

    Args:
        islands: the islands of the frame, at least one.
        beam: full width at half maximum of the beam, pixels.
        area: number of pixels of the frame.
        unknown: (height, width) bool, mask of unknown pixels; None: all are known.
        longest: largest separation of two islands that balance about the middle, pixels
            (`LONGEST_PAIR`). A longer pair only makes the source `confused`.
        position: (x, y) of the stated position, pixels from the middle of the frame.

    Returns:
        The source.
    """
    faintest = faintest_peak(max(island.peak for island in islands))
    counts = _Counts(islands, _flux_of_point(faintest, beam), area)
    at_position = [island for island in islands if island.distance <= beam]
    core = max(at_position or islands, key=_importance)
    waiting = [island for island in islands if island is not core]
    lobes, chance, separation = _lobes(islands, core, counts)
    likely_lobes = lobes if chance < CONFUSED_CHANCE else []
    if separation > longest:
        lobes, chance, _ = _lobes(islands, core, counts, longest)
    certain = [core, *(lobes if chance < CERTAIN_CHANCE else [])]
    lobes = lobes if chance < CHANCE else []
    waiting = [island for island in waiting if island not in lobes]
    fresh, source = [core, *lobes], []
    while fresh:
        island = fresh.pop(0)
        source.append(island)
        # The nearest first, because each linked island is one neighbour less.
        for distance, other in sorted(_near(island, waiting), key=lambda pair: pair[0]):
            own = (*source, *fresh, other)
            linked = sum(one.total for one in own[:-1])
            if distance > _NEAR_GAP and other.total > linked and not _may_face(other, unknown):
                continue  # a brighter galaxy, not a part of this source
            chance = counts.chance_in_frame(other, distance, island.extent, own)
            if distance <= _TOUCHING or chance < CHANCE:
                fresh.append(other)
                waiting.remove(other)
                if island in certain and chance < CERTAIN_CHANCE:
                    certain.append(other)
    pair = _certain_pair(source, np.array(position[::-1]), beam, counts)
    certain += [island for island in pair if island not in certain]
    doubtful = any(island in waiting for island in likely_lobes) or any(
        counts.chance_in_frame(other, distance, island.extent, (*source, other)) < CONFUSED_CHANCE
        for island in source
        for distance, other in _near(island, waiting)
    )
    nearest = min(island.distance for island in source)
    hidden = any(island.distance < min(nearest, OFF_CENTRE_PIXELS) for island in waiting)
    return LinkedSource(tuple(source), doubtful or hidden, tuple(certain), len(waiting))


def divide(islands: Sequence[Island], beam: float, area: float) -> list[LinkedSource]:
    """Divide the islands of a map into sources.

    Each source starts from the island with the most flux that is in no source yet. It includes
    islands across gaps of up to twice the extent of the larger, at most 40 pixels, if fewer than
    `CONFUSED_CHANCE` unrelated islands as bright are expected as near (see `link`); and islands
    of similar flux, whose ratio is at most 5, anywhere within a frame, if fewer than `CHANCE` are.

    Args:
        islands: the islands of the map; `distance` and the origin of `centroid` are not used.
        beam: full width at half maximum of the beam, pixels.
        area: number of known pixels of the map.

    Returns:
        The sources. Two sources of similar flux within one frame are both `confused` if fewer
        than 0.3 unrelated islands as bright as the brighter are expected as near: they may be
        the lobes of one.
    """
    counts = _Counts(islands, _flux_of_point(SOURCE_SIGMA, beam), area)
    waiting = sorted(islands, key=lambda island: island.total, reverse=True)
    found = []
    while waiting:
        source, fresh = [], [waiting.pop(0)]
        while fresh:
            island = fresh.pop(0)
            source.append(island)
            for distance, other in _companions(island, waiting):
                own = (*source, *fresh, other)
                chance = counts.chance(other, distance, island.extent, own)
                near = distance <= reach_of(max(island.extent, other.extent))
                if distance <= _TOUCHING or chance < (CONFUSED_CHANCE if near else CHANCE):
                    fresh.append(other)
                    waiting.remove(other)
        found.append(tuple(source))
    return [LinkedSource(one, _is_confused(one, found, counts)) for one in found]


def _is_confused(
    source: tuple[Island, ...], sources: Sequence[tuple[Island, ...]], counts: "_Counts"
) -> bool:
    """Return whether another source may be a lobe of the same one."""
    flux = sum(island.total for island in source)
    for other in sources:
        theirs = sum(island.total for island in other)
        if other is source or not _alike(flux, theirs) or _width_of(*source, *other) >= IMAGE_SIZE:
            continue
        distance = min(gap(a.points, b.points) for a in source for b in other)
        extent = min(_width_of(*source), _width_of(*other))
        own = (*source, *other)
        if counts.expected(max(flux, theirs), distance, extent, own) < _DOUBTFUL:
            return True
    return False


def _companions(island: Island, others: Sequence[Island]) -> list[tuple[float, Island]]:
    """Return the islands that may belong to the source of `island`, and their gaps, nearest first.

    They lie across a gap of at most twice the extent of the larger, or are of similar flux and
    within a frame, 150 pixels wide, that holds both.
    """
    found = []
    for other in others:
        reach = reach_of(max(island.extent, other.extent))
        lobe = _alike(island.total, other.total) and _width_of(island, other) < IMAGE_SIZE
        if not lobe and _boxes_apart(island, other) > reach:  # cheaper than the gap
            continue
        distance = gap(island.points, other.points)
        if lobe or distance <= reach:
            found.append((distance, other))
    return sorted(found, key=lambda pair: pair[0])


def _alike(one: float, other: float) -> bool:
    return max(one, other) <= _LOBE_RATIO * min(one, other)


def _width_of(*islands: Island) -> float:
    """Return the longer side of the box around islands, pixels."""
    top, bottom, left, right = zip(*(island.box for island in islands), strict=True)
    return max(max(bottom) - min(top), max(right) - min(left))


class _Counts:
    """Expected number of unrelated islands, from the islands of a frame."""

    def __init__(self, islands: Sequence[Island], faintest: float, area: float):
        self._islands, self._faintest, self._area = islands, faintest, area

    def above(self, flux: float, own: Sequence[Island]) -> float:
        """Return the number of unrelated islands in the frame of at least a flux."""
        others = [island.total for island in self._islands if island not in own]
        brighter = sum(total >= flux for total in others)
        steep = (max(flux / self._faintest, 1.0)) ** -_COUNT_SLOPE
        return max(brighter, (len(others) + _UNSEEN) * steep)

    def chance(
        self, island: Island, distance: float, extent: float, own: Sequence[Island]
    ) -> float:
        """Return the number expected as bright as `island` within `distance` of one of `extent`."""
        return self.expected(island.total, distance, extent, own)

    def expected(self, flux: float, distance: float, extent: float, own: Sequence[Island]) -> float:
        """Return the number of unrelated islands of a flux within `distance` of one of `extent`."""
        near = math.pi * distance * distance + 2 * distance * extent
        return self.above(flux, own) * near / self._area

    def chance_in_frame(
        self, island: Island, distance: float, extent: float, own: Sequence[Island]
    ) -> float:
        """Return `chance`; beyond a small gap, fainter islands count too (see `link`)."""
        near = math.pi * distance * distance + 2 * distance * extent
        if distance <= _NEAR_GAP:
            return self.chance(island, distance, extent, own)
        return self._above_by_ranks(island.total, own) * near / self._area

    def chance_of_lobe(self, flux: float, distance: float, own: Sequence[Island]) -> float:
        """Return the number expected of at least a flux within `distance` of a place."""
        return self._above_by_ranks(flux, own) * math.pi * distance * distance / self._area

    def _above_by_ranks(self, flux: float, own: Sequence[Island]) -> float:
        """Return the number of unrelated islands of at least a flux, from all of the frame."""
        others = sorted((i.total for i in self._islands if i not in own), reverse=True)
        ranks = [k * _fewer(flux / total) for k, total in enumerate(others, start=1)]
        return max([(len(others) + _UNSEEN) * _fewer(flux / self._faintest), *ranks])


def _fewer(ratio: float) -> float:
    """Return the factor of the source counts at a flux higher by `ratio`; 1 at a lower one."""
    return max(ratio, 1.0) ** -_COUNT_SLOPE


def _may_face(island: Island, unknown: np.ndarray | None) -> bool:
    """Return whether a pixel opposite to an island, about the middle, is unknown."""
    if unknown is None:
        return False
    opposite = np.array(unknown.shape) - 1 - island.points
    return bool(unknown[tuple(opposite.T)].any())


def _importance(island: Island) -> float:
    return math.log(island.total) - 0.5 * (island.distance / OFF_CENTRE_PIXELS) ** 2


def _flux_of_point(peak: float, beam: float) -> float:
    """Return the flux above the mask of a point source with a peak in units of the noise."""
    beam_area = math.pi * beam * beam / (4 * math.log(2))
    return beam_area * (peak - MASK_SIGMA)


def _near(island: Island, others: Sequence[Island]) -> list[tuple[float, Island]]:
    """Return the islands where a part of the source of `island` may lie, and their gaps."""
    found = []
    for other in others:
        distance = gap(island.points, other.points)
        if distance <= reach_of(other.extent):
            found.append((distance, other))
    return found


def _boxes_apart(one: Island, other: Island) -> float:
    """Return a distance that the gap between two islands is not below."""
    top, bottom, left, right = one.box
    above, below, before, behind = other.box
    return max(top - below, above - bottom, left - behind, before - right)


def _lobes(
    islands: Sequence[Island], core: Island, counts: _Counts, longest: float = math.inf
) -> tuple[list[Island], float, float]:
    """Return the two islands that balance about the middle with the least chance.

    Their chance and separation (pixels, up to `longest`) are returned too. `core` may be one of
    them; it is left out.
    """
    best: tuple[list[Island], float, float] = [], math.inf, 0.0
    for one, other in itertools.combinations(islands, 2):
        balance = _balance(one, other, np.zeros(2))
        if balance is None:
            continue
        fainter, brighter, separation, mismatch = balance
        # An island brighter than the lobes may be their core; a much brighter one is a neighbour.
        if core.total > _CORE_RATIO * brighter or separation > longest:
            continue
        distance = min(max(mismatch, _SMALLEST_REACH), separation / 2)
        chance = counts.chance_of_lobe(fainter, distance, (one, other, core))
        if chance < best[1]:
            pair = [island for island in (one, other) if island is not core]
            best = pair, chance, separation
    return best


def _certain_pair(
    source: Sequence[Island], place: np.ndarray, beam: float, counts: _Counts
) -> tuple[Island, ...]:
    """Return the two certain islands about a position, (row, column); none if no pair is (`link`).

    Of several pairs, the one with the least chance is returned. Islands that are there by chance
    are unrelated, so the two are counted too.
    """
    best: tuple[tuple[Island, ...], float] = (), CERTAIN_PAIR
    for pair in itertools.combinations(source, 2):
        balance = _balance(*pair, place)
        nearest = min(math.hypot(*(island.centroid - place)) for island in pair)
        if balance is None or nearest <= beam:
            continue
        fainter, brighter, separation, mismatch = balance
        chance = counts.chance_of_lobe(brighter, separation / 2, ())
        chance *= counts.chance_of_lobe(fainter, max(mismatch, beam), ())
        if chance < best[1]:
            best = pair, chance
    return best[0]


def _balance(
    one: Island, other: Island, place: np.ndarray
) -> tuple[float, float, float, float] | None:
    """Return how two islands of similar flux balance about a place, (row, column).

    Returns:
        The smaller and the larger flux, the separation of the islands, and the distance of one
        from the place opposite to the other, pixels. None if the fluxes differ by over a factor
        of 10, or the middle of the islands is over 0.2 of their separation from the place.
    """
    fainter, brighter = sorted([one.total, other.total])
    separation = math.hypot(*(one.centroid - other.centroid))
    mismatch = math.hypot(*(one.centroid + other.centroid - 2 * place))
    if brighter > _OPPOSITE_RATIO * fainter or mismatch / 2 > _BALANCE * separation:
        return None
    return fainter, brighter, separation, mismatch


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
