"""A source of a scored survey once more, as the network saw it."""

from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import Cutout

from .choice import Source
from .neighbours import Zones
from .surroundings import Surroundings
from .tiles import MapOptions

NEIGHBOURS = "_neighbours"
"""Positions of the whole catalogue, in the output of a survey that made neighbours black."""


def cut_again(folder: Path, options: MapOptions, mask_neighbours: bool, source: Source) -> Cutout:
    """The cutout that a source of a survey was scored by.

    Args:
        folder: Of the output.
        options: How the survey's tiles were opened.
        mask_neighbours: Whether other catalogued emission was made black.
        source: Of the survey.

    Raises:
        InputError: Its tile has gone, or the neighbours have.
    """
    with options.open(source.path) as sky:
        cutout = sky.cutout((source.ra, source.dec))
        if not mask_neighbours:
            return cutout
        if not (folder / NEIGHBOURS).is_dir():
            raise InputError(f"{folder / NEIGHBOURS} has gone: nobody knows what was made black")
        near = Surroundings(
            Zones(folder / NEIGHBOURS),
            np.array([source.ra]),
            np.array([source.dec]),
            np.array([source.row]),
        )
        return near.treated(cutout, sky, 0, mask=True)
