"""What has to be done for a survey, written down before any of it is done.

The rows of the catalogue are put into the order of the tiles they are cut from, without ever
being in memory together: runs of some 100,000 rows, each sorted by tile, lie in the hidden
folder `.survey` of the output. A chunk, which becomes one Parquet file, is a list of slices of
these runs. The plan decides everything about the result, so that a run that was killed goes on
to the very same table.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text

from .catalogue import Catalogue
from .disk import unwritable
from .grouping import Grouping
from .neighbours import ZoneWriter
from .roles import Roles, read_positions
from .tiles import Footprints

WORK = ".survey"
"""Folder of the plan, in the output folder, until the survey is complete."""

ROW, RA, DEC, SOURCE, COMPONENTS = "aa_row", "aa_ra", "aa_dec", "aa_source", "aa_components"
TILE, SECOND, STATE = "_aa_tile", "_aa_second", "_aa_state"

_FORMAT = 1
_RUN_BYTES = 48 * 2**20
_RUN_ROWS = 2**18
_BATCH = 4096

_OURS = {
    ROW: (pa.int64(), None, "row of the catalogue, from 0"),
    RA: (pa.float64(), "deg", "right ascension that was cut out, ICRS"),
    DEC: (pa.float64(), "deg", "declination that was cut out, ICRS"),
    SOURCE: (pa.int64(), None, "row of the component that stands for the source, from 0"),
    COMPONENTS: (pa.int32(), None, "how many rows of the catalogue are this source"),
    TILE: (pa.int32(), None, ""),
    SECOND: (pa.int32(), None, ""),
    STATE: (pa.int8(), None, ""),
}


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan on disk.

    Attributes:
        folder: Of the output.
        facts: What `plan.json` says: `identity`, `rows`, `tiles` (how many), `unreadable`, ...
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
        """(run, first row, last row + 1) of a chunk's rows."""
        low, high = np.searchsorted(self.slices[:, 0], [chunk, chunk + 1])
        return [tuple(map(int, row)) for row in self.slices[low:high, 1:]]

    def rows_of(self) -> np.ndarray:
        """(chunks,) number of rows of each chunk."""
        counts = self.slices[:, 3] - self.slices[:, 2]
        return np.bincount(self.slices[:, 0], counts, self.chunks).astype(np.int64)


def read_plan(folder: Path) -> Plan | None:
    """The plan in an output folder; None where there is none that is complete."""
    work = folder / WORK
    try:
        facts = json.loads((work / "plan.json").read_text(encoding="utf-8"))
        slices = np.load(work / "slices.npy")
    except (OSError, ValueError):
        return None
    return Plan(folder, facts, slices) if facts.get("format") == _FORMAT else None


def make_plan(
    folder: Path,
    catalogue: Catalogue,
    roles: Roles,
    footprints: Footprints,
    facts: dict,
    chunk_size: int,
    grouping: Grouping | None = None,
    told: Callable[[int], object] = lambda done: None,
    begun: float | None = None,
) -> Plan:
    """Write a plan into an output folder.

    Args:
        folder: Of the output; it exists.
        catalogue: What to score.
        roles: Its columns.
        footprints: The tiles.
        facts: More for `plan.json`.
        chunk_size: Rows of a chunk, at most.
        grouping: Where sources are scored rather than components.
        told: Called with the number of rows that were read.
        begun: `time.monotonic` when planning began, for its `seconds`; None: now.

    Raises:
        InputError: The catalogue is damaged, or the plan cannot be written.
    """
    work = folder / WORK
    begun = time.monotonic() if begun is None else begun
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        zones = ZoneWriter(work / "zones")
        runs = _Runs(work)
        members = _Members(folder, catalogue, roles, grouping) if grouping else None
        done = 0
        for batch in catalogue.batches():
            table = _assigned(batch, roles, footprints, grouping, done, zones)
            if members:
                members.add(batch, done)
            runs.add(table)
            done += batch.num_rows
            told(done)
        if members:
            members.finish()
        runs.flush()
        zones.finish()
        slices = np.array(list(chunked(runs.slices, chunk_size)), np.int64).reshape(-1, 4)
        with atomic_path(work / "slices.npy") as temporary:
            np.save(temporary, slices)
        paths = [tile.path for tile in footprints.tiles]
        write_text(work / "tiles.json", json.dumps(paths))
        facts = facts | {
            "format": _FORMAT,
            "catalogue_rows": done,
            "rows": int((slices[:, 3] - slices[:, 2]).sum()),
            "tiles": len(paths),
            "seconds": round(time.monotonic() - begun, 1),
            "unreadable": [[tile.path, tile.error] for tile in footprints.unreadable],
        }
        write_text(work / "plan.json", json.dumps(facts))
    except OSError as error:
        raise unwritable(work, error) from None
    return Plan(folder, facts, slices)


def _assigned(batch, roles, footprints, grouping, start, zones) -> pa.Table:
    """The rows of a batch that are scored, with where they are cut from."""
    places = read_positions(batch, roles)
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
    ours |= {TILE: found.tile, SECOND: found.second, STATE: state}
    for name, values in ours.items():
        nulls = np.isnan(values) if name in (RA, DEC) else None
        table = table.append_column(our_field(name), pa.array(values, _OURS[name][0], mask=nulls))
    # Neighbouring sources one after the other: their pixels are then in the system's cache.
    return table.take(np.lexsort((found.row, found.tile)))


def our_field(name: str) -> pa.Field:
    """A column that the plan adds, with unit and description."""
    kind, unit, description = _OURS[name]
    metadata = {"description": description, "unit": unit or ""} if description else None
    return pa.field(name, kind, metadata=metadata)


class _Runs:
    """Rows on disk in sorted runs."""

    def __init__(self, work: Path):
        self._work = work
        self._waiting: list[pa.Table] = []
        self._count = 0
        self._found: list[np.ndarray] = []

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table)
        if (
            sum(t.nbytes for t in self._waiting) > _RUN_BYTES
            or sum(t.num_rows for t in self._waiting) >= _RUN_ROWS
        ):
            self.flush()

    def flush(self) -> None:
        if not sum(table.num_rows for table in self._waiting):
            return
        table = pa.concat_tables(self._waiting)
        self._waiting = []
        tiles = table.column(TILE).to_numpy()
        order = np.argsort(tiles, kind="stable")
        # One chunk, so that every batch of the file but the last has `_BATCH` rows.
        table, tiles = table.take(order).combine_chunks(), tiles[order]
        with pa.OSFile(str(run_path(self._work, self._count)), "wb") as file, pa.ipc.new_file(
            file, table.schema
        ) as writer:  # fmt: skip
            writer.write_table(table, max_chunksize=_BATCH)
        bounds = np.flatnonzero(np.diff(tiles)) + 1
        starts, stops = np.append(0, bounds), np.append(bounds, len(tiles))
        run = np.full(len(starts), self._count)
        self._found.append(np.stack([tiles[starts], run, starts, stops], axis=1))
        self._count += 1

    @property
    def slices(self) -> np.ndarray:
        """(m, 4) tile, run, first row, last row + 1; sorted by tile, then run."""
        if not self._found:
            return np.empty((0, 4), np.int64)
        found = np.concatenate(self._found).astype(np.int64)
        return found[np.lexsort((found[:, 1], found[:, 0]))]


class _Members:
    """The map from components to sources, as Parquet beside the table."""

    def __init__(self, folder: Path, catalogue: Catalogue, roles: Roles, grouping: Grouping):
        self._grouping, self._id = grouping, roles.id
        self._context = atomic_path(folder / COMPONENT_MAP)
        fields = [our_field(ROW), our_field(SOURCE)]
        if roles.id is not None:
            fields.insert(0, catalogue.schema.field(roles.id))
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


COMPONENT_MAP = "_components.parquet"
"""The map from components to sources; data set readers leave out names with an underscore."""


def run_path(work: Path, number: int) -> Path:
    """Where a sorted run lies."""
    return work / f"run-{number:05d}.arrow"


def chunked(slices: np.ndarray, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Divide slices, sorted by tile, into chunks of at most `size` rows.

    A tile is kept together where that leaves chunks at least half full, so that few tiles
    are opened twice.

    Args:
        slices: (m, 4) tile, run, first row, last row + 1.
        size: Rows, at least 1.

    Yields:
        Chunk, run, first row, last row + 1.
    """
    if not len(slices):
        return
    tiles, inverse = np.unique(slices[:, 0], return_inverse=True)
    of_tile = np.bincount(inverse, slices[:, 3] - slices[:, 2], len(tiles))
    chunk, filled, current = 0, 0, None
    for (tile, run, start, stop), place in zip(slices.tolist(), inverse.tolist(), strict=True):
        if tile != current:
            current = tile
            if filled * 2 >= size and filled + of_tile[place] > size:
                chunk, filled = chunk + 1, 0
        while start < stop:
            if filled == size:
                chunk, filled = chunk + 1, 0
            taken = min(stop - start, size - filled)
            yield chunk, run, start, start + taken
            start, filled = start + taken, filled + taken


def tile_paths(folder: Path) -> tuple[str, ...]:
    """Paths of the tiles of a planned survey, by their numbers.

    Raises:
        OSError: The plan is gone.
    """
    path = folder / WORK / "tiles.json"
    return _read_paths(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read_paths(path: str, modified: int) -> tuple[str, ...]:
    del modified  # of the file: part of the cache's key
    return tuple(json.loads(Path(path).read_text(encoding="utf-8")))


def read_slices(folder: Path, slices: Sequence[tuple[int, int, int]]) -> pa.Table:
    """Rows of a chunk.

    Args:
        folder: Of the output.
        slices: As `Plan.slices_of` gives them.

    Raises:
        InputError: The plan is gone.
    """
    work, tables = folder / WORK, []
    try:
        for run, start, stop in slices:
            with pa.memory_map(str(run_path(work, run))) as file:
                reader = pa.ipc.open_file(file)
                batches = []
                for number in range(start // _BATCH, (stop - 1) // _BATCH + 1):
                    batch, first = reader.get_batch(number), number * _BATCH
                    low, high = max(start - first, 0), min(stop - first, batch.num_rows)
                    batches.append(batch.slice(low, high - low))
                table = pa.Table.from_batches(batches)
                # Copied, so that nothing refers to the file when it is closed.
                tables.append(table.take(np.arange(table.num_rows)))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{work} cannot be read: {error}; start again without --resume") from None
    return pa.concat_tables(tables).combine_chunks()
