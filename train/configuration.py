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
    """Let quarter turns and mirror images change nothing, by group convolutions (p4m)."""

    normalization: Annotated[
        Literal["softmax", "sigmoid", "tanh", "range_norm", "std_mean_norm"],
        Parameter(group=_network),
    ] = "sigmoid"
    """How scores become an attention map."""

    aggregation: Annotated[
        Literal["mean", "concat", "deep_sup", "ft", "concat_gating", "votes"],
        Parameter(group=_network),
    ] = "concat_gating"
    """How the gates' vectors become logits; `votes`: as sums over the pixels of the source."""

    pooling: Annotated[Literal["sum", "weighted_mean"], Parameter(group=_network)] = "weighted_mean"
    """How an attended map becomes a vector."""

    scope: Annotated[Literal["sample", "batch"], Parameter(group=_network)] = "sample"
    """Normalize over each image by itself, or over the batch as the paper's code did."""

    stretch: Annotated[Literal["linear", "sqrt"], Parameter(group=_network)] = "sqrt"
    """Let the network see the image's brightness or its square root."""

    padding: Annotated[Literal["zeros", "sky"], Parameter(group=_network)] = "zeros"
    """What 3 x 3 convolutions see beyond the frame."""

    psi_bias: Annotated[float, Parameter(group=_network)] = 0.0
    """Initial bias of the gates' scores."""

    source_correlation: Annotated[float, Parameter(group=_network)] = 0.0
    """Ask of each gate's map, while training, at least this correlation with the source."""

    dropout: Annotated[float, Parameter(group=_network)] = 0.0
    """Rate on the pooled vectors."""

    data: Annotated[
        Literal["auto", "mirabest", "mirabest-confident", "frdeep", "simulated"],
        Parameter(group=_data),
    ] = "auto"
    """`auto` takes MiraBest where it is at hand without a network, else simulated sources."""

    data_dir: Annotated[Path | None, Parameter(group=_data)] = None
    """Folder with the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`."""

    simulated_sources: Annotated[int, Parameter(group=_data)] = 1000
    """Training sources that `--data simulated` makes."""

    split: Annotated[Literal["train", "all"], Parameter(group=_data)] = "train"
    """`all` adds the test sources: for use in the field, with nothing left to test on."""

    uncertain_confidence: Annotated[float, Parameter(group=_data)] = 1.0
    """P(label) that is taught of sources whose label is uncertain, as a third of MiraBest is."""

    validation_fraction: Annotated[float, Parameter(group=_data)] = 0.2
    """Share of the training images held out to choose the best epoch; 0 keeps the last."""

    train_limit: Annotated[int | None, Parameter(group=_data)] = None
    """Use only N training images (validation included), classes in proportion."""

    recipe: Annotated[Literal["fast", "paper"], Parameter(group=_training)] = "fast"
    """Defaults of all other options: minutes on a laptop, or the paper's training."""

    epochs: Annotated[int, Parameter(group=_training)] = 30
    """How often validation, snapshots and checkpoints are made."""

    passes: Annotated[int, Parameter(group=_training)] = 1
    """Augmented passes over the training images in one epoch."""

    validation_passes: Annotated[int, Parameter(group=_training)] = 0
    """Augmented passes over the validation images; 0 is one clean pass."""

    batch_size: Annotated[int, Parameter(group=_training)] = 32
    """Images in a batch."""

    optimizer: Annotated[Literal["adam", "adamw", "sgd"], Parameter(group=_training)] = "adamw"
    """What follows the gradient."""

    learning_rate: Annotated[float, Parameter(group=_training)] = 3e-3
    """Initial learning rate."""

    schedule: Annotated[Literal["cosine", "constant"], Parameter(group=_training)] = "cosine"
    """Let the learning rate fall to zero over the run, or keep it."""

    weight_decay: Annotated[float, Parameter(group=_training)] = 1e-3
    """Decoupled weight decay."""

    consistency: Annotated[float, Parameter(group=_training)] = 0.0
    """Weight of the loss that holds evidence to what deletion does; 0 leaves it out."""

    consistency_passes: Annotated[int, Parameter(group=_training)] = 10
    """Further epochs at the end, which train with that loss."""

    initial_weights: Annotated[str | None, Parameter(group=_training)] = None
    """Start from the weights of this network: a preset, a .keras file, or the folder of a run."""

    dtype_policy: Annotated[
        Literal["float32", "mixed_float16", "mixed_bfloat16"], Parameter(group=_training)
    ] = "float32"
    """Keras dtype policy of the network."""

    seed: Annotated[int, Parameter(group=_training)] = 0
    """Of weights, validation split, order, augmentation and dropout."""

    rotation: Annotated[float, Parameter(group=_augmentation)] = 180.0
    """Largest rotation, degrees."""

    shift: Annotated[float, Parameter(group=_augmentation)] = 2.0
    """Largest shift, pixels."""

    zoom: Annotated[float, Parameter(group=_augmentation)] = 0.1
    """Largest change of scale."""

    flip: Annotated[bool, Parameter(group=_augmentation)] = True
    """Mirror at random."""

    evaluate: Annotated[Literal["validation", "test"], Parameter(group=_results)] = "validation"
    """What the table at the end is made on. Choose on validation; report on test."""

    protocol_repeats: Annotated[int, Parameter(group=_results)] = 0
    """Also evaluate pooled over N random transforms of every image (the paper: 360)."""

    output: Annotated[Path | None, Parameter(group=_results)] = None
    """Folder of the run; by default one under `runs/`, named by data, gates and seed."""

    resume: Annotated[bool, Parameter(group=_results, negative="")] = False
    """Go on with the run in `--output` where it was interrupted."""

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            InputError: naming the option.
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
        for name in ("validation_fraction", "dropout", "zoom", "source_correlation"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{_flag(name)} must be in [0, 1); got {getattr(self, name)}")
        if not 0.5 <= self.uncertain_confidence <= 1:
            raise InputError(
                "--uncertain-confidence must be from 0.5, which says nothing of the class, to 1; "
                f"got {self.uncertain_confidence}"
            )
        if self.symmetry != "none" and not self.gates:
            raise InputError("--symmetry p4m needs gates: give --gates 1, 2 or 3")
        if self.source_correlation and not self.gates:
            raise InputError("--source-correlation needs gates: give --gates 1, 2 or 3")
        if self.aggregation == "votes" and self.normalization in ("tanh", "std_mean_norm"):
            raise InputError(
                f"--aggregation votes needs attention without negative values; "
                f"--normalization {self.normalization} gives them"
            )
        if self.consistency and (self.aggregation != "votes" or not self.gates):
            raise InputError("--consistency needs --aggregation votes and gates")
        if self.split == "all" and self.evaluate == "test":
            raise InputError("--evaluate test needs test sources that --split all trains on")
        if not self.learning_rate > 0:
            raise InputError(f"--learning-rate must be above 0; got {self.learning_rate}")
        if self.train_limit is not None and self.train_limit < 4:
            raise InputError(f"--train-limit must be at least 4; got {self.train_limit}")

    def to_json(self) -> dict[str, Any]:
        """All that decides the result: every option but where to read and write."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in _NOT_SAVED
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], **more: Any) -> "TrainConfig":
        """Read what `to_json` wrote, with options that it leaves out."""
        return cls(**values, **more)


_NOT_SAVED = ("data_dir", "output", "resume")


def recipe_values(recipe: str, gates: int) -> dict[str, Any]:
    """What a recipe sets differently from `TrainConfig`'s defaults.

    `paper`: Bowles et al. 2020, section 4; the scope stays per sample unless asked for,
    and dropout was used with three gates only.
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


def paper_config(gates: int = 3, **more: Any) -> TrainConfig:
    """The recipe `paper` as a configuration, for programs that make many."""
    return TrainConfig(
        **{"gates": gates, "recipe": "paper", **recipe_values("paper", gates), **more}
    )


def options_not_given(
    app: cyclopts.App, commands: tuple[str, ...], arguments: cyclopts.ArgumentCollection
) -> None:
    """Fill in the options that the command line leaves out (a `cyclopts` config source).

    They come from the interrupted run's config.json under `--resume`, else from the
    recipe; what both leave out has `TrainConfig`'s defaults.
    """
    given = {
        argument.name: argument.tokens[0].value or "true"
        for argument in arguments
        if argument.tokens
    }
    for argument in arguments:
        # cyclopts takes 2.5 for a whole number, and rounds it.
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
    """The configuration of the run in a folder.

    Raises:
        InputError: there is no run, or its config.json cannot be read.
    """
    return read_run(folder)[0]


def read_run(folder: Path) -> tuple[TrainConfig, dict[str, Any]]:
    """The configuration of the run in a folder, and what it says of its data.

    Raises:
        InputError: as `saved_config`.
    """
    path = folder / CONFIG_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        config = TrainConfig.from_json(saved["config"])
        return config, {"name": saved["data"]["name"], **saved["data"]}
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} holds no run to resume: leave --resume out") from None
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): mend its permissions") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not the configuration of a run ({error}): train anew in another --output"
        ) from None


def require_same(config: TrainConfig, saved: TrainConfig) -> None:
    """Refuse to resume a run with other options than it was started with.

    Raises:
        InputError: naming the options that differ.
    """
    now, before = config.to_json(), saved.to_json()
    differing = [name for name in now if now[name] != before[name]]
    if differing:
        told = ", ".join(f"{_flag(name)} {before[name]}, not {now[name]}" for name in differing)
        raise InputError(f"the run to resume has {told}: leave these options out")


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
    """

    temperature: float = 1.0
    uncertain_below: float | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"the temperature must be above 0; got {self.temperature}")


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
