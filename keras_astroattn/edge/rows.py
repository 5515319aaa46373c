"""Rows of a table: a classified source, or an error."""

import json
import math

from keras_astroattn.images import Cutout, flags
from keras_astroattn.tables import COLUMNS, EXPLANATION_COLUMNS, Row

from .classification import Classification
from .explanation import Explanation
from .labels import ERROR


def failed_row(
    path: str,
    reason: str,
    model: str,
    name: str | None = None,
    position: tuple[float, float] | None = None,
) -> Row:
    """Return the row of a source that could not be classified.

    Args:
        path: path of the image.
        reason: the error; it is written in one line.
        model: name of the model.
        name: name of the source.
        position: (RA, Dec) that was asked for, ICRS degrees; None or NaN: unknown.
    """
    row: dict[str, str | float | None] = {column.name: None for column in COLUMNS}
    # The path has its own column.
    reason = " ".join(reason.split()).removeprefix(path).removeprefix(":").strip()[:500]
    ra, dec = _angles(position)
    return row | {
        "path": path,
        "name": name,
        "ra": ra,
        "dec": dec,
        "label": ERROR,
        "error": reason,
        "model": model,
    }


def scored_row(
    path: str, cutout: Cutout, found: Classification, model: str, name: str | None = None
) -> Row:
    """Return the row of a classified cutout.

    Args:
        path: path of the image.
        cutout: the source.
        found: its classification.
        model: name of the model.
        name: name of the source.

    Returns:
        Values by the names of the columns.
    """
    in_jansky = flags.UNKNOWN_UNIT not in cutout.flags
    ra, dec = _angles(cutout.position)
    frame_ra, frame_dec = _angles(cutout.frame_position)
    return {
        "path": path,
        "name": name,
        "ra": ra,
        "dec": dec,
        "label": found.label,
        "p_fri": found.p_fri,
        "p_frii": found.p_frii,
        "entropy_nats": found.entropy,
        "noise_jy_beam": _known(cutout.noise) if in_jansky else None,
        "peak_snr": _known(cutout.peak_snr),
        "source_fraction": _known(cutout.source_fraction),
        "largest_angular_size_arcsec": _known(cutout.largest_angular_size),
        "beam_arcsec": cutout.beam.mean if cutout.beam else None,
        "frame_ra": frame_ra,
        "frame_dec": frame_dec,
        "flags": ";".join(found.flags),
        "error": None,
        "model": model,
    }


def explanation_values(found: Explanation) -> Row:
    """Return the values of `EXPLANATION_COLUMNS`.

    Args:
        found: the explanation. Without components only its sentence is known.
    """
    values: dict[str, str | float | None] = {column.name: None for column in EXPLANATION_COLUMNS}
    values["explanation"] = repr(found)
    if not found.components:
        return values
    main = found.components[0]
    return values | {
        "main_component": main.name,
        "main_share": main.share,
        "p_without_main": main.p_without,
        "counterfactual": ";".join(found.counterfactual),
        "components": json.dumps(found.to_dict()["components"]),
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _angles(position: tuple[float, float] | None) -> tuple[float | None, float | None]:
    ra, dec = (None, None) if position is None else map(_known, position)
    return ra, dec
