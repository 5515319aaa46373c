"""The maps and the network of a table, opened again to draw its sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_astroattn.edge import Calibration, Classifier, Result, list_presets
from keras_astroattn.edge.calibration import ModelName
from keras_astroattn.errors import InputError
from keras_astroattn.images import Cutout, read_image
from keras_astroattn.process import quiet_native_logs

Cut = Callable[[int], Cutout]
"""Function from a row of the table to the cutout as the network saw it."""


@dataclass(frozen=True)
class MadeWith:
    """What a table was made with, as far as the table does not state it.

    Attributes:
        model: name of a preset or path; None: the model that the table names.
        tta: number of rotated views; None: as the table says.
        calibration: the calibration of the table, or None.
        images: options of `images.read_image` for a table of image files.
    """

    model: str | None = None
    tta: int | None = None
    calibration: Calibration | None = None
    images: Mapping[str, Any] = field(default_factory=dict)


def survey_summary(table: Path) -> dict | None:
    """Return the summary of a survey's folder; None for a file.

    Raises:
        InputError: The survey is not complete.
    """
    if not table.is_dir():
        return None
    from keras_astroattn.survey.session import read_summary

    return read_summary(table)


def open_classifier(table: Path, model: str, made_with: MadeWith) -> Classifier:
    """Open the network of a table.

    Args:
        table: the table, for messages.
        model: the model that the table names.
        made_with: what the table was made with.

    Raises:
        InputError: The network cannot be opened, or is another one than the table's.
    """
    stated = ModelName.parse(model)
    if made_with.model is None and stated.model not in list_presets():
        raise InputError(
            f"{table} was made with the model {stated.model or '(unknown)'}, which is no "
            "preset: give its file with --model"
        )
    given = made_with.calibration
    calibration = given if given is not None and given.prior is None else None
    if stated.calibration != (calibration and calibration.identity):
        raise InputError(
            f"{table} was made with "
            + (f"the calibration {stated.calibration}" if stated.calibration else "no calibration")
            + f": give {'it with' if stated.calibration else 'no'} --calibration"
        )
    with quiet_native_logs():
        return Classifier(
            made_with.model or stated.model,
            tta=made_with.tta or stated.tta,
            calibration=calibration,
            prior=stated.prior,
        )


def cut_of(result: Result, made_with: MadeWith, survey: dict | None) -> Cut:
    """Return the function that reads the cutout of a row.

    Args:
        result: the table.
        made_with: what the table was made with.
        survey: summary of the survey; None for a file.
    """
    paths = result.texts("path")
    if not result.prefix:
        return _cut_of_files(result, made_with)
    from keras_astroattn.survey.results import Source, cut_again
    from keras_astroattn.survey.tiles import MapOptions

    identity = survey["identity"] if survey else {}
    opening = MapOptions(**identity.get("map options", {}))
    ra, dec, p_frii = (result.numbers(name) for name in ("ra", "dec", "p_frii"))
    numbers = result.table.values[f"{result.prefix}row"].tolist()

    def cut(row: int) -> Cutout:
        source = Source(
            numbers[row], ra[row], dec[row], paths[row], result.labels[row], p_frii[row], 0.0
        )
        return cut_again(result.path, opening, identity.get("mask neighbours", False), source)

    return cut


def _cut_of_files(result: Result, made_with: MadeWith) -> Cut:
    """Return the function that reads the cutout of a row of `astroattn classify`."""
    paths, names, ra, dec = (
        *(result.texts(name) for name in ("path", "name")),
        *(result.numbers(name) for name in ("ra", "dec")),
    )

    def cut(row: int) -> Cutout:
        # The row of a whole file has the file's name. Its source is in the middle.
        is_positioned = names[row] != Path(paths[row]).name and np.isfinite(ra[row] + dec[row])
        position = {"position": (ra[row], dec[row])} if is_positioned else {}
        return read_image(paths[row], **made_with.images, **position)

    return cut
