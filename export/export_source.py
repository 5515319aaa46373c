"""The source of an export: a Keras model with its training and calibration."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

import keras_astroattn  # noqa: F401  (registers its layers with Keras)
from keras_astroattn.errors import InputError
from keras_astroattn.images import IMAGE_SIZE
from keras_astroattn.layers import AttentionGate
from keras_astroattn.models.loading import find_network, load_network
from keras_astroattn.models.presets import damaged_metadata, stored_metadata
from train.configuration import Calibration, TrainConfig, read_calibration, read_run


@dataclass(frozen=True, eq=False)
class ExportSource:
    """A model to be exported.

    Attributes:
        name: name of the exported files, in the metadata.
        model: an `AGCNN` or another functional model from one 150 x 150 image to logits.
        calibration: calibration of its probabilities.
        training: options of its training run; None if unknown.
        data: `name` and `checksum` of its training data; empty if unknown.
    """

    name: str
    model: keras.Model
    calibration: Calibration = field(default_factory=Calibration)
    training: TrainConfig | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def normalizations(self) -> set[str]:
        """Normalizations of the model's attention gates."""
        return {
            layer.normalize.normalization
            for layer in self.model.layers
            if isinstance(layer, AttentionGate)
        }


def open_export_source(model_or_run: str | Path) -> ExportSource:
    """Open a network for export: see `keras_astroattn.models.loading.find_network`.

    Args:
        model_or_run: name of a preset, .keras file, folder of a training run, or checkpoint of
            the paper.

    Returns:
        The model.

    Raises:
        InputError: The network does not exist, cannot be loaded, or is not a classifier of
            images.
    """
    found = find_network(model_or_run)
    file = found.path
    training, data = read_run(file.parent) if found.kind == "run" else (None, {})
    model = load_network(model_or_run)
    shapes = [tuple(tensor.shape[1:]) for tensor in getattr(model, "inputs", None) or []]
    if (
        shapes != [(IMAGE_SIZE, IMAGE_SIZE, 1)]
        or len(model.outputs) != 1
        or isinstance(model, keras.Sequential)
    ):
        raise InputError(
            f"{file} is another network: only functional ones from one image of "
            f"{IMAGE_SIZE} x {IMAGE_SIZE} x 1 to logits are exported"
        )
    if training:
        return ExportSource(found.name, model, read_calibration(file.parent), training, data)
    return _with_origin(ExportSource(found.name, model), file)


def _with_origin(source: ExportSource, file: Path) -> ExportSource:
    """Return the source with the origin stored in a preset's file (by `export.preset`)."""
    metadata = stored_metadata(file) if file.suffix == ".keras" else None
    if metadata is None:
        return source
    calibration = Calibration.stored(file)
    try:
        training = metadata["training"] and TrainConfig.from_json(metadata["training"])
        return replace(source, calibration=calibration, training=training, data=metadata["data"])
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_metadata(file, " ".join(str(error).split())[:100]) from None
