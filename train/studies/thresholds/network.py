"""A network to choose thresholds for: a .tflite file, a .keras file, or a training run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_astroattn.edge import Classifier
from keras_astroattn.evaluation import calibrated
from keras_astroattn.presets import list_presets
from train.configuration import CALIBRATION_FILE, Calibration, read_calibration

from .populations import Population

_BATCH = 64


@dataclass(frozen=True)
class CalibratedNetwork:
    """A network with its calibration.

    Attributes:
        name: name of the network.
        uncertain_below: threshold of `uncertain`, or None.
        probabilities: function from a population to (1, 2) arrays of P(FRI) and P(FRII), or
            larger parts of (n, 2).
        temperature: temperature of its logits; None: its file states none.
        run: folder of its training run, or None.
    """

    name: str
    uncertain_below: float | None
    probabilities: Callable[[Population], Iterator[np.ndarray]]
    temperature: float | None
    run: Path | None = None


def open_network(model: str) -> CalibratedNetwork:
    """Open a network.

    Args:
        model: name of a preset, path of a .tflite or .keras file, or folder of a training run.

    Raises:
        InputError: There is no such network.
    """
    if model in list_presets() or Path(model).suffix == ".tflite":
        classifier = Classifier(model)
        stated = classifier.model.metadata.get("calibration")
        return CalibratedNetwork(
            classifier.model.name,
            classifier.rules.uncertain_below,
            lambda population: (
                classifier.predict(image)["probabilities"]
                for image in population.images(1, classifier.sees_source_alone)
            ),
            stated.get("temperature") if isinstance(stated, dict) else None,
        )
    from keras_astroattn.models import sees_source_alone
    from keras_astroattn.models.loading import find_network, load_network

    found = find_network(model)
    is_run = (found.path.parent / CALIBRATION_FILE).exists()
    network = load_network(model)
    calibration = read_calibration(found.path.parent) if is_run else Calibration.stored(found.path)

    def probabilities(population: Population) -> Iterator[np.ndarray]:
        for images in population.images(_BATCH, sees_source_alone(network)):
            logits = np.asarray(network.predict_on_batch(images))
            yield calibrated(logits, calibration.temperature)

    run = found.path.parent if found.kind == "run" else None
    return CalibratedNetwork(
        found.name, calibration.uncertain_below, probabilities, calibration.temperature, run
    )
