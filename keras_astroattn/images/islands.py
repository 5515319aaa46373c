"""Islands: connected groups of pixels above the noise."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .beam import PIXELS_PER_BEAM
from .preprocessing import MASK_SIGMA

SOURCE_SIGMA = 5.0
"""Least peak of an island in units of the noise."""

OFF_CENTRE_PIXELS = 15.0
"""Largest distance of the source's nearest pixel from the middle, pixels."""

_MIN_PIXELS = 3
_MIN_RELATIVE_PEAK = 0.02  # of the brightest island: fainter ones are sidelobes


@dataclass(frozen=True, eq=False)
class Island:
    """A connected group of pixels above 3 sigma.

    Attributes:
        pixels: (n, 2) rows and columns of its pixels.
        points: (m, 2) rows and columns of its outline.
        peak: signal-to-noise ratio of its brightest pixel.
        total: sum of the signal-to-noise ratios of its pixels.
        distance: distance of its nearest pixel from the middle of the frame, pixels.
        extent: diagonal of the box around it, pixels.
        centroid: (2,) row and column of its flux, from the middle of the frame.
    """

    pixels: np.ndarray
    points: np.ndarray
    peak: float
    total: float
    distance: float
    extent: float
    centroid: np.ndarray

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """First row, last row, first column and last column of its outline."""
        (top, left), (bottom, right) = self.points.min(axis=0), self.points.max(axis=0)
        return float(top), float(bottom), float(left), float(right)


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


def faintest_peak(brightest: float) -> float:
    """Return the least peak of an island in a frame, in units of the noise.

    Args:
        brightest: peak of the brightest island; islands below a fiftieth of it are sidelobes.
    """
    return max(SOURCE_SIGMA, _MIN_RELATIVE_PEAK * brightest)


def find_islands(snr: np.ndarray) -> list[Island]:
    """Return the islands of a frame above 3 sigma that are bright enough to be sources.

    They peak above 5 sigma and above a fiftieth of the brightest (`faintest_peak`). The second
    limit does not hold for an island with a pixel above 5 sigma within 3 pixels of the middle:
    a faint source at the position is not a sidelobe of a bright neighbour.

    Args:
        snr: (height, width) map in units of the noise; NaN counts as below the noise.
    """
    bright = snr > MASK_SIGMA
    points, labels = label_islands(bright)
    values = snr[points[:, 0], points[:, 1]]
    if not values.size or not values.max() >= SOURCE_SIGMA:
        return []
    faintest = faintest_peak(float(values.max()))
    outline = on_outline(bright, points)
    middle = (np.array(snr.shape) - 1) / 2
    at_position = np.hypot(*(points - middle).T) <= PIXELS_PER_BEAM
    is_source = (values >= faintest) | (at_position & (values >= SOURCE_SIGMA))
    found = []
    for label in np.unique(labels[is_source]):
        members = np.flatnonzero(labels == label)
        if len(members) < _MIN_PIXELS:
            continue
        edge = points[members[outline[members]]]
        weights = values[members].astype(np.float64)
        total = float(weights.sum())
        offsets = points[members] - middle
        found.append(
            Island(
                points[members],
                edge,
                float(weights.max()),
                total,
                math.sqrt((offsets * offsets).sum(axis=1).min()),
                math.hypot(*(edge.max(axis=0) - edge.min(axis=0))),
                weights @ offsets / total,
            )
        )
    return found
