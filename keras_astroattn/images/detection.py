"""Find the sources of a mosaic, window by window."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from .beam import PIXELS_PER_BEAM, Beam
from .celestial import local_jacobian
from .conventions import FIELD_SIZE
from .cutout import blanked_threshold
from .fits_map import FitsMap
from .frame import plan
from .islands import SOURCE_SIGMA, connected, label_islands, on_outline
from .linking import gap, reach_of
from .preprocessing import MASK_SIGMA
from .sky_noise import measure_sky_noise
from .unknown import examine

_CORE = 2 * FIELD_SIZE  # width of a window in pixels of the network
_MARGIN = FIELD_SIZE // 2  # around it, so that sources at its edge are whole
_LEAST_PIXELS = 3


@dataclass(frozen=True)
class Detection:
    """A source: an island of emission, or several that are near to each other.

    Attributes:
        position: (RA, Dec) of its centroid, weighted by brightness, ICRS degrees.
        peak_snr: its brightest pixel over the noise of its window.
    """

    position: tuple[float, float]
    peak_snr: float


def detect_sources(
    sky: FitsMap, report_progress: Callable[[int, int], object] = lambda done, total: None
) -> list[Detection]:
    """Find the sources above 5 sigma of a map of any size.

    An island is a group of at least three connected pixels above 3 sigma, of which one is above
    5 sigma. Islands are one source across a gap of twice the extent of the larger, as in
    `measure_extent`. The noise is measured in windows of 900 x 900 pixels of the network (27
    arcmin at 1.8 arcsec), which overlap by 300; a source belongs to the window whose inner part
    holds its peak.

    Args:
        sky: the open map.
        report_progress: called with the numbers of finished and of all windows.

    Returns:
        The sources, the highest peak first.

    Raises:
        InputError: The map cannot be read, or has no celestial coordinates.
    """
    if sky.keywords is None:
        raise InputError(f"{sky.path}: its sources have no position: no celestial coordinates")
    width, height = sky.shape[::-1]
    jacobian = local_jacobian(sky.keywords, ((width - 1) / 2, (height - 1) / 2))
    todo = plan(jacobian, sky.beam, sky.is_first)
    block = sky.block_of(todo.step)
    pace = max(todo.step or (1.0, 1.0)) / block  # pixels of a window in one of the network
    beam = sky.beam or Beam(PIXELS_PER_BEAM, PIXELS_PER_BEAM)
    scale = abs(float(np.linalg.det(jacobian))) if sky.beam else 1.0
    full, area = (FIELD_SIZE * pace) ** 2, beam.area(scale * block**2)
    places, peaks = [np.empty((0, 2))], [np.empty(0)]
    core, margin = (math.ceil(n * pace) * block for n in (_CORE, _MARGIN))
    windows = list(_windows(sky.shape, core, margin))
    for number, window in enumerate(windows, start=1):
        field = sky.read(window.low, window.high, block)
        centroid, brightest, peak = _sources(_in_sigma(field, full, area), pace)
        origin = np.array(window.low) + (block - 1) / 2
        brightest = origin + block * brightest
        inside = ((brightest >= window.first) & (brightest < window.behind)).all(axis=1)
        places.append(origin + block * centroid[inside])
        peaks.append(peak[inside])
        report_progress(number, len(windows))
    positions, peak = sky.positions(np.concatenate(places)), np.concatenate(peaks)
    return [
        Detection((float(positions[n, 0]) % 360.0, float(positions[n, 1])), float(peak[n]))
        for n in np.argsort(-peak, kind="stable")
        if np.isfinite(positions[n]).all()
    ]


@dataclass(frozen=True)
class _Window:
    """Pixels (x, y) from `low` to before `high`; its inner part, from `first` to `behind`."""

    low: list[int]
    high: list[int]
    first: tuple[int, int]
    behind: tuple[int, int]


def _windows(shape: tuple[int, int], core: int, margin: int) -> Iterator[_Window]:
    height, width = shape
    for top in range(0, height, core):
        for left in range(0, width, core):
            first, behind = (left, top), (left + core, top + core)
            low = [max(start - margin, 0) for start in first]
            high = [min(b + margin, n) for b, n in zip(behind, (width, height), strict=True)]
            yield _Window(low, high, first, behind)


def _in_sigma(field: np.ndarray, full: float, beam_area: float) -> np.ndarray:
    """Return a field in units of its noise; unknown pixels are 0."""
    unknown, is_blanked = examine(field)
    if unknown.all():
        return np.zeros_like(field)
    field = np.where(unknown, np.nan, field)
    noise = 0.0 if is_blanked else measure_sky_noise(field, full, beam_area)[0]
    noise = noise if noise > 0 else blanked_threshold(field, np.nan_to_num(field))
    return np.nan_to_num(field / noise)


def _sources(snr: np.ndarray, pace: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centroids and brightest pixels (n, 2), as x and y, and the peaks (n,).

    Args:
        snr: (height, width) map in units of its noise.
        pace: pixels of the map in one of the network.
    """
    bright = snr > MASK_SIGMA
    points, labels = label_islands(bright)
    outline = on_outline(bright, points)
    values = snr[points[:, 0], points[:, 1]].astype(np.float64)
    islands = [np.flatnonzero(labels == one) for one in np.unique(labels[values > SOURCE_SIGMA])]
    islands = [members for members in islands if len(members) >= _LEAST_PIXELS]
    source = _joined([points[members[outline[members]]] / pace for members in islands])
    centroids, brightest, peaks = np.empty((0, 2)), np.empty((0, 2)), np.empty(0)
    for one in np.unique(source):
        members = np.concatenate([islands[n] for n in np.flatnonzero(source == one)])
        weights, pixels = values[members], points[members, ::-1]
        centroids = np.vstack([centroids, weights @ pixels / weights.sum()])
        brightest = np.vstack([brightest, pixels[weights.argmax()]])
        peaks = np.append(peaks, weights.max())
    return centroids, brightest, peaks


def _joined(islands: list[np.ndarray]) -> np.ndarray:
    """Return the number of the source of each island; its outline is (n, 2)."""
    lows = np.array([island.min(axis=0) for island in islands]).reshape(-1, 2)
    highs = np.array([island.max(axis=0) for island in islands]).reshape(-1, 2)
    extents = np.hypot(*(highs - lows).T)
    pairs: list[tuple[int, int]] = []
    for n, island in enumerate(islands):
        reach = np.array([reach_of(max(extents[n], extent)) for extent in extents[:n]])
        apart = np.maximum(lows[n] - highs[:n], lows[:n] - highs[n]).max(axis=1, initial=-np.inf)
        near = np.flatnonzero(apart <= reach) if n else []
        pairs += [(n, int(m)) for m in near if gap(island, islands[m]) <= reach[m]]
    one, other = np.array(pairs, int).reshape(-1, 2).T
    return connected(len(islands), one, other)
