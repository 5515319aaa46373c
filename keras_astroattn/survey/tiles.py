"""Positions of the tiles of a survey on the sky, from their headers, which are read once."""

import dataclasses
import errno
import glob
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.files import cache_folder, expand_user, write_text
from keras_astroattn.images import FITS_SUFFIXES, FitsMap
from keras_astroattn.images.celestial import (
    build_wcs,
    local_jacobian,
    pixels_to_sky,
    sky_to_pixels,
)
from keras_astroattn.images.recentring import Centre
from keras_astroattn.version import __version__

_INDEX_FORMAT = 2
_ALONG_AN_EDGE = 9  # points of each edge at which the radius of a tile is measured
_OPEN_WCS = 2048


@dataclass(frozen=True)
class Tile:
    """One FITS map, as described by its header.

    Attributes:
        path: absolute path.
        size: size of the file, bytes.
        modified: time of the last change, ns.
        error: reason why the tile cannot be used; None if it can.
        shape: (height, width), pixels.
        keywords: celestial WCS keywords.
        beam: major and minor axis (arcsec) and position angle (degrees); None: unknown.
        is_first: whether the header states that the map belongs to FIRST.
        scale: pixel scale in the middle, arcsec.
        centre: (RA, Dec) of the middle, ICRS degrees.
        radius: radius of the circle around the middle that contains the tile, degrees.
    """

    path: str
    size: int
    modified: int
    error: str | None = None
    shape: tuple[int, int] = (0, 0)
    keywords: dict[str, float | str] = field(default_factory=dict, repr=False)
    beam: tuple[float, float, float] | None = None
    is_first: bool = False
    scale: float = math.nan
    centre: tuple[float, float] = (math.nan, math.nan)
    radius: float = 0.0


@dataclass(frozen=True)
class MapOptions:
    """Options to open tiles with, those of `images.FitsMap`; they are sent to workers.

    Attributes:
        hdu: number or name of the HDU.
        stokes: Stokes parameter.
        channel: plane of a cube.
        beam: width, or major, minor (arcsec) and angle (degrees).
        centre: middle of the cutouts, "source" or "position".
    """

    hdu: int | str | None = None
    stokes: str | None = None
    channel: int | None = None
    beam: tuple[float, ...] | None = None
    centre: Centre = "source"

    def open(self, path: str) -> FitsMap:
        """Open a tile.

        Args:
            path: path of the tile.

        Raises:
            InputError: The tile cannot be read.
        """
        return FitsMap(path, **dataclasses.asdict(self))


def find_tiles(named: Sequence[str]) -> list[str]:
    """Return the absolute paths of tiles, sorted, each once.

    Args:
        named: glob patterns (`**` includes subfolders), folders, FITS files, and text files with
            one of these a line.

    Raises:
        InputError: There is no tile, or a list cannot be read.
    """
    found: dict[str, None] = {}
    for name in named:
        paths = _tiles_of(name)
        if not paths:
            raise InputError(f"--images {name}: no FITS file there")
        found |= dict.fromkeys(os.path.abspath(path) for path in paths)
    return sorted(found)


def _tiles_of(name: str) -> list[str]:
    path = expand_user(name)
    if path.is_dir():
        return [str(p) for p in path.rglob("*") if p.name.lower().endswith(FITS_SUFFIXES)]
    if path.name.lower().endswith(FITS_SUFFIXES) and path.is_file():
        return [str(path)]
    if glob.has_magic(name):
        return [p for p in glob.glob(str(path), recursive=True) if os.path.isfile(p)]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no list of files"
        raise InputError(f"--images {name} cannot be read: {reason}") from None
    paths = []
    for line in (line.strip() for line in lines):
        if line and not line.startswith("#"):
            listed = str(path.parent / expand_user(line))
            paths += _tiles_of(listed) if glob.has_magic(listed) else [listed]
    return paths


def index_tiles(
    paths: Sequence[str],
    options: MapOptions = MapOptions(),
    report_progress: Callable[[int], object] = lambda done: None,
) -> "Footprints":
    """Read the headers of the tiles that are new or have changed since the last time.

    The index is kept in the cache folder (`KERAS_ASTROATTN_CACHE`). If this is not writable,
    headers are read each time. A tile with unreadable content is in the index with its error. A
    refusal by the system (a permission, a broken connection) is not cached.

    Args:
        paths: paths from `find_tiles`.
        options: options to open tiles with.
        report_progress: called with the number of finished tiles.

    Returns:
        The tiles and their footprints.
    """
    kept_in = _index_file(paths, options)
    known = _read_index(kept_in)
    tiles, kept, fresh = [], [], 0
    for number, path in enumerate(paths):
        tile = known.get(path)
        try:
            state = os.stat(path)
            if tile is None or (tile.size, tile.modified) != (state.st_size, state.st_mtime_ns):
                tile, fresh = _read_tile(path, state, options), fresh + 1
            kept.append(tile)
        except OSError as error:
            tile = Tile(path, 0, 0, str(error.strerror or error))
        tiles.append(tile)
        report_progress(number + 1)
    if fresh or len(known) != len(kept):
        _write_index(kept_in, kept)
    return Footprints(tiles)


def _index_file(paths: Sequence[str], options: MapOptions) -> Path:
    folders = sorted({os.path.dirname(path) for path in paths})
    identity = json.dumps([_INDEX_FORMAT, __version__, folders, dataclasses.asdict(options)])
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return cache_folder() / "tiles" / f"{name}.json"


def _read_index(path: Path) -> dict[str, Tile]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        tiles = [Tile(**value) for value in values]
    except (OSError, ValueError, TypeError):  # missing or damaged: all headers are read again
        return {}
    as_tuple = ("shape", "beam", "centre")
    return {
        tile.path: dataclasses.replace(
            tile, **{k: tuple(v) for k in as_tuple if (v := getattr(tile, k)) is not None}
        )
        for tile in tiles
    }


def _write_index(path: Path, tiles: Iterable[Tile]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps([dataclasses.asdict(tile) for tile in tiles]))
    except OSError:  # without the cache, headers are read again, which only costs time
        return


def _read_tile(path: str, state: os.stat_result, options: MapOptions) -> Tile:
    """Read the header of a tile.

    Raises:
        OSError: The system cannot read the file at present, independent of its content.
    """
    bare = Tile(path, state.st_size, state.st_mtime_ns)
    try:
        with options.open(path) as sky:
            if sky.keywords is None:
                raise InputError("it has no celestial coordinates")
            return dataclasses.replace(
                bare,
                shape=sky.shape,
                keywords=sky.keywords,
                beam=None if sky.beam is None else dataclasses.astuple(sky.beam),
                is_first=sky.is_first,
                **_footprint(sky.keywords, sky.shape),
            )
    except InputError as error:
        _raise_system_error(error)
        reason = str(error).removeprefix(path).removeprefix(":").strip()
        return dataclasses.replace(bare, error=reason)
    except MemoryError:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from None
    except Exception as error:  # one broken tile must not end a survey
        _raise_system_error(error)
        reason = " ".join(str(error).split())[:200]
        return dataclasses.replace(bare, error=f"{type(error).__name__}: {reason}")


def _raise_system_error(error: BaseException | None) -> None:
    """Raise the system's error behind another error, if there is one.

    astropy raises `OSError` for broken content too, but without an `errno`.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            raise error
        error = error.__cause__ or error.__context__


def _footprint(keywords: dict, shape: tuple[int, int]) -> dict:
    height, width = shape
    wcs = build_wcs(keywords)
    middle = ((width - 1) / 2, (height - 1) / 2)
    scale = math.sqrt(abs(float(np.linalg.det(local_jacobian(keywords, middle, wcs)))))
    across = np.linspace(-0.5, width - 0.5, _ALONG_AN_EDGE)
    down = np.linspace(-0.5, height - 0.5, _ALONG_AN_EDGE)
    x = np.concatenate([[middle[0]], across, across, 0 * down - 0.5, 0 * down + width - 0.5])
    y = np.concatenate([[middle[1]], 0 * across - 0.5, 0 * across + height - 0.5, down, down])
    ra, dec = pixels_to_sky(keywords, wcs, x, y)
    vectors = unit_vectors(ra, dec)
    cosine = vectors[1:] @ vectors[0]
    # A map whose edge is off the sky covers half the sky or more. The margin allows for edges
    # that bulge between the points.
    known = np.isfinite(cosine).all() and not _holds_a_fold(keywords, shape)
    radius = math.degrees(math.acos(np.clip(cosine.min(), -1, 1))) * 1.02 + 1e-3 if known else 180.0
    return {"scale": scale, "centre": (float(ra[0]), float(dec[0])), "radius": min(radius, 180.0)}


def _holds_a_fold(keywords: dict, shape: tuple[int, int]) -> bool:
    """Return whether a map is so wide that its edges do not show its extent (all-sky maps)."""
    matrix = np.array([[float(keywords[f"CD{i}_{j}"]) for j in (1, 2)] for i in (1, 2)])
    return bool(np.abs(matrix @ [shape[1], shape[0]]).max() > 90)


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return (n, 3) unit vectors of (n,) positions in degrees."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


@lru_cache(maxsize=_OPEN_WCS)
def _wcs_of(items: tuple) -> object:
    return build_wcs(dict(items))


@dataclass(frozen=True, eq=False)
class Assignment:
    """The tiles that contain each of n positions.

    Attributes:
        tile: (n,) int32, number of the tile whose edge is furthest from the position; -1: none.
        row: (n,) float32, row of pixels of the position on `tile`; NaN without one.
        others: (m,) int32, numbers of the other tiles that contain a position, ordered by
            position, then by the distance from the edge, the largest first.
        offsets: (n + 1,) int32; `others[offsets[k]:offsets[k + 1]]` belong to position k.
    """

    tile: np.ndarray
    row: np.ndarray
    others: np.ndarray
    offsets: np.ndarray

    def all_of(self, position: int) -> list[int]:
        """Return the numbers of all tiles that contain a position, `tile` first."""
        low, high = self.offsets[position : position + 2]
        first = self.tile[position : position + 1]
        return [int(number) for number in (*first[first >= 0], *self.others[low:high])]


class Footprints:
    """Footprints of tiles, to find those that contain a position.

    Args:
        tiles: the tiles, in the order of their numbers.
    """

    def __init__(self, tiles: Sequence[Tile]):
        self.tiles = tuple(tiles)

    def __repr__(self) -> str:
        return f"Footprints({len(self.tiles)} tiles, {len(self.unreadable)} unreadable)"

    @property
    def unreadable(self) -> list[Tile]:
        """Tiles that cannot be used."""
        return [tile for tile in self.tiles if tile.error is not None]

    def assign(self, ra: np.ndarray, dec: np.ndarray) -> Assignment:
        """Find the tiles that contain each position.

        Distances from an edge are compared in arcsec. Unreadable tiles contain no position.

        Args:
            ra: (n,) right ascension, ICRS degrees; NaN is on no tile.
            dec: (n,) declination, ICRS degrees.

        Returns:
            The tiles of each position.
        """
        order = np.argsort(dec, kind="stable")[: int(np.isfinite(dec).sum())]
        sorted_dec, vectors = dec[order], unit_vectors(ra[order], dec[order])
        pieces = [(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0))]
        for number, tile in enumerate(self.tiles):
            if tile.error is not None:
                continue
            low, high = np.searchsorted(
                sorted_dec, [tile.centre[1] - tile.radius, tile.centre[1] + tile.radius]
            )
            if low == high:
                continue
            near = vectors[low:high] @ unit_vectors(*tile.centre) >= math.cos(
                math.radians(tile.radius)
            )
            where = order[low:high][near]
            if not where.size:
                continue
            x, y = positions_on(tile, ra[where], dec[where])
            height, width = tile.shape
            depth = tile.scale * np.minimum.reduce(
                [x + 0.5, width - 0.5 - x, y + 0.5, height - 0.5 - y]
            )
            on = depth >= 0  # false for NaN
            numbers = np.full(np.count_nonzero(on), number, np.int32)
            pieces.append((where[on], numbers, depth[on], y[on]))
        return _by_depth(len(ra), *map(np.concatenate, zip(*pieces, strict=True)))


def _by_depth(
    count: int, position: np.ndarray, number: np.ndarray, depth: np.ndarray, row: np.ndarray
) -> Assignment:
    """Order (m,) pairs of position and tile by depth, the distance from the tile's edge."""
    order = np.lexsort((number, -depth, position))
    position, number, row = position[order], number[order], row[order]
    is_first = np.diff(position, prepend=-1) > 0
    tile, row_on = np.full(count, -1, np.int32), np.full(count, np.nan, np.float32)
    tile[position[is_first]], row_on[position[is_first]] = number[is_first], row[is_first]
    counts = np.bincount(position[~is_first], minlength=count)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return Assignment(tile, row_on, number[~is_first], offsets)


def positions_on(tile: Tile, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels x and y, from 0, of (n,) ICRS positions on a tile; NaN off the sky.

    Args:
        tile: the tile.
        ra: (n,) right ascension, degrees.
        dec: (n,) declination, degrees.
    """
    wcs = _wcs_of(tuple(tile.keywords.items()))
    return sky_to_pixels(tile.keywords, wcs, ra, dec)
