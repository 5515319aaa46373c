"""Find the sources of a mosaic, window by window."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from .beam import PIXELS_PER_BEAM, Beam
from .celestial import local_jacobian
from .conventions import FIELD_SIZE, IMAGE_SIZE
from .cutout import blanked_threshold
from .fits_map import FitsMap
from .frame import plan
from .islands import SOURCE_SIGMA, Island, label_islands, on_outline
from .linking import divide
from .map_pixels import block_size
from .overlaps import SeenSource, reconcile
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
        peak_snr: its brightest pixel over the noise.
        confused: whether an island that may belong to it was not linked (`linking.divide`).
        neighbours: (RA, Dec) of the brightest pixels of the other sources that a frame about it
            can show.
    """

    position: tuple[float, float]
    peak_snr: float
    confused: bool = False
    neighbours: tuple[tuple[float, float], ...] = ()


def detect_sources(
    sky: FitsMap,
    report_progress: Callable[[int, int], object] = lambda done, total: None,
    noise: float | FitsMap | None = None,
) -> list[Detection]:
    """Find the sources above 5 sigma of a map of any size.

    An island is a group of at least three connected pixels above 3 sigma, of which one is above
    5 sigma. `linking.divide` divides islands into sources. This is done in windows of 900 x 900
    pixels of the network (27 arcmin at 1.8 arcsec), which overlap by 300; a source belongs to the
    window whose inner part holds its peak (`overlaps.reconcile`). Sources that two windows divide
    differently are `confused`.

    Args:
        sky: the open map.
        report_progress: called with the numbers of finished and of all windows.
        noise: noise, Jy/beam, or an open map of it on the same pixels; None: it is measured in
            each window.

    Returns:
        The sources, the highest peak first.

    Raises:
        InputError: The map cannot be read, has no celestial coordinates, or the map of the noise
            is on other pixels.
    """
    if sky.keywords is None:
        raise InputError(f"{sky.path}: its sources have no position: no celestial coordinates")
    if noise is not None and not isinstance(noise, FitsMap) and not 0 < noise < math.inf:
        raise InputError(f"a noise of {noise} Jy/beam is wrong: give one above 0")
    width, height = sky.shape[::-1]
    jacobian = local_jacobian(sky.keywords, ((width - 1) / 2, (height - 1) / 2))
    todo = plan(jacobian, sky.beam, sky.is_first)
    block = block_size(todo.step)
    pace = max(todo.step or (1.0, 1.0)) / block  # pixels of a window in one of the network
    beam = sky.beam or Beam(PIXELS_PER_BEAM, PIXELS_PER_BEAM)
    scale = abs(float(np.linalg.det(jacobian))) if sky.beam else 1.0
    full, area = (FIELD_SIZE * pace) ** 2, beam.area(scale * block**2)
    core, margin = (math.ceil(n * pace) * block for n in (_CORE, _MARGIN))
    windows = list(_windows(sky.shape, core, margin))
    across, columns = math.ceil(width / core), math.ceil(width / block)
    places, peaks, found, seen = [], [], [], []
    for number, (low, high) in enumerate(windows, start=1):
        field = sky.read(low, high, block)
        sigma = noise
        if isinstance(noise, FitsMap):
            sigma = sky.noise_on(noise, low, high, block)
        origin = np.array(low) + (block - 1) / 2
        for source in _sources(*_in_sigma(field, full, area, sigma), pace):
            places.append(origin + block * source.centroid)
            peaks.append(origin + block * source.brightest)
            found.append(source)
            offset = np.array(low[::-1]) // block
            seen.append(
                SeenSource(
                    number - 1,
                    int(peaks[-1][1] // core) * across + int(peaks[-1][0] // core),
                    (source.pixels + offset) @ [columns, 1],
                    int((source.brightest[::-1] + offset) @ [columns, 1]),
                    source.peak,
                )
            )
        report_progress(number, len(windows))
    kept = reconcile(seen)
    found = [
        dataclasses.replace(found[n], confused=found[n].confused or doubtful)
        for n, doubtful in kept.items()
    ]
    places, peaks = ([given[n] for n in kept] for given in (places, peaks))
    positions, tops = (sky.positions(np.array(xy).reshape(-1, 2)) for xy in (places, peaks))
    near = _within(np.array(places), np.array(peaks), IMAGE_SIZE * pace * block)
    return [
        Detection(_on_sky(positions[n]), one.peak, one.confused, tuple(map(_on_sky, tops[near[n]])))
        for n, one in sorted(enumerate(found), key=lambda pair: -pair[1].peak)
        if np.isfinite(positions[n]).all()
    ]


def _within(places: np.ndarray, peaks: np.ndarray, width: float) -> list[np.ndarray]:
    """Return, for each source, the numbers of those whose peak is in a box of twice `width`."""
    found = []
    for number, place in enumerate(places):
        near = np.flatnonzero((np.abs(peaks - place) < width).all(axis=1))
        found.append(near[near != number])
    return found


def _on_sky(position: np.ndarray) -> tuple[float, float]:
    return float(position[0]) % 360.0, float(position[1])


@dataclass(frozen=True, eq=False)
class _Source:
    """A source of a window: centroid and brightest pixel (x, y), and what `Detection` states."""

    centroid: np.ndarray
    brightest: np.ndarray
    pixels: np.ndarray  # (n, 2) rows and columns
    peak: float
    confused: bool


def _windows(
    shape: tuple[int, int], core: int, margin: int
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the first pixel (x, y) of each window, and the pixel behind its last."""
    height, width = shape
    for top in range(0, height, core):
        for left in range(0, width, core):
            low = [max(start - margin, 0) for start in (left, top)]
            high = [min(left + core + margin, width), min(top + core + margin, height)]
            yield low, high


def _in_sigma(
    field: np.ndarray, full: float, beam_area: float, noise: float | np.ndarray | None
) -> tuple[np.ndarray, int]:
    """Return a field in units of its noise, and the number of its known pixels; others are 0."""
    unknown, is_blanked = examine(field)
    if isinstance(noise, np.ndarray):
        unknown = unknown | ~(np.isfinite(noise) & (noise > 0))
    if unknown.all():
        return np.zeros_like(field), 0
    field = np.where(unknown, np.nan, field)
    if noise is None:
        noise = 0.0 if is_blanked else measure_sky_noise(field, full, beam_area)[0]
        noise = noise if noise > 0 else blanked_threshold(field, np.nan_to_num(field))
    with np.errstate(all="ignore"):
        return np.nan_to_num(field / noise), int(np.count_nonzero(~unknown))


def _sources(snr: np.ndarray, known: int, pace: float) -> list[_Source]:
    """Return the sources of a window.

    Args:
        snr: (height, width) map in units of its noise.
        known: number of its pixels that are known.
        pace: pixels of the map in one of the network.
    """
    bright = snr > MASK_SIGMA
    points, labels = label_islands(bright)
    outline = on_outline(bright, points)
    values = snr[points[:, 0], points[:, 1]].astype(np.float64)
    islands, brightest = [], {}
    for one in np.unique(labels[values > SOURCE_SIGMA]):
        members = np.flatnonzero(labels == one)
        if len(members) < _LEAST_PIXELS:
            continue
        pixels, weights = points[members], values[members]
        edge = pixels[outline[members]] / pace
        total = weights.sum()
        island = Island(
            pixels,
            edge,
            float(weights.max()),
            float(total / pace**2),
            0.0,
            math.hypot(*np.ptp(edge, axis=0)),
            weights @ pixels / total,
        )
        islands.append(island)
        brightest[island] = pixels[weights.argmax()]
    found = []
    for source in divide(islands, PIXELS_PER_BEAM, known / pace**2):
        flux = np.array([island.total for island in source.islands])
        centroid = flux @ [island.centroid for island in source.islands] / flux.sum()
        top = max(source.islands, key=lambda island: island.peak)
        pixels = np.concatenate([island.pixels for island in source.islands])
        found.append(
            _Source(centroid[::-1], brightest[top][::-1], pixels, top.peak, source.confused)
        )
    return found
