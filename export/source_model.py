"""What is exported: a Keras model with what is known of its training and calibration."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

import keras_astroattn  # noqa: F401  (registers its layers with Keras)
from keras_astroattn.edge.model_file import presets_folder
from keras_astroattn.errors import InputError
from keras_astroattn.images import IMAGE_SIZE
from keras_astroattn.layers import AttentionGate
from keras_astroattn.models.presets import ORIGIN_MEMBER
from train.configuration import TrainConfig, read_run

CALIBRATION_FILE = "calibration.json"
"""Beside the model in a run's folder; `Calibration`'s fields."""


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities that mean what they say.

    Attributes:
        temperature: p = softmax(logits / temperature) (Guo et al. 2017, arXiv 1706.04599).
        uncertain_below: Below this probability of the more probable class the label is
            `uncertain`; None: never.
        source: What it was fitted on; None: the model is not calibrated.
    """

    temperature: float = 1.0
    uncertain_below: float | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"a temperature of {self.temperature} is none: it must be above 0")


@dataclass(frozen=True, eq=False)
class SourceModel:
    """A model to be exported.

    Attributes:
        name: Of the exported files, in the metadata.
        model: An `AGCNN` or another functional model of one 150 x 150 image that ends in
            logits.
        calibration: Of its probabilities.
        training: The options of its training run; None where that is not known.
        data: `name` and `checksum` of what it was trained on; empty likewise.
    """

    name: str
    model: keras.Model
    calibration: Calibration = field(default_factory=Calibration)
    training: TrainConfig | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def normalizations(self) -> set[str]:
        """Of the model's attention gates."""
        return {
            layer.normalize.normalization
            for layer in self.model.layers
            if isinstance(layer, AttentionGate)
        }


def open_source_model(model_or_run: str | Path) -> SourceModel:
    """Load a `.keras` file, the best model of a training run's folder, or a preset.

    Raises:
        InputError: There is none, it cannot be loaded, or it is no classifier of images.
    """
    path = Path(model_or_run)
    preset = presets_folder() / f"{model_or_run}.keras"
    training, data = None, {}
    if path.is_dir():
        training, data = read_run(path)
        name, file = path.resolve().name, path / "best.keras"
    elif path.is_file():
        name, file = path.stem, path
    elif preset.is_file():
        name, file = preset.stem, preset
    else:
        raise InputError(
            f"{model_or_run}: no .keras file, no folder of a training run, and no preset"
        )
    model = _load(file)
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
        return SourceModel(
            name, model, _read_calibration(file.parent / CALIBRATION_FILE), training, data
        )
    return _with_origin(SourceModel(name, model), file)


def _with_origin(source: SourceModel, file: Path) -> SourceModel:
    """What a preset's file says of itself (`export.preset` writes it)."""
    with zipfile.ZipFile(file) as archive:
        if ORIGIN_MEMBER not in archive.namelist():
            return source
        told = json.loads(archive.read(ORIGIN_MEMBER))
    try:
        calibration = Calibration(
            told["calibration"]["temperature"],
            told["labels"]["uncertain_below"],
            told["calibration"]["fitted_on"],
        )
        training = told["training"] and TrainConfig.from_json(told["training"])
        return replace(source, calibration=calibration, training=training, data=told["data"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} is of another version ({error}): make the preset anew") from None


def _load(file: Path) -> keras.Model:
    try:
        return keras.models.load_model(file, compile=False)
    except Exception as error:  # zipfile, h5py, json and Keras raise whatever they please
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise InputError(f"{file} cannot be loaded: {reason}") from None


def _read_calibration(path: Path) -> Calibration:
    if not path.exists():
        return Calibration()
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in dataclasses.fields(Calibration)}
        return Calibration(**{name: saved[name] for name in known if name in saved})
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no calibration: {error}") from None
