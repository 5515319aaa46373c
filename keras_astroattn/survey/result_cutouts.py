"""Cutouts of the sources of a table, read again from its maps."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_astroattn.edge import Result
from keras_astroattn.images import Cutout, read_image

Cut = Callable[[int], Cutout]
"""Function from a row of the table to the cutout as the network saw it."""


def survey_summary(table: Path) -> dict | None:
    """Return the summary of a survey's folder; None for a file.

    Raises:
        InputError: The survey is not complete.
    """
    if not table.is_dir():
        return None
    from .session import read_summary

    return read_summary(table)


def cut_of(result: Result, images: Mapping[str, Any], survey: dict | None) -> Cut:
    """Return the function that reads the cutout of a row.

    Args:
        result: the table.
        images: options of `images.read_image` for a table of image files.
        survey: summary of the survey; None for a file.
    """
    if not result.prefix:
        return _cut_of_files(result, images)
    from .results import Source, cut_again
    from .tiles import MapOptions

    identity = survey["identity"] if survey else {}
    opening = MapOptions(**identity.get("map options", {}))
    paths = result.texts("path")
    ra, dec, p_frii = (result.numbers(name) for name in ("ra", "dec", "p_frii"))
    numbers = result.table.values[f"{result.prefix}row"].tolist()

    def cut(row: int) -> Cutout:
        source = Source(
            numbers[row], ra[row], dec[row], paths[row], result.labels[row], p_frii[row], 0.0
        )
        return cut_again(result.path, opening, identity.get("mask neighbours", False), source)

    return cut


def _cut_of_files(result: Result, images: Mapping[str, Any]) -> Cut:
    """Return the function that reads the cutout of a row of `astroattn classify`."""
    paths, names = result.texts("path"), result.texts("name")
    ra, dec = result.numbers("ra"), result.numbers("dec")

    def cut(row: int) -> Cutout:
        # The row of a whole file has the file's name. Its source is in the middle.
        is_positioned = names[row] != Path(paths[row]).name and np.isfinite(ra[row] + dec[row])
        position = {"position": (ra[row], dec[row])} if is_positioned else {}
        return read_image(paths[row], **images, **position)

    return cut
