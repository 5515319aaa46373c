"""`python -m train.sweep`: train the paper's whole set of networks, or any grid of them."""

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs

from .configuration import CONFIG_FILE, TrainConfig
from .run import app as run_program

app = cyclopts.App(
    name="python -m train.sweep",
    help="Train a grid of networks, resume where it stopped, and compare them over seeds.",
    version_flags=[],
)

Values = tuple[str, ...]

_FIXED = ("--output", "--resume", "--seed", "--recipe")
"""Options of `train.run` that a sweep sets by itself."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """Options of `python -m train.sweep`; those of `python -m train.run` go through to each run.

    Values in a grid are separated by commas, or the option is repeated.
    """

    output: Path
    """Folder of the runs, which `python -m train.paper --weights` reads."""

    gates: Values = ()
    """0 to 3. Without any of the first four: the paper's whole set."""

    normalization: Values = ()
    """softmax, sigmoid, tanh, range_norm, std_mean_norm."""

    aggregation: Values = ()
    """mean, concat, deep_sup, ft, concat_gating."""

    data: Values = ()
    """mirabest, mirabest-confident, frdeep, simulated."""

    seeds: Values = ("0",)
    """Of weights, validation split and order: one network each."""

    recipe: Literal["paper", "fast"] = "paper"
    """Of all other options: the paper's training (hours a network on a GPU), or minutes."""


PAPER_SET = (
    *(({"gates": 3}, data) for data in ("mirabest", "mirabest-confident", "frdeep")),
    *(
        ({"gates": 3, "normalization": normalization, "aggregation": aggregation}, "mirabest")
        for normalization in ("softmax", "sigmoid", "std_mean_norm", "range_norm")
        for aggregation in ("mean", "concat", "deep_sup", "ft")
        # The proposed one is among the first three.
        if (normalization, aggregation) != ("range_norm", "ft")
    ),
    *(({"gates": gates}, "mirabest") for gates in (0, 1, 2)),
)
"""The paper's networks: the proposed one (range_norm, ft) on three data sets, normalizations x
aggregations, and fewer gates. 21: the paper trained the proposed one on MiraBest twice."""


def plan(sweep: SweepConfig, options: Sequence[str] = ()) -> list[TrainConfig]:
    """The runs of a sweep, each in its own folder, in the order in which they are trained.

    Args:
        sweep: The grid.
        options: Further options, as `python -m train.run` takes them.

    Raises:
        InputError: an option that the sweep sets by itself; a value that is given twice.
        cyclopts.CycloptsError: what `python -m train.run` would refuse.
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
    """What each network of the grid is set to."""
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
    # Without gates there is nothing to normalize or to aggregate: one network stands for all.
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

    All options of `python -m train.run` but --output, --resume and --seed go through to each
    run: --epochs, --learning-rate, --data-dir, --evaluate, --protocol-repeats, ...

    Parameters
    ----------
    options
        Of `python -m train.run`.
    sweep
        The grid.
    """
    configs = plan(sweep, options)
    try:
        with quiet_native_logs():
            import keras

            from .training import train
    except ModuleNotFoundError as error:
        raise InputError(
            f"training needs {error.name}, which is not installed: pip install -e '.[train]'"
        ) from None
    from .sweep_summary import write_summary

    console = Console()
    results = {}
    for number, config in enumerate(configs, start=1):
        console.rule(f"{number} of {len(configs)}: {config.output.name}", align="left")
        results[config.output] = train(resumable(config), console)
        # A sweep of dozens of networks would else keep them all in memory.
        keras.backend.clear_session()
        write_summary(sweep.output, results, console)
    return 0


def resumable(config: TrainConfig) -> TrainConfig:
    """The same run, resumed if its folder holds one."""
    return dataclasses.replace(config, resume=(config.output / CONFIG_FILE).exists())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
