"""An untrained network, its .tflite file, and a source to show it."""

from pathlib import Path

import keras
import numpy as np

from export.conversion import convert
from export.export_source import Calibration, ExportSource
from export.metadata import append_metadata, describe
from keras_astroattn.models import AGCNN

TEMPERATURE = 2.0


def untrained_model(network: type[keras.Model] = AGCNN, **options) -> keras.Model:
    """A network with weights, biases and statistics that are all in play."""
    keras.utils.set_random_seed(1)
    model = network(**options)
    random = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape
            layer.set_weights(
                [
                    random.uniform(0.5, 1.5, count),
                    random.normal(0, 0.2, count),
                    random.normal(0, 0.2, count),
                    random.uniform(0.5, 2, count),
                ]
            )
    return model


def untrained_source() -> ExportSource:
    model = untrained_model(
        normalization="range_norm", aggregation="concat_gating", pooling="weighted_mean"
    )
    return ExportSource("tiny", model, Calibration(TEMPERATURE, None, "nothing"))


def untrained_votes() -> ExportSource:
    """A network with the aggregation `votes`, one gate and statistics that are in play."""
    model = untrained_model(
        gates=1, normalization="sigmoid", aggregation="votes", padding="sky", psi_bias=0.0
    )
    head = model.get_layer("logits")
    random = np.random.default_rng(4)
    for variable in head.batch_normalization.variables:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    head.dense.bias.assign([0.25, -0.5])
    return ExportSource("votes", model, Calibration(TEMPERATURE, None, "nothing"))


def write_model_file(source: ExportSource, path: Path) -> None:
    path.write_bytes(convert(source, "float32"))
    append_metadata(path, describe(source, "float32"))


def radio_galaxy() -> np.ndarray:
    """(150, 150) uint8: two lobes 61 arcsec apart, each within 15 pixels of the middle."""
    y, x = np.mgrid[:150, :150]
    lobes = sum(np.exp(-((y - row) ** 2 + (x - 75) ** 2) / 18.0) for row in (58, 92))
    return (lobes * 250).astype(np.uint8)
