"""Labels of injected sources and of a survey, counted by measured size and peak over noise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_astroattn.edge.labels import COMPACT, COMPACT_BELOW_BEAMS
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, flags

from .injection import KINDS, RATIOS, SIZES, Injected
from .parts import read_parts

SIZE_EDGES = (0.0, COMPACT_BELOW_BEAMS, 3.0, 5.0, 10.0, 20.0, SIZES[1])
"""Edges of the bins of the measured size, beams; nothing in the first bin gets a class."""

RATIO_EDGES = (RATIOS[0], 10.0, 30.0, 100.0, RATIOS[1])
"""Edges of the bins of the measured peak over noise."""

ANSWERS = (*CLASS_NAMES, COMPACT, "other")
"""Labels that are counted; all others count together."""

_COLUMNS = (
    *("aa_label", "aa_flags"),
    *("aa_largest_angular_size_arcsec", "aa_beam_arcsec", "aa_peak_snr"),
)
_SHAPE = (len(ANSWERS), len(SIZE_EDGES) - 1, len(RATIO_EDGES) - 1)


@dataclass(frozen=True)
class Response:
    """How a network labels injected sources of known kinds.

    Attributes:
        counts: (kinds, answers, sizes, ratios) number of injected sources of each kind with each
            answer, by measured size and measured peak over noise.
        model: name of the model.
        model_sha256: checksum of its file.
    """

    counts: np.ndarray
    model: str
    model_sha256: str


def response_counts(found: Sequence[Injected]) -> np.ndarray:
    """Return the counts of a `Response` from injected sources.

    Sources with the flag `wider_beam` are outside the cells: their size and peak over noise are not
    those of the map's beam.

    Args:
        found: the sources.
    """
    return np.stack(
        [
            _counted(
                [one.label for one in found if one.kind == kind],
                np.array([_size_on_map(one) for one in found if one.kind == kind]),
                np.array([one.measured_ratio for one in found if one.kind == kind]),
            )
            for kind in KINDS
        ]
    )


def survey_counts(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Count the answers of a scored survey.

    Args:
        folder: output folder of the survey.

    Returns:
        (answers, sizes, ratios) number of rows with each answer in each cell, and (classes,)
        number of rows with a class outside the cells.
    """
    counts, classed = np.zeros(_SHAPE, int), np.zeros(len(CLASS_NAMES), int)
    for table in read_parts(folder, _COLUMNS):
        label, flagged, *columns = (table.column(name) for name in _COLUMNS)
        extent, beam, ratio = (column.to_numpy().astype(float) for column in columns)
        labels = label.to_pylist()
        is_wide = np.array([_is_wide((one or "").split(";")) for one in flagged.to_pylist()], bool)
        counts += _counted(labels, np.where(is_wide, np.nan, extent / beam), ratio)
        classed += [labels.count(name) for name in CLASS_NAMES]
    return counts, classed - counts[: len(CLASS_NAMES)].sum((1, 2))


def _size_on_map(one: Injected) -> float:
    """Return the measured size in beams of the map; NaN if another beam was used."""
    return np.nan if _is_wide(one.flags) else one.measured_size


def _is_wide(found: Sequence[str]) -> bool:
    return flags.WIDER_BEAM in found


def _counted(labels: Sequence[str], size: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return the (answers, sizes, ratios) counts; NaN and values beyond the edges are left out."""
    known = [*CLASS_NAMES, COMPACT]
    answer = np.array([known.index(one) if one in known else len(known) for one in labels], int)
    return np.stack(
        [
            np.histogram2d(size[answer == one], ratio[answer == one], (SIZE_EDGES, RATIO_EDGES))[0]
            for one in range(len(ANSWERS))
        ]
    ).astype(int)


def described_response(found: Sequence[Injected]) -> dict:
    """Return the response of injected sources as JSON values, with the names of its axes.

    Args:
        found: the sources.
    """
    return {
        "kinds": KINDS,
        "answers": ANSWERS,
        "measured_size_edges": SIZE_EDGES,
        "measured_ratio_edges": RATIO_EDGES,
        "counts": response_counts(found).tolist(),
    }


def read_response(path: Path) -> Response:
    """Read the response from the file `selection.json` of `astroattn check --inject`.

    Args:
        path: path of the file.

    Raises:
        InputError: The file cannot be read, or is no such file.
    """
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        response = stated["response"]
        counts = np.array(response["counts"], int)
        edges = (response["measured_size_edges"], response["measured_ratio_edges"])
        found = Response(counts, str(stated["model"]), str(stated["model_sha256"]))
    except OSError as error:
        raise InputError(f"--selection {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):  # JSON's and UTF-8's errors are ValueErrors
        found = None
    if (
        found is None
        or counts.shape != (len(KINDS), *_SHAPE)
        or edges != (list(SIZE_EDGES), list(RATIO_EDGES))
        or (counts < 0).any()
    ):
        raise InputError(
            f"--selection {path} is no selection.json of this version's astroattn check --inject"
        )
    return found
