"""Score one chunk of a survey on a worker, and write its Parquet file."""

import contextlib
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from distributed import WorkerPlugin

from keras_astroattn.edge import Calibration, Classifier, failed_row, open_model, scored_row
from keras_astroattn.edge.classifier import name_of
from keras_astroattn.errors import InputError
from keras_astroattn.images import BLACK, IMAGE_SIZE, Cutout
from keras_astroattn.process import follow_parent, keep_freed_memory, quiet_native_logs
from keras_astroattn.tables import Row

from .attempts import Attempts
from .choice import OpenTiles, choose_tile
from .column_mapping import MISSING, NOWHERE
from .neighbours import ZONES, Zones
from .parts import write_part
from .plan import tile_paths
from .runs import DEC, OTHERS, RA, ROW, SOURCE, STATE, TILE, read_slices
from .session import WORK, unwritable
from .surroundings import Surroundings
from .tiles import MapOptions

_DEADLY = "workers were killed twice while they read this file (damaged, or too large?)"


@dataclass(frozen=True)
class ModelReference:
    """Reference to the model of a survey, which is sent to workers.

    Attributes:
        model: name of a preset, or absolute path.
        checksum: SHA-256 of the model's file.
        tta: number of rotated views of each image over which the prediction is averaged.
        calibration: calibration for this survey, or None.
    """

    model: str
    checksum: str
    tta: int = 1
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Job:
    """The settings that all chunks of a survey share, as they are sent to workers.

    Attributes:
        folder: absolute path of the output folder.
        model: the model.
        options: options to open tiles with.
        mask_neighbours: whether to make other catalogued emission black.
        unreadable: number of unreadable tiles.
    """

    folder: str
    model: ModelReference
    options: MapOptions = field(default_factory=MapOptions)
    mask_neighbours: bool = False
    unreadable: int = 0


@dataclass(frozen=True)
class Scored:
    """Result of a chunk, as reported by a worker.

    Attributes:
        chunk: number of the chunk.
        labels: number of rows with each label.
        stopped: reason why no chunk can be written (for example a full disk), or None.
    """

    chunk: int
    labels: dict[str, int]
    stopped: str | None = None


def score_chunk(job: Job, chunk: int, slices: list[tuple[int, int, int]]) -> Scored:
    """Score the rows of a chunk and write its file.

    An error of a row or a tile is written into the rows concerned. An error of the output
    folder or the model concerns all chunks and is returned as `Scored.stopped`.

    Args:
        job: the survey.
        chunk: number of the chunk.
        slices: slices of the chunk, from `Plan.slices_of`.

    Returns:
        The result.
    """
    folder = Path(job.folder)
    work = folder / WORK
    try:
        table = read_slices(work, slices)
        classifier, paths = _classifier(job.model), tile_paths(folder)
        with contextlib.closing(Attempts(work, chunk)) as attempts:
            with _Scorer(job, classifier, paths, attempts) as scorer:
                rows = list(scorer.rows(table))
            attempts.note_nothing()
            write_part(folder, chunk, table, rows)
            attempts.remove()
    except OSError as error:
        return Scored(chunk, {}, str(unwritable(folder, error)))
    except InputError as error:
        return Scored(chunk, {}, str(error))
    return Scored(chunk, dict(Counter(str(row["label"]) for row in rows)))


def fail_chunk(job: Job, chunk: int, slices: list[tuple[int, int, int]], reason: str) -> Scored:
    """Write the file of a chunk whose rows all have the same error.

    Args:
        job: the survey.
        chunk: number of the chunk.
        slices: slices of the chunk, from `Plan.slices_of`.
        reason: the error.

    Returns:
        The result.

    Raises:
        InputError: The file is not writable.
    """
    table = read_slices(Path(job.folder) / WORK, slices)
    name = name_of(open_model(job.model.model), job.model.tta, job.model.calibration)
    row = failed_row("", reason, name)
    try:
        write_part(Path(job.folder), chunk, table, [row] * table.num_rows)
    except OSError as error:
        raise unwritable(job.folder, error) from None
    return Scored(chunk, {"error": table.num_rows})


_lock = threading.Lock()
_classifiers: dict[ModelReference, Classifier] = {}


def _classifier(reference: ModelReference) -> Classifier:
    """Return the classifier; each process loads it once."""
    with _lock:
        if reference not in _classifiers:
            model = open_model(reference.model)
            if hashlib.sha256(model.content).hexdigest() != reference.checksum:
                raise InputError(
                    f"model {reference.model} is another one on this worker than where the survey "
                    "was started: install the same release, or name a file that both see"
                )
            keep_freed_memory()
            with quiet_native_logs():
                classifier = Classifier(model, tta=reference.tta, calibration=reference.calibration)
                # LiteRT prints its delegate at the first prediction.
                classifier.predict(np.full((1, IMAGE_SIZE, IMAGE_SIZE, 1), BLACK, np.float32))
                _classifiers[reference] = classifier
        return _classifiers[reference]


class LoadModel(WorkerPlugin):
    """Dask plugin that loads the model when a worker starts, before its first chunk.

    Args:
        reference: the model.
    """

    def __init__(self, reference: ModelReference):
        self._reference = reference

    def setup(self, worker: object) -> None:
        """Load the model; Dask calls this."""
        import astropy.io.fits
        import astropy.wcs  # noqa: F401

        follow_parent()
        with contextlib.suppress(InputError):  # the first chunk will report it
            _classifier(self._reference)


class _Scorer:
    """Scorer of the rows of one chunk; use it as a context manager."""

    def __init__(self, job: Job, classifier: Classifier, paths: Sequence[str], attempts: Attempts):
        self._job, self._classifier, self._attempts = job, classifier, attempts
        self._paths, self._numbers = paths, {path: n for n, path in enumerate(paths)}
        self._tiles = OpenTiles(job.options, {paths[n]: _DEADLY for n in attempts.deadly})
        self._zones = Zones(Path(job.folder) / WORK / ZONES)
        self._name = classifier.name

    def __enter__(self) -> "_Scorer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._tiles.__exit__(*exception)

    def rows(self, table: pa.Table) -> Iterator[Row]:
        """Yield the result of each row of the table, in its order."""
        ra, dec, row, tile, state = (
            table.column(name).to_numpy() for name in (RA, DEC, ROW, TILE, STATE)
        )
        source = table.column(SOURCE).to_numpy() if SOURCE in table.column_names else row
        others = table.column(OTHERS).to_pylist()
        for low, high in _equal(tile):
            if tile[low] < 0:
                yield from (self._unplaced(int(one)) for one in state[low:high])
                continue
            here = slice(low, high)
            near = Surroundings(self._zones, ra[here], dec[here], source[here])
            for place in range(low, high):
                paths = [self._paths[number] for number in (int(tile[low]), *others[place])]
                position = (float(ra[place]), float(dec[place]))
                yield self._row(paths, position, near, place - low, place)

    def _unplaced(self, state: int) -> Row:
        if state == MISSING:
            reason = "no position: RA or Dec is missing"
        elif state == NOWHERE:
            reason = "its position is not on the sky"
        elif self._job.unreadable:
            reason = f"outside every tile that can be read ({self._job.unreadable} cannot)"
        else:
            reason = "outside every tile"
        return failed_row("", reason, self._name)

    def _row(
        self,
        paths: list[str],
        position: tuple[float, float],
        near: Surroundings,
        place: int,
        row: int,
    ) -> Row:
        """Return the result of a row: `place` of `near`, `row` of the chunk."""

        def cut(path: str) -> Cutout:
            self._attempts.note(row, self._numbers[path])
            return self._tiles.cutout(path, position, lambda sky: near.pixel(sky, place))

        path = paths[0]
        try:
            path, cutout = choose_tile(paths, cut)
            sky = self._tiles.get(path)
            cutout = near.treated(cutout, sky, place, self._job.mask_neighbours)
            return scored_row(path, cutout, self._classifier.classify(cutout), self._name)
        except InputError as error:
            return failed_row(path, str(error), self._name)
        except MemoryError:
            return failed_row(path, "not enough memory for this source", self._name)
        except Exception as error:  # one broken source must not end a survey of a million rows
            return failed_row(path, f"{type(error).__name__}: {error}", self._name)


def _equal(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each run of equal numbers."""
    bounds = np.flatnonzero(np.diff(numbers)) + 1
    yield from zip([0, *bounds.tolist()], [*bounds.tolist(), len(numbers)], strict=True)
