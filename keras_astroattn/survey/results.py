"""Sources of a scored survey: the most certain ones, and their cutouts."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, Cutout

from .neighbours import Zones
from .parts import read_parts
from .surroundings import Surroundings
from .tiles import MapOptions

NEIGHBOURS = "_neighbours"
"""Folder in the output folder with the positions of the whole catalogue, kept if emission of
neighbours was made black."""

_COLUMNS = ("aa_row", "aa_ra", "aa_dec", "aa_path", "aa_label", "aa_p_frii", "aa_entropy_nats")


@dataclass(frozen=True)
class Source:
    """A scored source of a survey.

    Attributes:
        row: row of the catalogue, from 0.
        ra: right ascension, ICRS degrees.
        dec: declination, ICRS degrees.
        path: path of its tile.
        label: its label.
        p_frii: probability of FRII.
        entropy: entropy of the probabilities, nats.
    """

    row: int
    ra: float
    dec: float
    path: str
    label: str
    p_frii: float
    entropy: float


def most_certain(folder: Path, count: int) -> list[Source]:
    """Return the `count` sources labelled FRI or FRII with the lowest entropy, lowest first."""
    classed = (source for source in _scored(folder) if source.label in CLASS_NAMES)
    return heapq.nsmallest(count, classed, key=lambda s: (s.entropy, s.row))


def most_uncertain(folder: Path, count: int) -> list[Source]:
    """Return the `count` classified sources with the highest entropy, highest first."""
    return heapq.nsmallest(count, _scored(folder), key=lambda s: (-s.entropy, s.row))


def _scored(folder: Path) -> Iterator[Source]:
    for table in read_parts(folder, _COLUMNS):
        known = table.filter(table.column("aa_entropy_nats").is_valid())
        for values in known.select(list(_COLUMNS)).to_pylist():
            yield Source(*values.values())


def cut_again(folder: Path, options: MapOptions, mask_neighbours: bool, source: Source) -> Cutout:
    """Cut out a source of a survey as the network saw it.

    Args:
        folder: output folder of the survey.
        options: options with which the tiles were opened.
        mask_neighbours: whether other catalogued emission was made black.
        source: the source.

    Returns:
        The cutout.

    Raises:
        InputError: The tile, or the positions of the neighbours, are missing.
    """
    with options.open(source.path) as sky:
        cutout = sky.cutout((source.ra, source.dec))
        if not mask_neighbours:
            return cutout
        if not (folder / NEIGHBOURS).is_dir():
            raise InputError(
                f"{folder / NEIGHBOURS} is missing: without it, neighbours cannot be made black"
            )
        near = Surroundings(
            Zones(folder / NEIGHBOURS),
            np.array([source.ra]),
            np.array([source.dec]),
            np.array([source.row]),
        )
        return near.treated(cutout, sky, 0, mask=True)
