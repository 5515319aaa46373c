"""A shipped network's temperature and threshold, from networks trained like it."""

from pathlib import Path

import numpy as np

from export.source_model import Calibration
from keras_astroattn.datasets import Sources
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import calibrated, confidence_threshold, fit_temperature

from .cross_validation import FOLDS, finished_seeds, out_of_fold


def fit_calibration(
    output: Path, configuration: str, epochs: int, error_rate: float, sources: Sources
) -> Calibration:
    """Temperature and threshold fitted on the out-of-fold logits of all finished seeds.

    Raises:
        InputError: nothing has been cross-validated.
    """
    seeds = finished_seeds(output, configuration, epochs)
    if not seeds:
        raise InputError(
            f"{output} holds no whole cross-validation of {configuration} at {epochs} epochs: "
            "run cross-validate first"
        )
    count = len(sources)
    logits = [out_of_fold(output, configuration, epochs, seed, count)[0] for seed in seeds]
    labels, logits = np.tile(sources.label, len(seeds)), np.concatenate(logits)
    temperature = fit_temperature(labels, logits)
    limit = confidence_threshold(labels, calibrated(logits, temperature), error_rate)
    return Calibration(
        temperature,
        limit.confidence,
        f"{FOLDS}-fold out-of-fold logits of {count} confident MiraBest sources, "
        f"{len(seeds)} seed{'s' if seeds[1:] else ''}; {100 * error_rate:.3g} % of the "
        f"{100 * limit.coverage:.1f} % that are not uncertain are wrong",
    )
