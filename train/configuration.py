"""Every option of a training run: its default, its help, its check, its place in config.json."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from keras_astroattn.errors import InputError

CONFIG_FILE = "config.json"

_network = cyclopts.Group("Network", sort_key=1)
_data = cyclopts.Group("Data", sort_key=2)
_training = cyclopts.Group("Training", sort_key=3)
_augmentation = cyclopts.Group("Augmentation", sort_key=4)
_results = cyclopts.Group("Results", sort_key=5)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Options of `python -m train.run`; the defaults are those of the recipe `fast`."""

    gates: Annotated[Literal[0, 1, 2, 3], Parameter(group=_network)] = 3
    """Attention gates, coarsest first."""

    symmetry: Annotated[Literal["none", "p4m"], Parameter(group=_network)] = "none"
    """Symmetry of the network: p4m makes it equivariant to rotations by 90° and reflections."""

    normalization: Annotated[
        Literal["softmax", "sigmoid", "tanh", "range_norm", "std_mean_norm"],
        Parameter(group=_network),
    ] = "sigmoid"
    """Normalization of the scores to an attention map."""

    aggregation: Annotated[
        Literal["mean", "concat", "deep_sup", "ft", "concat_gating", "votes"],
        Parameter(group=_network),
    ] = "concat_gating"
    """Aggregation of the gates to logits; `votes` sums over the pixels of the source."""

    pooling: Annotated[Literal["sum", "weighted_mean"], Parameter(group=_network)] = "weighted_mean"
    """Pooling of the attended features to a vector."""

    scope: Annotated[Literal["sample", "batch"], Parameter(group=_network)] = "sample"
    """Normalize attention over each image, or over the batch as the code of the paper does."""

    stretch: Annotated[Literal["linear", "sqrt"], Parameter(group=_network)] = "sqrt"
    """Stretch of the brightness in front of the network."""

    padding: Annotated[Literal["zeros", "sky"], Parameter(group=_network)] = "zeros"
    """Pixels beyond the frame that 3 x 3 convolutions see: zeros, or the value of empty sky."""

    psi_bias: Annotated[float, Parameter(group=_network)] = 0.0
    """Initial bias of the gates' scores."""

    dropout: Annotated[float, Parameter(group=_network)] = 0.0
    """Dropout rate of the pooled vectors."""

    data: Annotated[
        Literal["auto", "mirabest", "mirabest-confident", "frdeep", "simulated"],
        Parameter(group=_data),
    ] = "auto"
    """Data set; `auto` takes MiraBest if its archive is on this machine, else simulated sources."""

    data_dir: Annotated[Path | None, Parameter(group=_data)] = None
    """Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`."""

    simulated_sources: Annotated[int, Parameter(group=_data)] = 1000
    """Number of training sources of `--data simulated`."""

    observation: Annotated[Literal["first", "many-beams"], Parameter(group=_data)] = "first"
    """Beam of `--data simulated`: FIRST's, or any width, with sizes from 1 to 40 beams."""

    split: Annotated[Literal["train", "all"], Parameter(group=_data)] = "train"
    """Sources to train on; `all` includes the test sources, and leaves none to test on."""

    uncertain_confidence: Annotated[float, Parameter(group=_data)] = 1.0
    """Target probability of an uncertain label (a third of MiraBest has one)."""

    mixed_simulated: Annotated[int, Parameter(group=_data)] = 0
    """Simulated sources of `--observation` among the training images, in addition to `--data`."""

    degraded_copies: Annotated[int, Parameter(group=_data)] = 0
    """Copies of each training image with wider beams and more noise, in addition to it."""

    source_alone: Annotated[bool, Parameter(group=_data)] = False
    """Show the network the source alone: other islands are black, and its peak is white."""

    balance_sizes: Annotated[bool, Parameter(group=_data)] = False
    """Weight both classes equally among the training images of each measured size."""

    validation_fraction: Annotated[float, Parameter(group=_data)] = 0.2
    """Share of the training images held out to choose the best epoch; 0 keeps the last epoch."""

    train_limit: Annotated[int | None, Parameter(group=_data)] = None
    """Use only N training images (validation included), classes in proportion."""

    recipe: Annotated[Literal["fast", "paper"], Parameter(group=_training)] = "fast"
    """Defaults of all other options: `fast` takes minutes on a laptop, `paper` is the paper's."""

    epochs: Annotated[int, Parameter(group=_training)] = 30
    """Number of epochs; validation, attention snapshot and checkpoint follow each."""

    passes: Annotated[int, Parameter(group=_training)] = 1
    """Number of augmented passes over the training images in an epoch."""

    validation_passes: Annotated[int, Parameter(group=_training)] = 0
    """Number of augmented passes over the validation images; 0 means one clean pass."""

    batch_size: Annotated[int, Parameter(group=_training)] = 32
    """Images in a batch."""

    optimizer: Annotated[Literal["adam", "adamw", "sgd"], Parameter(group=_training)] = "adamw"
    """Optimizer."""

    learning_rate: Annotated[float, Parameter(group=_training)] = 3e-3
    """Initial learning rate."""

    schedule: Annotated[Literal["cosine", "constant"], Parameter(group=_training)] = "cosine"
    """Schedule of the learning rate; `cosine` decreases it to zero over the run."""

    weight_decay: Annotated[float, Parameter(group=_training)] = 1e-3
    """Decoupled weight decay."""

    consistency: Annotated[float, Parameter(group=_training)] = 0.0
    """Weight of the loss that matches the evidence with the effect of deletion; 0 leaves it out."""

    consistency_passes: Annotated[int, Parameter(group=_training)] = 10
    """Further epochs at the end, which train with that loss."""

    fit_frames: Annotated[bool, Parameter(group=_training)] = False
    """Compute only the middle of the images that holds the sources of a batch; faster with
    `--source-alone`. Batches then hold sources of similar size."""

    initial_weights: Annotated[str | None, Parameter(group=_training)] = None
    """Network whose weights the training starts from: a preset, a .keras file, or the folder of a
    run."""

    dtype_policy: Annotated[
        Literal["float32", "mixed_float16", "mixed_bfloat16"], Parameter(group=_training)
    ] = "float32"
    """Keras dtype policy of the network."""

    seed: Annotated[int, Parameter(group=_training)] = 0
    """Seed of weights, validation split, order, augmentation and dropout."""

    rotation: Annotated[float, Parameter(group=_augmentation)] = 180.0
    """Largest rotation to either side, degrees."""

    shift: Annotated[float, Parameter(group=_augmentation)] = 2.0
    """Largest shift along each axis, pixels."""

    zoom: Annotated[float, Parameter(group=_augmentation)] = 0.1
    """Largest change of scale, as a fraction."""

    flip: Annotated[bool, Parameter(group=_augmentation)] = True
    """Mirror at random."""

    evaluate: Annotated[Literal["validation", "test"], Parameter(group=_results)] = "validation"
    """Sources of the final evaluation. Choose options on validation; report results on test."""

    protocol_repeats: Annotated[int, Parameter(group=_results)] = 0
    """Also evaluate pooled over N random transforms of each image (360 in the paper)."""

    output: Annotated[Path | None, Parameter(group=_results)] = None
    """Folder of the run; by default a folder in `runs/` named by data, gates and seed."""

    resume: Annotated[bool, Parameter(group=_results, negative="")] = False
    """Continue the interrupted run in `--output`."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: a value is out of range; the error names the option.
        """
        at_least = {
            "epochs": 1,
            "passes": 1,
            "validation_passes": 0,
            "batch_size": 1,
            "seed": 0,
            "rotation": 0,
            "shift": 0,
            "weight_decay": 0,
            "protocol_repeats": 0,
            "consistency": 0,
            "consistency_passes": 1,
            "simulated_sources": 4,
            "degraded_copies": 0,
            "mixed_simulated": 0,
        }
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{_flag(field.name)} must be a finite number; got {value}")
        for name, least in at_least.items():
            value = getattr(self, name)
            if value < least:
                raise InputError(f"{_flag(name)} must be at least {least}; got {value}")
        if self.seed >= 2**32:
            raise InputError(f"--seed must be below 2^32; got {self.seed}")
        for name in ("validation_fraction", "dropout", "zoom"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{_flag(name)} must be in [0, 1); got {getattr(self, name)}")
        if not 0.5 <= self.uncertain_confidence <= 1:
            raise InputError(
                "--uncertain-confidence must be from 0.5, which says nothing of the class, to 1; "
                f"got {self.uncertain_confidence}"
            )
        if self.symmetry != "none" and not self.gates:
            raise InputError("--symmetry p4m needs gates: give --gates 1, 2 or 3")
        if self.aggregation == "votes" and self.normalization in ("tanh", "std_mean_norm"):
            raise InputError(
                f"--aggregation votes needs attention without negative values; "
                f"--normalization {self.normalization} gives them"
            )
        if self.consistency and (self.aggregation != "votes" or not self.gates):
            raise InputError("--consistency needs --aggregation votes and gates")
        if self.fit_frames:
            self._require_frames()
        if self.split == "all" and self.evaluate == "test":
            raise InputError("--evaluate test needs test sources that --split all trains on")
        if not self.learning_rate > 0:
            raise InputError(f"--learning-rate must be above 0; got {self.learning_rate}")
        if self.train_limit is not None and self.train_limit < 4:
            raise InputError(f"--train-limit must be at least 4; got {self.train_limit}")

    def _require_frames(self) -> None:
        """Check that the network can be trained in frames (`models.framed_network`).

        Raises:
            InputError: It cannot.
        """
        needed = {
            "symmetry": "p4m",
            "aggregation": "votes",
            "padding": "sky",
            "normalization": "sigmoid",
        }
        lacking = [name for name, value in needed.items() if getattr(self, name) != value]
        if lacking:
            options = " ".join(f"{_flag(name)} {needed[name]}" for name in lacking)
            raise InputError(
                f"--fit-frames needs features that are constant on empty sky: give {options}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the options that decide the result: all but the folders and `resume`."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in _NOT_SAVED
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], **more: Any) -> "TrainConfig":
        """Read the text of `to_json`; `more` holds the options that it leaves out.

        Raises:
            ValueError: the run was trained with an option that is no more.
        """
        values = dict(values)
        for name, unused in _FORMER.items():
            if values.pop(name, unused) != unused:
                raise ValueError(f"{_flag(name)} is no longer an option")
        return cls(**values, **more)


_NOT_SAVED = ("data_dir", "output", "resume")

_FORMER = {"source_correlation": 0.0}
"""Options that saved runs may have, with the value that changes nothing."""


def recipe_values(recipe: str, gates: int) -> dict[str, Any]:
    """Return the options in which a recipe differs from the defaults of `TrainConfig`.

    `paper` follows Bowles et al. 2021, section 4, in which only the network with three gates has
    dropout. The scope stays per sample unless it is set.
    """
    if recipe != "paper":
        return {}
    return {
        "normalization": "range_norm",
        "aggregation": "ft",
        "pooling": "sum",
        "psi_bias": 10.0,
        "stretch": "linear",
        "dropout": 0.5 if gates == 3 else 0.0,
        "epochs": 100,
        "passes": 72,
        "validation_passes": 72,
        "batch_size": 16,
        "optimizer": "adam",
        "learning_rate": 1e-5 if gates == 1 else 5e-5,
        "schedule": "constant",
        "weight_decay": 0.0,
        "flip": False,
    }


def options_not_given(
    app: cyclopts.App, commands: tuple[str, ...], arguments: cyclopts.ArgumentCollection
) -> None:
    """Fill in the options that are not on the command line (a `cyclopts` config source).

    With `--resume`, they come from config.json of the interrupted run, otherwise from the
    recipe. Others have the defaults of `TrainConfig`.
    """
    given = {
        argument.name: argument.tokens[0].value or "true"
        for argument in arguments
        if argument.tokens
    }
    for argument in arguments:
        # cyclopts accepts 2.5 for a whole number, and rounds it.
        if argument.hint in (int, int | None) and "." in given.get(argument.name, ""):
            raise InputError(f"{argument.name} must be a whole number; got {given[argument.name]}")
    output = given.get("--output")
    if given.get("--resume", "false").lower() == "true" and output is not None:
        values = saved_config(Path(output)).to_json()
        source = CONFIG_FILE
    else:
        gates = given.get("--gates", str(TrainConfig.gates))
        recipe = given.get("--recipe", TrainConfig.recipe)
        values = recipe_values(recipe, int(gates) if gates.isdecimal() else TrainConfig.gates)
        source = f"recipe {recipe}"
    values = {name: value for name, value in values.items() if value is not None}
    cyclopts.config.Dict(values, source=source)(app, commands, arguments)


def saved_config(folder: Path) -> TrainConfig:
    """Return the configuration of the run in a folder.

    Raises:
        InputError: there is no run, or its config.json cannot be read.
    """
    return read_run(folder)[0]


def read_run(folder: Path) -> tuple[TrainConfig, dict[str, Any]]:
    """Return the configuration of the run in a folder, and the description of its data.

    Raises:
        InputError: there is no run, or its config.json cannot be read.
    """
    path = folder / CONFIG_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        config = TrainConfig.from_json(saved["config"])
        return config, {"name": saved["data"]["name"], **saved["data"]}
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} holds no run to resume: leave --resume out") from None
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): fix its permissions") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not the configuration of a run ({error}): train again in another --output"
        ) from None


def require_same(config: TrainConfig, saved: TrainConfig) -> None:
    """Check that a run is resumed with the options that it was started with.

    Raises:
        InputError: options differ; the error names them.
    """
    now, before = config.to_json(), saved.to_json()
    differing = [name for name in now if now[name] != before[name]]
    if differing:
        values = ", ".join(f"{_flag(name)} {before[name]}, not {now[name]}" for name in differing)
        raise InputError(f"the run to resume has {values}: leave these options out")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


CALIBRATION_FILE = "calibration.json"
"""File of a run's folder that holds the fields of its `Calibration`."""


@dataclass(frozen=True)
class Calibration:
    """How the logits of a network become probabilities and labels.

    Attributes:
        temperature: p = softmax(logits / temperature) (Guo et al. 2017, arXiv 1706.04599).
        uncertain_below: probability of the more probable class below which the label is
            `uncertain`; None: never.
        source: data that the temperature was fitted on; None: the network is not calibrated.
        thresholds: thresholds of the classes, as in the metadata of a model
            (`keras_astroattn.edge.thresholds`); None: none.
    """

    temperature: float = 1.0
    uncertain_below: float | None = None
    source: str | None = None
    thresholds: dict | None = None

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"the temperature must be above 0; got {self.temperature}")

    @classmethod
    def stored(cls, path: Path) -> "Calibration":
        """Return the calibration that a preset's .keras file carries; the default from others.

        Args:
            path: file of a network.

        Raises:
            InputError: The file's metadata are damaged.
        """
        from keras_astroattn.models.presets import damaged_metadata, stored_metadata

        metadata = stored_metadata(path) if path.suffix == ".keras" else None
        if metadata is None:
            return cls()
        try:
            return cls(
                metadata["calibration"]["temperature"],
                metadata["labels"]["uncertain_below"],
                metadata["calibration"]["fitted_on"],
                metadata["labels"].get("thresholds"),
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (KeyError, TypeError, AttributeError) as error:
            raise damaged_metadata(path, str(error)) from None


def read_calibration(folder: Path) -> Calibration:
    """Read the calibration of a run's folder; without a file, the temperature is 1.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / CALIBRATION_FILE
    if not path.exists():
        return Calibration()
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in dataclasses.fields(Calibration)}
        return Calibration(**{name: saved[name] for name in known if name in saved})
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a calibration: {error}") from None
