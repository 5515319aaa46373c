"""The command `python -m train.sweep`: train the networks of the paper, or of any grid."""

import dataclasses
import functools
import itertools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError

from .configuration import CONFIG_FILE, TrainConfig
from .run import app as run_program
from .runner import Training, import_quietly, run_trainings

if TYPE_CHECKING:
    from .training import RunResult

app = new_app(
    name="python -m train.sweep",
    help="Train a grid of networks, and compare them over seeds.",
)

Values = tuple[str, ...]

_FIXED = ("--output", "--resume", "--seed", "--recipe")
"""Options of `train.run` that the sweep sets."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """Options of `python -m train.sweep`, which also takes those of `python -m train.run`.

    Separate the values of a grid by commas, or repeat the option.
    """

    output: Path
    """Folder of the runs; `python -m train.paper --weights` reads it."""

    gates: Values = ()
    """Numbers of gates, 0 to 3. Without --gates, --normalization, --aggregation and --data, the
    sweep trains all networks of the paper."""

    normalization: Values = ()
    """Normalizations: softmax, sigmoid, tanh, range_norm, std_mean_norm."""

    aggregation: Values = ()
    """mean, concat, deep_sup, ft, concat_gating."""

    data: Values = ()
    """Data sets: mirabest, mirabest-confident, frdeep, simulated."""

    seeds: Values = ("0",)
    """Seeds of weights, validation split and order; one network for each."""

    recipe: Literal["paper", "fast"] = "paper"
    """Defaults of the other options: `paper` takes hours a network on a GPU, `fast` minutes."""


PAPER_SET = (
    *(({"gates": 3}, data) for data in ("mirabest", "mirabest-confident", "frdeep")),
    *(
        ({"gates": 3, "normalization": normalization, "aggregation": aggregation}, "mirabest")
        for normalization in ("softmax", "sigmoid", "std_mean_norm", "range_norm")
        for aggregation in ("mean", "concat", "deep_sup", "ft")
        # The proposed network is one of the first three.
        if (normalization, aggregation) != ("range_norm", "ft")
    ),
    *(({"gates": gates}, "mirabest") for gates in (0, 1, 2)),
)
"""The 21 networks of the paper: the proposed one (range_norm, ft) on three data sets, the grid of
normalizations and aggregations, and fewer gates."""


def plan(sweep: SweepConfig, options: Sequence[str] = ()) -> list[TrainConfig]:
    """Return the runs of a sweep in the order of their training, each in a folder of its own.

    Args:
        sweep: the grid.
        options: further options of `python -m train.run`.

    Raises:
        InputError: An option that the sweep sets, or a value that is given twice.
        cyclopts.CycloptsError: An option that `python -m train.run` refuses.
    """
    if not _split("seeds", sweep.seeds):
        raise InputError("--seeds is empty: name at least one")
    for option in options:
        if option.split("=")[0] in _FIXED:
            raise InputError(f"{option.split('=')[0]} is set by the sweep: leave it out")
    configs = []
    for values, seed in itertools.product(_points(sweep), _split("seeds", sweep.seeds)):
        tokens = [f"--{name}={value}" for name, value in values.items()]
        config = _parse([*tokens, f"--seed={seed}", f"--recipe={sweep.recipe}", *options])
        configs.append(dataclasses.replace(config, output=sweep.output / _folder(config)))
    return configs


def _split(name: str, values: Iterable[str]) -> list[str]:
    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice is not None:
        raise InputError(f"--{name} has {twice} twice: name each value once")
    return parts


def _points(sweep: SweepConfig) -> list[dict[str, str | int]]:
    """Return the options of each network of the grid."""
    named = {
        name: _split(name, getattr(sweep, name))
        for name in ("gates", "normalization", "aggregation", "data")
    }
    if not any(named.values()):
        return [
            {"normalization": "range_norm", "aggregation": "ft", **network, "data": data}
            for network, data in PAPER_SET
        ]
    named = {name: values for name, values in named.items() if values}
    points = [
        dict(zip(named, values, strict=True)) for values in itertools.product(*named.values())
    ]
    # Without gates, normalization and aggregation have no effect, so one network is enough.
    unique = {}
    for point in points:
        if point.get("gates") == "0":
            point = {name: point[name] for name in ("gates", "data") if name in point}
        unique[tuple(point.items())] = point
    return list(unique.values())


def _parse(tokens: list[str]) -> TrainConfig:
    _, bound, _ = run_program.parse_args(tokens, print_error=False, exit_on_error=False)
    return bound.arguments.get("config") or TrainConfig()


def _folder(config: TrainConfig) -> str:
    parts = [config.data, f"{config.gates}gates"]
    if config.gates:
        parts += [config.normalization, config.aggregation]
    return "-".join([*parts, f"seed{config.seed}"])


@app.default
def run(
    *options: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    sweep: SweepConfig,
) -> int:
    """Train every network of a grid that is not trained yet, and compare them.

    Each run takes the options of `python -m train.run`, except --output, --resume and --seed:
    --epochs, --learning-rate, --data-dir, --evaluate, --protocol-repeats, ...

    Args:
        options: Options of `python -m train.run`.
        sweep: The grid.
    """
    configs = plan(sweep, options)
    train = import_quietly("train.training", "training").train
    import keras

    from .sweep_summary import write_summary

    console = Console()

    def trained(config: TrainConfig) -> "RunResult":
        result = train(resumable(config), console)
        # Otherwise the networks of a whole sweep would fill the memory.
        keras.backend.clear_session()
        return result

    trainings = [
        Training(config.output.name, functools.partial(trained, config)) for config in configs
    ]
    results = {}
    for _, result in run_trainings(trainings, console):
        results[result.folder] = result
        write_summary(sweep.output, results, console)
    return 0


def resumable(config: TrainConfig) -> TrainConfig:
    """Return the run, resumed if its folder holds one."""
    return dataclasses.replace(config, resume=(config.output / CONFIG_FILE).exists())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
