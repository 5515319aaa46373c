"""Score one chunk of a survey on a worker: rows in, one Parquet file out."""

import contextlib
import hashlib
import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from distributed import WorkerPlugin

from keras_astroattn.edge import Classifier, open_model
from keras_astroattn.edge.classifier import name_of
from keras_astroattn.errors import InputError
from keras_astroattn.images import BLACK, IMAGE_SIZE, FitsMap
from keras_astroattn.process import keep_freed_memory, quiet_native_logs
from keras_astroattn.tables import Row, failed_row, scored_row

from .column_mapping import MISSING, NOWHERE
from .neighbours import ZONES, Zones
from .parts import write_part
from .plan import tile_paths
from .runs import DEC, RA, ROW, SECOND, SOURCE, STATE, TILE, read_slices
from .session import WORK, unwritable
from .surroundings import Surroundings
from .tiles import MapOptions

_OPEN_TILES = 4
_BLANK = ("blank here", "hardly reaches")  # what another tile that overlaps may know better


@dataclass(frozen=True)
class ModelReference:
    """The model that a survey is scored with, as it is sent to workers.

    Attributes:
        model: name of a preset, or absolute path.
        checksum: SHA-256 of the model's file.
        tta: rotations of each image that the prediction is averaged over.
    """

    model: str
    checksum: str
    tta: int = 1


@dataclass(frozen=True)
class Job:
    """The settings that all chunks of a survey share, as they are sent to workers.

    Attributes:
        folder: absolute path of the output folder.
        model: the model.
        options: how tiles are opened.
        mask_neighbours: whether other catalogued emission is made black.
        unreadable: number of tiles that cannot be read.
    """

    folder: str
    model: ModelReference
    options: MapOptions = field(default_factory=MapOptions)
    mask_neighbours: bool = False
    unreadable: int = 0


@dataclass(frozen=True)
class Scored:
    """What a worker reports of a chunk.

    Attributes:
        chunk: number of the chunk.
        labels: number of rows with each label.
        stopped: why no chunk can be written (a full disk), or None.
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
        slices: the rows of the chunk, as `Plan.slices_of` gives them.
    """
    folder = Path(job.folder)
    try:
        table = read_slices(folder / WORK, slices)
        rows = list(_Scorer(job, _classifier(job.model), tile_paths(folder)).rows(table))
        write_part(folder, chunk, table, rows)
    except OSError as error:
        return Scored(chunk, {}, str(unwritable(folder, error)))
    except InputError as error:
        return Scored(chunk, {}, str(error))
    return Scored(chunk, dict(Counter(str(row["label"]) for row in rows)))


def fail_chunk(job: Job, chunk: int, slices: list[tuple[int, int, int]], reason: str) -> Scored:
    """Write the file of a chunk whose rows all have the same error.

    Raises:
        InputError: The file cannot be written.
    """
    table = read_slices(Path(job.folder) / WORK, slices)
    name = name_of(open_model(job.model.model), job.model.tta)
    row = failed_row("", reason, name) | {"path": None}
    try:
        write_part(Path(job.folder), chunk, table, [row] * table.num_rows)
    except OSError as error:
        raise unwritable(job.folder, error) from None
    return Scored(chunk, {"error": table.num_rows})


_lock = threading.Lock()
_classifiers: dict[ModelReference, Classifier] = {}


def _classifier(reference: ModelReference) -> Classifier:
    """Return the classifier, which a process loads once."""
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
                classifier = Classifier(model, tta=reference.tta)
                # LiteRT speaks of its delegate at the first prediction.
                classifier.predict(np.full((1, IMAGE_SIZE, IMAGE_SIZE, 1), BLACK, np.float32))
                _classifiers[reference] = classifier
        return _classifiers[reference]


class LoadModel(WorkerPlugin):
    """Loads the model when a worker starts, not with its first chunk.

    Args:
        reference: the model.
    """

    def __init__(self, reference: ModelReference):
        self._reference = reference

    def setup(self, worker: object) -> None:
        """Load the model; Dask calls this."""
        import astropy.io.fits
        import astropy.wcs  # noqa: F401

        with contextlib.suppress(InputError):  # the first chunk will report it
            _classifier(self._reference)


class _Scorer:
    """Scores the rows of one chunk."""

    def __init__(self, job: Job, classifier: Classifier, paths: tuple[str, ...]):
        self._job, self._classifier, self._paths = job, classifier, paths
        self._open: OrderedDict[str, FitsMap | InputError] = OrderedDict()
        self._zones = Zones(Path(job.folder) / WORK / ZONES)
        self._name = classifier.name

    def rows(self, table: pa.Table):
        """Yield the result of each row of the table, in its order."""
        columns = {name: table.column(name).to_numpy() for name in (ROW, TILE, SECOND, STATE)}
        ra, dec = (table.column(n).to_numpy() for n in (RA, DEC))
        source = columns[ROW] if SOURCE not in table.column_names else (
            table.column(SOURCE).to_numpy()
        )  # fmt: skip
        try:
            for low, high in _equal(columns[TILE]):
                tile, here = int(columns[TILE][low]), slice(low, high)
                if tile < 0:
                    yield from (self._unplaced(int(s)) for s in columns[STATE][here])
                    continue
                near = Surroundings(self._zones, ra[here], dec[here], source[here])
                for place in range(low, high):
                    number = int(columns[SECOND][place])
                    second = self._paths[number] if number >= 0 else None
                    position = (float(ra[place]), float(dec[place]))
                    yield self._row(self._paths[tile], second, position, near, place - low)
        finally:
            while self._open:
                self._close(self._open.popitem()[1])

    def _unplaced(self, state: int) -> Row:
        if state == MISSING:
            reason = "no position: RA or Dec is missing"
        elif state == NOWHERE:
            reason = "its position is not on the sky"
        elif self._job.unreadable:
            reason = f"outside every tile that can be read ({self._job.unreadable} cannot)"
        else:
            reason = "outside every tile"
        return failed_row("", reason, self._name) | {"path": None}

    def _row(self, path: str, second: str | None, position, near: Surroundings, place: int) -> Row:
        row = self._scored(path, position, near, place)
        if row["error"] and second and any(text in str(row["error"]) for text in _BLANK):
            # Mosaics are blank in their corners, which a header does not say.
            other = self._scored(second, position, near, place)
            return row if other["error"] else other
        return row

    def _scored(self, path: str, position, near: Surroundings, place: int) -> Row:
        try:
            sky = self._map(path)
            cutout = sky.cutout(position, pixel=near.pixel(sky, place))
            cutout = near.treated(cutout, sky, place, self._job.mask_neighbours)
            return scored_row(path, cutout, self._classifier.classify(cutout), self._name)
        except InputError as error:
            return failed_row(path, str(error), self._name)
        except MemoryError:
            return failed_row(path, "not enough memory for this source", self._name)
        except Exception as error:  # one strange tile must not end a million rows
            return failed_row(path, f"{type(error).__name__}: {error}", self._name)

    def _map(self, path: str) -> FitsMap:
        if path not in self._open:
            try:
                self._open[path] = self._job.options.open(path)
            except InputError as error:
                self._open[path] = error
            while len(self._open) > _OPEN_TILES:
                self._close(self._open.popitem(last=False)[1])
        self._open.move_to_end(path)
        found = self._open[path]
        if isinstance(found, InputError):
            raise found
        return found

    @staticmethod
    def _close(opened: FitsMap | InputError) -> None:
        if isinstance(opened, FitsMap):
            opened.close()


def _equal(numbers: np.ndarray):
    """Yield (start, stop) of each run of equal numbers."""
    bounds = np.flatnonzero(np.diff(numbers)) + 1
    yield from zip([0, *bounds.tolist()], [*bounds.tolist(), len(numbers)], strict=True)
