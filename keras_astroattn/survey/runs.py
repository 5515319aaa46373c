"""Rows of a plan on disk, in runs that are sorted by tile.

The rows of a catalogue are sorted without holding all of them in memory: runs of some 100,000
rows, each sorted by tile, are stored in the folder of the plan. A chunk is a list of slices of
these runs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from keras_astroattn.errors import InputError

ROW, RA, DEC, SOURCE, COMPONENTS = "aa_row", "aa_ra", "aa_dec", "aa_source", "aa_components"
"""Columns that the plan adds to the catalogue's."""

TILE, OTHERS, STATE = "_aa_tile", "_aa_others", "_aa_state"
"""Columns that only the plan has."""

_COLUMNS = {
    ROW: (pa.int64(), None, "row of the catalogue, from 0"),
    RA: (pa.float64(), "deg", "right ascension of the centre of the cutout, ICRS"),
    DEC: (pa.float64(), "deg", "declination of the centre of the cutout, ICRS"),
    SOURCE: (pa.int64(), None, "row of the brightest component of the source, from 0"),
    COMPONENTS: (pa.int32(), None, "number of rows of the catalogue that form this source"),
    TILE: (pa.int32(), None, ""),
    OTHERS: (pa.list_(pa.int32()), None, ""),
    STATE: (pa.int8(), None, ""),
}
_RUN_BYTES = 48 * 2**20
_RUN_ROWS = 2**18
_BATCH = 4096


def plan_field(name: str) -> pa.Field:
    """Return the Arrow field of a column that the plan adds, with unit and description."""
    kind, unit, description = _COLUMNS[name]
    metadata = {"description": description, "unit": unit or ""} if description else None
    return pa.field(name, kind, metadata=metadata)


class RunWriter:
    """Writer of rows to a folder in sorted runs.

    Args:
        work: path of the folder, which exists.
    """

    def __init__(self, work: Path):
        self._work = work
        self._waiting: list[pa.Table] = []
        self._count = 0
        self._found: list[np.ndarray] = []

    def add(self, table: pa.Table) -> None:
        """Add rows of a plan; they are written when there are enough for a run."""
        self._waiting.append(table)
        if (
            sum(t.nbytes for t in self._waiting) > _RUN_BYTES
            or sum(t.num_rows for t in self._waiting) >= _RUN_ROWS
        ):
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not yet written."""
        if not sum(table.num_rows for table in self._waiting):
            return
        table = pa.concat_tables(self._waiting)
        self._waiting = []
        tiles = table.column(TILE).to_numpy()
        order = np.argsort(tiles, kind="stable")
        # One chunk, so that every batch of the file except the last has `_BATCH` rows.
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
        """(m, 4) tile, run, first row, last row + 1, sorted by tile, then by run."""
        if not self._found:
            return np.empty((0, 4), np.int64)
        found = np.concatenate(self._found).astype(np.int64)
        return found[np.lexsort((found[:, 1], found[:, 0]))]


def run_path(work: Path, number: int) -> Path:
    """Return the path of a run in the folder of the plan."""
    return work / f"run-{number:05d}.arrow"


def divide_into_chunks(slices: np.ndarray, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Divide slices, sorted by tile, into chunks of at most `size` rows.

    A tile is not divided if this leaves chunks at least half full, so that few tiles are opened
    twice.

    Args:
        slices: (m, 4) tile, run, first row, last row + 1.
        size: largest number of rows, at least 1.

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


def read_slices(work: Path, slices: Sequence[tuple[int, int, int]]) -> pa.Table:
    """Read the rows of a chunk.

    Args:
        work: folder of the plan.
        slices: (run, first row, last row + 1) of each slice, from `Plan.slices_of`.

    Returns:
        The rows.

    Raises:
        InputError: The plan is missing.
    """
    tables = []
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
                # Copied, so that nothing refers to the file after it is closed.
                tables.append(table.take(np.arange(table.num_rows)))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{work} cannot be read: {error}; start again in another --output"
        ) from None
    return pa.concat_tables(tables).combine_chunks()
