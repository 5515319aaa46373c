"""Record the file that a worker reads, so that a file that ends its worker is given up.

A file can end the process that reads it: a decoder crashes, or the file needs more memory than
there is. The scheduler then gives the chunk to another worker, which would end in the same way.
"""

import os
import struct
from collections import Counter
from pathlib import Path

_RECORD = struct.Struct("<qq")
_NOTHING = _RECORD.pack(-1, -1)
_DEATHS = 2


class Attempts:
    """The attempts to score a chunk, each with the row and the tile that it reached.

    Args:
        work: folder of the plan.
        chunk: number of the chunk.

    Attributes:
        deadly: numbers of the tiles that ended two workers at the same row.

    Raises:
        OSError: The record cannot be written.
    """

    def __init__(self, work: Path, chunk: int):
        self._path = _path(work, chunk)
        self.deadly = deadly_tiles(work, chunk)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        self._place = os.fstat(self._file).st_size // _RECORD.size * _RECORD.size
        self.note_nothing()

    def note(self, row: int, tile: int) -> None:
        """Record that a row of the chunk is about to be cut from a tile; takes microseconds.

        The record survives the end of this process, but not of the machine.

        Args:
            row: row of the chunk.
            tile: number of the tile.
        """
        os.pwrite(self._file, _RECORD.pack(row, tile), self._place)

    def note_nothing(self) -> None:
        """Record that no tile is being read."""
        os.pwrite(self._file, _NOTHING, self._place)

    def close(self) -> None:
        """Close the record and keep it."""
        os.close(self._file)

    def remove(self) -> None:
        """Remove the record of a chunk that is scored."""
        self._path.unlink(missing_ok=True)


def deadly_tiles(work: Path, chunk: int) -> set[int]:
    """Return the numbers of the tiles that ended two workers at the same row of a chunk."""
    try:
        content = _path(work, chunk).read_bytes()
    except FileNotFoundError:
        return set()
    whole = len(content) // _RECORD.size * _RECORD.size
    seen = Counter(_RECORD.iter_unpack(content[:whole]))
    return {tile for (_, tile), count in seen.items() if count >= _DEATHS and tile >= 0}


def forget_attempts(work: Path) -> None:
    """Remove the records of an earlier run, which may have been stopped by its user."""
    for path in work.glob("attempts-*"):
        path.unlink(missing_ok=True)


def _path(work: Path, chunk: int) -> Path:
    return work / f"attempts-{chunk:06d}"
