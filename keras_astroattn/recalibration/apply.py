"""Apply a calibration to a table, without the images."""

from dataclasses import replace

import numpy as np

from keras_astroattn.edge import LabelRules, Result
from keras_astroattn.edge.calibration import Calibration, ModelName
from keras_astroattn.edge.labels import UNCERTAIN, UNRESOLVED, WITHOUT_CLASS, entropy
from keras_astroattn.errors import InputError
from keras_astroattn.images.flags import CONFUSED
from keras_astroattn.tables import Table


def recalibrated_labels(result: Result, probabilities: np.ndarray, threshold: float | None):
    """Return the labels that follow from other probabilities.

    Args:
        result: the table. Labels of sources without probabilities do not change. Sources whose
            class cannot be told stay `unresolved`. Those that get no class because of a flag
            (`WITHOUT_CLASS`) or a neighbour that may be part of them are `uncertain`.
        probabilities: (n, 2) P(FRI) and P(FRII); NaN without a class.
        threshold: confidence below which a source is `uncertain`; None: never.

    Returns:
        (n,) list of labels.
    """
    rules = LabelRules(uncertain_below=threshold)
    known = np.isfinite(probabilities).all(axis=1).tolist()
    given = zip(probabilities, known, result.labels, result.texts("flags"), strict=True)
    return [
        _recalibrated_label(rules, p, label, flags.split(";")) if is_known else label
        for p, is_known, label, flags in given
    ]


def _recalibrated_label(rules: LabelRules, p: np.ndarray, label: str, flags: list[str]) -> str:
    """Return the label of a source with probabilities p."""
    if label == UNRESOLVED:
        return UNRESOLVED
    if WITHOUT_CLASS.intersection(flags) or (label == UNCERTAIN and CONFUSED in flags):
        return UNCERTAIN
    return rules.of_probabilities(p, flags=flags)


def recalibrate_table(result: Result, calibration: Calibration) -> Table:
    """Return a table with calibrated probabilities, entropies, labels and name of the model.

    Args:
        result: the whole table (`read_result` with `whole`).
        calibration: the calibration.

    Returns:
        The table; all other columns are unchanged.

    Raises:
        InputError: The calibration was fitted for another model.
    """
    require_model(result, calibration)
    given = result.probabilities
    found = calibration.apply(given)
    unknown = ~np.isfinite(given).all(axis=1)
    nats = np.array([0.0 if skip else entropy(p) for skip, p in zip(unknown, found, strict=True)])
    numbers = {"p_fri": found[:, 0], "p_frii": found[:, 1], "entropy_nats": nats}
    values = dict(result.table.values)
    for name, column in numbers.items():
        if result.prefix + name in values:
            filled = np.where(unknown, 0.0, column)
            values[result.prefix + name] = np.ma.MaskedArray(filled, unknown)
    values[f"{result.prefix}label"] = recalibrated_labels(
        result, found, calibration.uncertain_below
    )
    if f"{result.prefix}model" in values:
        values[f"{result.prefix}model"] = [
            calibration.name if name == calibration.model else name
            for name in result.texts("model")
        ]
    return replace(result.table, values=values)


def require_model(result: Result, calibration: Calibration) -> None:
    """Refuse a calibration of another model than the table's.

    Raises:
        InputError: The models differ.
    """
    if calibration.model != result.model:
        raise InputError(
            f"the calibration was fitted for {calibration.model}, and {result.path} was made with "
            f"{result.model}"
        )


def require_one_model(result: Result) -> None:
    """Refuse a table of several models, with a prior, or one that is recalibrated already.

    Raises:
        InputError: It is such a table.
    """
    names = sorted(set(filter(None, result.texts("model"))))
    if len(names) != 1:
        raise InputError(
            f"{result.path} was made with {len(names)} models: recalibrate a table of one model"
        )
    stated = ModelName.parse(names[0])
    if stated.prior is not None:
        raise InputError(
            f"{result.path} was classified with --prior {stated.prior:g}: a calibration finds the "
            "shares of the classes itself; classify without --prior"
        )
    if stated.calibration is not None:
        raise InputError(
            f"{result.path} is recalibrated already ({names[0]}): give the table before"
        )
