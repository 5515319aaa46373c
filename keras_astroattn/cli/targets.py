"""Targets of `astroattn classify`: whole files, or positions on maps."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import FITS_SUFFIXES, FitsMap
from keras_astroattn.images.detection import Detection, detect_sources
from keras_astroattn.images.position import position_name
from keras_astroattn.survey.tiles import MapOptions, index_tiles

from .positions import Place, read_places

_UNSAFE = re.compile(r"[^\w.+-]+")
_LONGEST_NAME = 120  # characters


class Target(NamedTuple):
    """One source to classify.

    Attributes:
        path: path of the file; "" if the position is on no map.
        name: name of its picture, without a separator; each target has another one.
        source: name of the source in the table; None: `name`.
        position: (RA, Dec), ICRS degrees; None: the file holds one source.
        others: paths of further maps that hold the position.
        error: reason why it cannot be classified.
        confused: whether a neighbour may be a part of the source, which then gets no class.
        neighbours: positions of other sources; one that is measured as a part of this source
            makes it `confused`.
    """

    path: str
    name: str
    source: str | None = None
    position: tuple[float, float] | None = None
    others: tuple[str, ...] = ()
    error: str | None = None
    confused: bool = False
    neighbours: tuple[tuple[float, float], ...] = ()

    @property
    def key(self) -> str:
        """Key of the target in a journal: the path of a file, or the name of a position."""
        return self.path if self.source is None else self.name


def find_targets(
    files: list[tuple[str, str]],
    options: MapOptions,
    position: list[str],
    positions: str | None,
    columns: dict[str, str],
    detect: bool,
    noise: float | None = None,
    rms_map: str | None = None,
) -> list[Target]:
    """Return the targets of a command: files, positions on maps, or the sources of maps.

    Args:
        files: (path, name) of the files, from `image_files.find_images`.
        options: options to open maps with.
        position: positions of `--position`.
        positions: file of `--positions`; None: not given.
        columns: columns of that file by role, from `--columns`.
        detect: whether `--detect` is given.
        noise: noise of `--noise`, Jy/beam, for `--detect`.
        rms_map: path of the map of the noise, of `--rms-map`, for `--detect`.

    Raises:
        InputError: The options exclude each other, no file is a FITS map, or the positions cannot
            be read.
    """
    given = [
        option
        for option, value in (
            ("--position", position),
            ("--positions", positions is not None),
            ("--detect", detect),
        )
        if value
    ]
    if not given:
        return targets_of_files(files)
    if detect and given[1:]:
        raise InputError(f"{given[0]} and --detect: give one of them")
    require_fits(files, given[0])
    if not detect:
        return targets_at(read_places(position, positions, columns), files, options)
    # Workers import this module, and show no bar.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    bar = (TextColumn("detecting"), BarColumn(), MofNCompleteColumn())
    with Progress(*bar, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("")
        return targets_detected(
            files,
            options,
            lambda done, total: progress.update(task, completed=done, total=total),
            noise,
            rms_map,
        )


def targets_of_files(files: Sequence[tuple[str, str]]) -> list[Target]:
    """Return a target for each file, from `image_files.find_images`."""
    return [Target(path, name) for path, name in files]


def targets_at(
    places: Sequence[Place],
    files: Sequence[tuple[str, str]],
    options: MapOptions,
    report_progress: Callable[[int], object] = lambda done: None,
) -> list[Target]:
    """Return a target for each position, and one with an error for each map that is unreadable.

    Of several maps that hold a position, the one whose edge is furthest is the first; the
    others are tried if pixels around the position are unknown there.

    Args:
        places: the positions.
        files: (path, name) of the maps.
        options: options to open maps with.
        report_progress: called with the number of maps whose header was read.
    """
    names = _distinct([place.name for place in places])
    if len(files) == 1:
        ((path, _),) = files
        found = [
            Target("" if place.error else path, name, place.name, place.position, (), place.error)
            for place, name in zip(places, names, strict=True)
        ]
        return found
    given = {os.path.abspath(path): path for path, _ in files}
    maps = [path for path in given if path.lower().endswith(FITS_SUFFIXES)]
    footprints = index_tiles(maps, options, report_progress)
    paths = [given[tile.path] for tile in footprints.tiles]
    positions = np.array([place.position or (np.nan, np.nan) for place in places], float)
    assignment = footprints.assign(*positions.reshape(-1, 2).T)
    unreadable = {given[tile.path]: tile.error for tile in footprints.unreadable}
    found = []
    for number, (place, name) in enumerate(zip(places, names, strict=True)):
        there = tuple(paths[tile] for tile in assignment.all_of(number))
        error = place.error or (None if there else _outside(len(unreadable)))
        path = there[0] if there else ""
        found.append(Target(path, name, place.name, place.position, there[1:], error))
    for path, name in files:
        if path in unreadable:
            found.append(Target(path, name, error=unreadable[path]))
        elif not path.lower().endswith(FITS_SUFFIXES):
            found.append(Target(path, name, error="position: for FITS maps only; leave it out"))
    return found


def targets_detected(
    files: Sequence[tuple[str, str]],
    options: MapOptions,
    report_progress: Callable[[int, int], object] = lambda done, total: None,
    noise: float | None = None,
    rms_map: str | None = None,
) -> list[Target]:
    """Return a target for each source above 5 sigma of the maps, the highest peak first.

    A map that cannot be read, or has no source, is a target with an error.

    Args:
        files: (path, name) of the maps.
        options: options to open maps with.
        report_progress: called with the numbers of finished and of all windows of a map.
        noise: noise, Jy/beam; None: it is measured.
        rms_map: path of a map of the noise on the same pixels; None: there is none.
    """
    if noise is not None and rms_map is not None:
        raise InputError("give either a noise or a noise map, not both")
    found: list[tuple[str, Detection]] = []
    failed = []
    for path, name in files:
        try:
            with options.open(path) as sky:
                if rms_map is None:
                    sources = detect_sources(sky, report_progress, noise)
                else:
                    with FitsMap(rms_map, beam=sky.beam) as rms:
                        sources = detect_sources(sky, report_progress, rms)
            if not sources:
                raise InputError("no source above 5 sigma")
            found += [(path, one) for one in sources]
        except InputError as error:
            failed.append(Target(path, name, error=str(error)))
    found.sort(key=lambda pair: -pair[1].peak_snr)
    names = [position_name(*one.position) for _, one in found]
    return [
        Target(path, safe, name, one.position, confused=one.confused, neighbours=one.neighbours)
        for (path, one), name, safe in zip(found, names, _distinct(names), strict=True)
    ] + failed


def checksum_of(targets: Sequence[Target]) -> str:
    """Return a checksum of positions, which must not change for a run to go on."""
    text = json.dumps([(target.name, target.position) for target in targets])
    return hashlib.sha256(text.encode()).hexdigest()


def require_fits(files: Sequence[tuple[str, str]], option: str) -> None:
    """Refuse positions on files of which none is a map.

    Args:
        files: (path, name) of the files.
        option: option that names the positions, for the message.

    Raises:
        InputError: No file has the suffix of a FITS map.
    """
    if not any(path.lower().endswith(FITS_SUFFIXES) for path, _ in files):
        raise InputError(f"{option} needs a FITS map: {files[0][0]} has no celestial coordinates")


def _outside(unreadable: int) -> str:
    if not unreadable:
        return "outside every map"
    return f"outside every map that can be read ({unreadable} cannot)"


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names for files: without separators, and different regardless of case."""
    safe = [_UNSAFE.sub("_", name).strip("._")[:_LONGEST_NAME] or "source" for name in names]
    counts = Counter(name.casefold() for name in safe)
    return [
        name if counts[name.casefold()] == 1 else f"{name}-{row:06d}"
        for row, name in enumerate(safe, start=1)
    ]
