"""The command `python -m train.mean`: average the weights of runs that differ in their seed.

Networks that continue the same network lie close to each other, and the mean of their weights is a
network too (Wortsman et al. 2022, "Model soups", ICML).
"""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
from cyclopts import Parameter
from rich.console import Console

from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text

from .configuration import CONFIG_FILE, TrainConfig, read_run
from .runner import import_quietly

app = cyclopts.App(
    name="python -m train.mean",
    help="Average the weights of runs that differ in their seed, and evaluate the mean.",
    version_flags=[],
)


@app.default
def mean(
    runs: Annotated[list[Path], Parameter(negative="")],
    /,
    *,
    output: Path,
    data_dir: Path | None = None,
) -> int:
    """Average the weights of runs that differ in their seed, and evaluate the mean.

    The output folder can be exported and calibrated like a run. Its config.json has the options of
    the first run, and lists all of them.

    Args:
        runs: Folders of training runs that started from the same weights.
        output: Folder for the network (best.keras), config.json and evaluation.json.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
    """
    first, seeds = _same_options(runs)
    training = import_quietly("train.training", "the evaluation")
    from keras_astroattn.callbacks import Checkpoints
    from keras_astroattn.models.loading import load_network
    from keras_astroattn.report import evaluation_table

    from .run_folder import locked, require_free, write_evaluations
    from .sources import load_evaluation_sources, split_sources

    # Copies and simulated sources are training images, which the evaluation does not need.
    config = dataclasses.replace(first, data_dir=data_dir, degraded_copies=0, mixed_simulated=0)
    sources = split_sources(config, read_run(runs[0])[1]["name"])
    evaluated_on, evaluation_sources = load_evaluation_sources(config, sources)
    networks = [load_network(str(run)) for run in runs]
    network = networks[0]
    network.set_weights(mean_weights([one.get_weights() for one in networks]))
    require_free(output, first)
    with locked(output):
        with atomic_path(output / Checkpoints.BEST) as temporary:
            network.save(temporary)
        saved = json.loads((runs[0] / CONFIG_FILE).read_text(encoding="utf-8"))
        saved["mean_of"] = [
            {"run": str(run), "seed": seed} for run, seed in zip(runs, seeds, strict=True)
        ]
        write_text(output / CONFIG_FILE, json.dumps(saved, indent=1) + "\n")
        clean = training.clean_probabilities(network, evaluation_sources, config)
        found = training.evaluate(network, evaluation_sources, clean, config, evaluated_on)
        write_evaluations(output, found, evaluated_on)
    for evaluation in found.values():
        Console().print(evaluation_table(evaluation))
    return 0


def mean_weights(several: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Return the mean of each weight; random states of layers stay those of the first network."""
    return [
        np.mean(same, axis=0, dtype=np.float64).astype(same[0].dtype)
        if np.issubdtype(same[0].dtype, np.floating)
        else same[0]
        for same in zip(*several, strict=True)
    ]


def _same_options(runs: list[Path]) -> tuple[TrainConfig, list[int]]:
    """Return the options of the first run, and the seeds of all.

    Raises:
        InputError: There are fewer than two runs, or they differ in more than the seed.
    """
    if len(runs) < 2:
        raise InputError("a mean needs two runs or more: name their folders")
    configs = []
    for run in runs:
        if not (run / CONFIG_FILE).exists():
            raise InputError(f"{run} holds no training run: name the folder of one")
        configs.append(read_run(run)[0])
    if configs[0].initial_weights is None:
        raise InputError(f"{runs[0]} started from random weights: only networks that continue the "
                         "same network have a mean")  # fmt: skip
    wanted = configs[0].to_json() | {"seed": None}
    for run, config in zip(runs, configs, strict=True):
        found = config.to_json() | {"seed": None}
        differing = [name for name in wanted if found[name] != wanted[name]]
        if differing:
            raise InputError(f"{run} and {runs[0]} differ in {', '.join(differing)}")
    return configs[0], [config.seed for config in configs]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
