"""The network of a table, opened again to draw its sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_astroattn.edge import Calibration, Classifier, list_presets
from keras_astroattn.edge.calibration import ModelName
from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs


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
