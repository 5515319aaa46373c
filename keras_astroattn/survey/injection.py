"""Inject simulated sources into the tiles of a survey, and classify them.

The sources have known classes, sizes and brightnesses. Beam, noise, pixels, artefacts and
neighbours are those of the tiles. So the labels show how well the network classifies on this
survey.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.datasets.simulation import (
    SourceModel,
    draw_source,
    generator,
    log_uniform,
    point_source,
    render,
    scaled_flux,
    scaled_size,
)
from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE, Beam, Cutout, FitsMap, flags
from keras_astroattn.images.beam import narrowings
from keras_astroattn.images.celestial import local_jacobian
from keras_astroattn.images.pixel_position import pixel_position
from keras_astroattn.images.resampling import smooth

from .tiles import MapOptions, Tile

if TYPE_CHECKING:
    from .real_sources import RealSources

POINT = "point"
"""Kind of an unresolved source."""

KINDS = (*CLASS_NAMES, POINT)
"""Kinds of injected sources, of equal numbers."""

SIZES = (1.5, 40.0)
"""Smallest and largest size of a resolved source, beams; drawn uniformly in the logarithm."""

RATIOS = (6.0, 300.0)
"""Least and largest peak over noise of a source, drawn uniformly in the logarithm."""

FREE_PIXELS = 20.0
"""Least distance of a place from emission above 5 sigma, pixels of the frame."""

TRIES = 50
"""Places that are tried for one source."""

_ROUND = 1.02  # axis ratio below which a beam is round
_PURPOSE = 6  # of `generator`; 0 to 5 are those of the simulation


@dataclass(frozen=True)
class Injected:
    """An injected source and its answer.

    Attributes:
        number: number of the source, from 0.
        kind: one of `KINDS`.
        size: size, beams of the map; 0 for a point.
        ratio: peak over noise with the beam of the map.
        tile: path of the tile.
        ra: right ascension, ICRS degrees.
        dec: declination, ICRS degrees.
        label: one of `edge.labels.LABELS`.
        p_fri: probability of FRI; None without a class.
        p_frii: probability of FRII; None without a class.
        measured_size: measured size, beams of the frame; NaN without a source.
        measured_ratio: measured peak over noise; NaN without noise.
        flags: flags of the cutout.
    """

    number: int
    kind: str
    size: float
    ratio: float
    tile: str
    ra: float
    dec: float
    label: str
    p_fri: float | None
    p_frii: float | None
    measured_size: float
    measured_ratio: float
    flags: tuple[str, ...]


def inject(
    tiles: Sequence[Tile],
    options: MapOptions,
    classifier: Classifier,
    count: int,
    seed: int = 0,
    report_progress: Callable[[int], object] = lambda done: None,
    real: "RealSources | None" = None,
) -> list[Injected]:
    """Inject sources one at a time at random source-free places, and classify each.

    Tiles are drawn in proportion to their area. A place is free if there is no emission above
    5 sigma within `FREE_PIXELS`; further neighbours remain. The files are not changed.

    Args:
        tiles: the tiles; those with errors or without a beam are left out.
        options: options to open tiles with.
        classifier: the network.
        count: number of sources.
        seed: seed of everything, 0 or more; source i does not depend on `count`.
        report_progress: called with the number of finished sources.
        real: real sources to inject; None: simulated ones. Points are always simulated.

    Returns:
        The sources.

    Raises:
        InputError: No tile states a beam, or no free place was found for a source.
    """
    usable = [tile for tile in tiles if tile.error is None and tile.beam is not None]
    if not usable:
        raise InputError("--inject needs tiles with a beam: give it as --beam, in arcsec")
    area = np.array([math.prod(tile.shape) * tile.scale**2 for tile in usable])
    chances = area / area.sum()
    chosen = [int(_rng(seed, k).choice(len(usable), p=chances)) for k in range(count)]
    found: list[Injected] = []
    for number in sorted(set(chosen)):
        with options.open(usable[number].path) as sky:
            for index in np.flatnonzero(np.array(chosen) == number).tolist():
                found.append(_inject_one(sky, classifier, seed, index, real))
                report_progress(len(found))
    return sorted(found, key=lambda one: one.number)


def _rng(seed: int, index: int) -> np.random.Generator:
    return generator(seed, index, _PURPOSE)


def _inject_one(
    sky: FitsMap, classifier: Classifier, seed: int, index: int, real: "RealSources | None"
) -> Injected:
    rng = _rng(seed, index)
    rng.random()  # chose the tile
    kind = KINDS[index % len(KINDS)]
    size = 0.0 if kind == POINT else log_uniform(rng, *SIZES)
    ratio = log_uniform(rng, *RATIOS)
    pixel, position, empty = _free_place(sky, rng)
    if real is None or kind == POINT:
        model = drawn_source(kind, size * empty.beam.mean, seed, index)
        peak = float(render(model, beam=empty.beam.mean, pixel_scale=empty.pixel_scale).max())
        model = scaled_flux(model, ratio * empty.noise / peak)
        sky.overlay = lambda low, high: drawn_on(sky, model, pixel, low, high)
    else:
        source = real.draw(kind, rng)
        size = log_uniform(rng, SIZES[0], min(SIZES[1], source.largest_size(sky.beam)))
        ratio = log_uniform(rng, RATIOS[0], min(RATIOS[1], source.ratio))
        seen = source.seen(size, sky.beam, rng.uniform(0, 2 * math.pi))
        seen = seen.scaled(ratio * empty.noise)
        sky.overlay = lambda low, high: seen.drawn_on(sky, pixel, low, high)
    try:
        cutout = sky.cutout(position, pixel=pixel)
    finally:
        sky.overlay = None
    answer = classifier.classify(cutout)
    return Injected(
        index,
        kind,
        size,
        ratio,
        str(sky.path),
        *position,
        answer.label,
        answer.p_fri,
        answer.p_frii,
        cutout.size_in_beams,
        cutout.peak_snr,
        answer.flags,
    )


def _free_place(
    sky: FitsMap, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float], Cutout]:
    """Return a pixel without emission around it, its position, and the cutout there.

    The cutout has the beam of the map, or the target beam if that is hardly wider.
    """
    height, width = sky.shape
    narrower = [] if sky.is_first else narrowings(sky.beam)
    for _ in range(TRIES):
        pixel = rng.uniform(0, 1, 2) * (width - 1, height - 1)
        position = pixel_position(sky.keywords, tuple(pixel.tolist()))
        if position is None:
            continue
        try:
            cutout = sky.cutout(position, pixel=pixel)
            if narrower and _is_free(cutout):
                cutout = sky.cutout(position, pixel=pixel, widening=narrower[-1])
        except InputError:  # blank, or outside the sky
            continue
        if _is_free(cutout):
            return pixel, position, cutout
    raise InputError(f"{sky.path}: no place without emission in {TRIES} tries: leave the tile out")


def _is_free(cutout: Cutout) -> bool:
    """Return whether the frame is known, has noise, and has no emission around its middle."""
    if flags.WIDER_BEAM in cutout.flags:
        return False
    if not cutout.noise > 0 or cutout.offset or not np.isfinite(cutout.brightness).all():
        return False
    offsets = np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2
    near = np.hypot(*np.meshgrid(offsets, offsets)) < FREE_PIXELS
    return not (cutout.brightness[near] > 5 * cutout.noise).any()


def drawn_source(kind: str, size: float, seed: int, index: int) -> SourceModel:
    """Draw a source of a kind, scaled to a size.

    Args:
        kind: one of `KINDS`.
        size: angular size, arcsec; 0 for a point.
        seed: seed of the set.
        index: number of the source.
    """
    if kind == POINT:
        return point_source(1.0)
    return scaled_size(draw_source(seed, index, CLASS_NAMES.index(kind)), size)


def drawn_on(
    sky: FitsMap, model: SourceModel, pixel: np.ndarray, low: Sequence[int], high: Sequence[int]
) -> np.ndarray:
    """Draw a source on pixels of a map, with the map's beam.

    Args:
        sky: the map.
        model: the source.
        pixel: (2,) x and y of its host galaxy on the map.
        low: (x, y) of the first pixel.
        high: (x, y) behind the last pixel.

    Returns:
        (height, width) float32, Jy/beam.
    """
    jacobian = local_jacobian(sky.keywords, tuple(pixel))
    scale = math.sqrt(abs(float(np.linalg.det(jacobian))))
    beam: Beam = sky.beam
    shape = (high[1] - low[1], high[0] - low[0])
    centre = (pixel[1] - low[1], pixel[0] - low[0])
    drawn = render(model, shape, scale, beam.minor, centre, neighbours=False)
    if beam.major <= _ROUND * beam.minor:
        return drawn
    inverse = np.linalg.inv(jacobian)
    wider = beam.covariance - Beam(beam.minor, beam.minor).covariance
    gain = (beam.mean / beam.minor) ** 2
    return smooth(drawn, inverse @ wider @ inverse.T) * np.float32(gain)


def rows_of(found: Sequence[Injected]) -> Iterator[dict]:
    """Yield the values of each source by the name of its column."""
    for one in found:
        row = dataclasses.asdict(one) | {"flags": ";".join(one.flags)}
        measured = ("measured_size", "measured_ratio")
        yield row | {name: None if math.isnan(row[name]) else row[name] for name in measured}
