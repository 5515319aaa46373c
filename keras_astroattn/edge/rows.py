"""Values of a row of the table: those of a cutout, and those of an error."""

import math

from keras_astroattn.images import Cutout, flags
from keras_astroattn.tables import COLUMNS, Row

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
        path: path of the image; "" if there is none.
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
        "path": path or None,
        "name": name,
        "ra": ra,
        "dec": dec,
        "label": ERROR,
        "error": reason,
        "model": model,
    }


def cutout_values(cutout: Cutout) -> Row:
    """Return the values of the columns that a cutout states: position, noise, sizes, beam.

    Args:
        cutout: the source.
    """
    in_jansky = flags.UNKNOWN_UNIT not in cutout.flags
    ra, dec = _angles(cutout.position)
    frame_ra, frame_dec = _angles(cutout.frame_position)
    centroid_ra, centroid_dec = _angles(cutout.centroid_position)
    ellipse = cutout.ellipse
    return {
        "ra": ra,
        "dec": dec,
        "noise_jy_beam": _known(cutout.noise) if in_jansky else None,
        "peak_snr": _known(cutout.peak_snr),
        "source_fraction": _known(cutout.source_fraction),
        "largest_angular_size_arcsec": _known(cutout.largest_angular_size),
        "centroid_ra": centroid_ra,
        "centroid_dec": centroid_dec,
        "major_arcsec": ellipse.major if ellipse else None,
        "minor_arcsec": ellipse.minor if ellipse else None,
        "position_angle_deg": ellipse.position_angle if ellipse else None,
        "beam_arcsec": cutout.beam.mean if cutout.beam else None,
        "frame_ra": frame_ra,
        "frame_dec": frame_dec,
        "offset_arcsec": cutout.offset,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _angles(position: tuple[float, float] | None) -> tuple[float | None, float | None]:
    ra, dec = (None, None) if position is None else map(_known, position)
    return ra, dec
