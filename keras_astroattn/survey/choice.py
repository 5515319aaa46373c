"""The most certain and the most uncertain sources of a survey."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_astroattn.images import CLASS_NAMES

from .parts import read_parts

_COLUMNS = ("aa_row", "aa_ra", "aa_dec", "aa_path", "aa_label", "aa_p_frii", "aa_entropy_nats")


@dataclass(frozen=True)
class Source:
    """A scored source, as far as it takes to cut it out again.

    Attributes:
        row: Of the catalogue.
        ra: ICRS degrees.
        dec: ICRS degrees.
        path: Of its tile.
        label: Of it.
        p_frii: Probability of FRII.
        entropy: Of the probabilities, nats.
    """

    row: int
    ra: float
    dec: float
    path: str
    label: str
    p_frii: float
    entropy: float


def most_certain(folder: Path, count: int) -> list[Source]:
    """Sources labelled FRI or FRII with the lowest entropy, the lowest first."""
    classed = (source for source in _scored(folder) if source.label in CLASS_NAMES)
    return heapq.nsmallest(count, classed, key=lambda s: (s.entropy, s.row))


def most_uncertain(folder: Path, count: int) -> list[Source]:
    """Sources that the network was asked about, with the highest entropy first."""
    return heapq.nsmallest(count, _scored(folder), key=lambda s: (-s.entropy, s.row))


def _scored(folder: Path) -> Iterator[Source]:
    for table in read_parts(folder, _COLUMNS):
        known = table.filter(table.column("aa_entropy_nats").is_valid())
        for values in known.select(list(_COLUMNS)).to_pylist():
            yield Source(*values.values())
