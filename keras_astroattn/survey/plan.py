"""The plan of a survey: the tile and the chunk of each row.

The plan is written before any row is scored. It decides everything about the result, so that a
run that was killed continues to the same table.
"""

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text

from .catalogue import Catalogue, open_catalogue
from .column_mapping import ColumnMapping, read_positions
from .grouping import Grouping, group_rows
from .neighbours import ZONES, ZoneWriter
from .runs import (
    COMPONENTS,
    DEC,
    OTHERS,
    RA,
    ROW,
    SOURCE,
    STATE,
    TILE,
    RunWriter,
    divide_into_chunks,
    plan_field,
)
from .session import WORK, unwritable
from .settings import SurveySettings
from .tiles import Footprints, find_tiles, index_tiles

if TYPE_CHECKING:
    from .progress import Progress

COMPONENT_MAP = "_components.parquet"
"""Table of components and their sources; readers of data sets skip names with an underscore."""

_FORMAT = 2


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan on disk.

    Attributes:
        folder: the output folder.
        facts: content of `plan.json`: `identity`, `rows`, `tiles` (their number), `unreadable`...
        slices: (m, 4) int64: chunk, run, first row, last row + 1, sorted by chunk.
    """

    folder: Path
    facts: dict
    slices: np.ndarray

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return int(self.slices[-1, 0]) + 1 if len(self.slices) else 0

    def slices_of(self, chunk: int) -> list[tuple[int, int, int]]:
        """Return (run, first row, last row + 1) of each slice of a chunk."""
        low, high = np.searchsorted(self.slices[:, 0], [chunk, chunk + 1])
        return [tuple(map(int, row)) for row in self.slices[low:high, 1:]]

    def rows_of(self) -> np.ndarray:
        """Return the (chunks,) number of rows of each chunk."""
        counts = self.slices[:, 3] - self.slices[:, 2]
        return np.bincount(self.slices[:, 0], counts, self.chunks).astype(np.int64)


def read_plan(folder: Path) -> Plan | None:
    """Return the plan in an output folder; None if there is no complete one."""
    work = folder / WORK
    try:
        facts = json.loads((work / "plan.json").read_text(encoding="utf-8"))
        slices = np.load(work / "slices.npy")
    except (OSError, ValueError):
        return None
    return Plan(folder, facts, slices) if facts.get("format") == _FORMAT else None


class Inputs(NamedTuple):
    """The input files of a survey.

    Attributes:
        tiles: paths of the tiles.
        catalogue: the catalogue.
        mapping: its columns by key.
        begun: value of `time.monotonic` when planning began.
    """

    tiles: list[str]
    catalogue: Catalogue
    mapping: ColumnMapping
    begun: float


def open_inputs(settings: SurveySettings, folder: Path) -> Inputs:
    """Validate the inputs of a survey.

    Args:
        settings: the survey.
        folder: the output folder.

    Returns:
        The opened inputs.

    Raises:
        InputError: There is no tile, the catalogue cannot be read, a column is missing, or the
            folder holds parts without their plan.
    """
    if any(folder.glob("part-*.parquet")):
        # Only the plan states which rows a part holds.
        raise InputError(f"--output {folder} holds parts and no plan: name another folder")
    begun = time.monotonic()
    tiles = find_tiles(settings.images)
    catalogue = open_catalogue(settings.catalogue)
    mapping = catalogue.map_columns(settings.survey, settings.columns)
    if settings.rows == "source" and settings.linking_length is None and mapping.parent is None:
        raise InputError(
            "--rows source needs to know what belongs together: --columns parent=NAME, or "
            "--linking-length ARCSEC"
        )
    return Inputs(tiles, catalogue, mapping, begun)


def plan_survey(
    settings: SurveySettings, folder: Path, identity: dict, inputs: Inputs, progress: "Progress"
) -> Plan:
    """Index the tiles, group the rows if sources are scored, and write the plan.

    Args:
        settings: the survey.
        folder: the output folder, which exists.
        identity: identity of the run, from `session.identity_of`.
        inputs: the opened inputs.
        progress: reports each step to the user.

    Returns:
        The plan.

    Raises:
        InputError: No tile can be read, the catalogue is damaged, or the plan is not writable.
    """
    paths, catalogue, mapping, _ = inputs
    progress.indexing(len(paths))
    footprints = index_tiles(paths, settings.options, progress.indexed)
    if len(footprints.unreadable) == len(paths):
        first = footprints.unreadable[0]
        raise InputError(f"none of {len(paths)} tiles can be read; {first.path}: {first.error}")
    grouping = None
    if settings.rows == "source":
        progress.planning(catalogue.rows)
        grouping = group_rows(catalogue, mapping, settings.linking_length, progress.planned)
    progress.planning(catalogue.rows)
    facts = {
        "identity": identity,
        "catalogue_sha256": _checksum(settings.catalogue),
        "columns": {k: v for k, v in dataclasses.asdict(mapping).items() if v is not None},
    }
    return _write_plan(
        folder, inputs, footprints, facts, settings.chunk_size, grouping, progress.planned
    )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_plan(
    folder: Path,
    inputs: Inputs,
    footprints: Footprints,
    facts: dict,
    chunk_size: int,
    grouping: Grouping | None,
    report: Callable[[int], object],
) -> Plan:
    """Write a plan; `report` is called with the number of rows that were read."""
    work = folder / WORK
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        zones = ZoneWriter(work / ZONES)
        runs = RunWriter(work)
        members = _ComponentMap(folder, inputs, grouping) if grouping else None
        done = 0
        for batch in inputs.catalogue.batches():
            runs.add(_assigned(batch, inputs.mapping, footprints, grouping, done, zones))
            if members:
                members.add(batch, done)
            done += batch.num_rows
            report(done)
        if members:
            members.finish()
        runs.flush()
        zones.finish()
        slices = np.array(list(divide_into_chunks(runs.slices, chunk_size)), np.int64)
        slices = slices.reshape(-1, 4)
        with atomic_path(work / "slices.npy") as temporary:
            np.save(temporary, slices)
        paths = [tile.path for tile in footprints.tiles]
        write_text(work / "tiles.json", json.dumps(paths))
        facts = facts | {
            "format": _FORMAT,
            "catalogue_rows": done,
            "rows": int((slices[:, 3] - slices[:, 2]).sum()),
            "tiles": len(paths),
            "seconds": round(time.monotonic() - inputs.begun, 1),
            "unreadable": [[tile.path, tile.error] for tile in footprints.unreadable],
        }
        write_text(work / "plan.json", json.dumps(facts))
    except OSError as error:
        raise unwritable(work, error) from None
    return Plan(folder, facts, slices)


def _assigned(batch, mapping, footprints, grouping, start, zones) -> pa.Table:
    """Return the rows of a batch to be scored, with the columns of the plan."""
    places = read_positions(batch, mapping)
    rows = np.arange(start, start + batch.num_rows)
    lead = rows if grouping is None else grouping.lead[rows]
    zones.add(places.ra, places.dec, lead)
    ra, dec, state = places.ra, places.dec, places.state
    table = pa.Table.from_batches([batch])
    if grouping is not None:
        chosen = np.flatnonzero(lead == rows)
        rows, state = rows[chosen], state[chosen]
        ra, dec = grouping.ra[rows], grouping.dec[rows]
        table = table.take(chosen)
    found = footprints.assign(ra, dec)
    ours = {ROW: rows, RA: ra, DEC: dec}
    if grouping is not None:
        ours |= {SOURCE: rows, COMPONENTS: grouping.components[rows]}
    others = pa.ListArray.from_arrays(found.offsets, found.others)
    ours |= {TILE: found.tile, OTHERS: others, STATE: state}
    for name, values in ours.items():
        nulls = np.isnan(values) if name in (RA, DEC) else None
        field = plan_field(name)
        if not isinstance(values, pa.Array):
            values = pa.array(values, field.type, mask=nulls)
        table = table.append_column(field, values)
    # Neighbouring sources follow each other, so their pixels are in the system's cache.
    return table.take(np.lexsort((found.row, found.tile)))


class _ComponentMap:
    """Writer of a Parquet file with the source of each component."""

    def __init__(self, folder: Path, inputs: Inputs, grouping: Grouping):
        self._grouping, self._id = grouping, inputs.mapping.id
        self._context = atomic_path(folder / COMPONENT_MAP)
        fields = [plan_field(ROW), plan_field(SOURCE)]
        if self._id is not None:
            fields.insert(0, inputs.catalogue.schema.field(self._id))
        self._writer = pq.ParquetWriter(self._context.__enter__(), pa.schema(fields))

    def add(self, batch: pa.RecordBatch, start: int) -> None:
        rows = np.arange(start, start + batch.num_rows)
        arrays = [pa.array(rows), pa.array(self._grouping.lead[rows])]
        if self._id is not None:
            arrays.insert(0, batch.column(batch.schema.get_field_index(self._id)))
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._writer.schema))

    def finish(self) -> None:
        self._writer.close()
        self._context.__exit__(None, None, None)


def tile_paths(folder: Path) -> tuple[str, ...]:
    """Return the paths of the tiles of a planned survey, by their numbers.

    Args:
        folder: folder of the plan.

    Raises:
        OSError: The plan is missing.
    """
    path = folder / WORK / "tiles.json"
    return _read_paths(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read_paths(path: str, modified: int) -> tuple[str, ...]:
    del modified  # time of the file, used only in the cache's key
    return tuple(json.loads(Path(path).read_text(encoding="utf-8")))
