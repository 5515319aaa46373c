"""The command `python -m train.studies.thresholds`.

Simulated sources of surveys with other beams, noise and neighbours than FIRST's are cut, linked
and centred like a user's maps. In each cell of neighbours, size and signal-to-noise ratio, the
smallest probabilities are chosen with which at least `--target` of the given classes are right, in
surveys of several selections. With `--configuration`, this must hold for degraded copies of real
sources too.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import Progress

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.process import quiet_native_logs
from train.configuration import CALIBRATION_FILE, read_calibration
from train.cross_validation import FOLDS, OUTPUT

from .choice import FRI_SHARES, as_thresholds, choose_thresholds
from .network import CalibratedNetwork, open_network
from .out_of_fold import classified_copies, degraded_copies, fold_networks
from .populations import Population, read_population, simulate_population, write_population
from .report import cell_table, given_figure, totals_table

FORMAT = "keras-astroattn thresholds 1"
"""Value of `format` in the file of thresholds."""

app = new_app(
    name="python -m train.studies.thresholds",
    help="Choose the thresholds of the classes by neighbours, size and signal-to-noise ratio.",
)


@app.default
def thresholds(
    model: str,
    /,
    *,
    output: Path,
    sources: Annotated[int, Parameter(validator=Number(gte=3))] = 18_000,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 1,
    target: Annotated[float, Parameter(validator=Number(gt=0.5, lt=1))] = 0.95,
    cache: Path | None = None,
    configuration: str | None = None,
    trained_copies: Annotated[bool, Parameter(negative="")] = False,
    folds: Path = OUTPUT,
    parts: Annotated[int, Parameter(validator=Number(gte=1, lte=FOLDS))] = FOLDS,
    data_dir: Path | None = None,
) -> None:
    """Choose the thresholds of a network, and write them with a table and a figure.

    For a training run, the thresholds are also written to its calibration.json, from where
    `python -m export.preset` takes them. `python -m export.thresholds` attaches them to a preset.

    Args:
        model: Name of a preset, .tflite or .keras file, or folder of a training run.
        output: JSON file for the thresholds. The table and the figure have the same name with
            the suffixes .md and .png.
        sources: Number of simulated sources: a third each FRI, FRII and point sources.
        seed: Seed of the sources.
        target: Least share of the given classes that must be right in every selection.
        cache: File (.npz) of the simulated sources; it is read if it exists.
        configuration: Configuration that MODEL was trained with: the networks of its
            cross-validation classify degraded copies of MiraBest, of sources that they were not
            trained on.
        trained_copies: Without a cross-validation: MODEL itself classifies the copies, of sources
            that it was trained on. It is more often right than on other sources, so these
            thresholds promise too much; those of simulated sources alone promise more.
        folds: Folder of the predictions of `python -m train.cross_validation`.
        parts: Use the first parts of the cross-validation only.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with quiet_native_logs():
        network = open_network(model)
    if configuration is not None:
        if network.temperature is None:
            raise InputError(f"{model} states no temperature, which --configuration needs")
        if trained_copies:
            raise InputError("--configuration and --trained-copies exclude each other: give one")
        networks = fold_networks(folds, configuration, parts)
    if trained_copies:
        trained_on = load_sources("mirabest-confident", "all", data_dir)
    population = _population(sources, seed, cache)
    answers, kinds = [(_classified(network, population), population)], ["simulated sources"]
    if configuration is not None:
        answers.append(_out_of_fold(networks, network.temperature, data_dir))
        kinds.append("degraded copies of MiraBest (out of fold)")
    if trained_copies:
        answers.append(_in_sample(network, trained_on))
        kinds.append("degraded copies of MiraBest, of sources that the network was trained on")
    start = network.uncertain_below or 0.5
    found = choose_thresholds(answers, start, target)
    choices = found.cells
    shares = ", ".join(f"{100 * share:.0f}" for share in FRI_SHARES)
    counts = [f"{len(one)} {kind}" for (_, one), kind in zip(answers, kinds, strict=True)]
    selections = [name for _, one in answers for name in one.selections()]
    chosen = as_thresholds(
        choices,
        f"{' and '.join(counts)}; of the classes, at least {100 * target:g} % are right for "
        f"{shares} % FRI in each of these surveys ({'; '.join(selections)}), and at least "
        f"{100 * found.floor:g} % (less one standard error) in each cell",
    ).to_metadata()
    cells = [{"cell": place, **asdict(cell)} for place, cell in choices.items()]
    stated = {"format": FORMAT, "model": network.name, "thresholds": chosen}
    text = json.dumps(stated | {"cells": cells}, indent=1).replace("NaN", "null")
    from keras_astroattn.plots import save_figure

    write_text(output, text + "\n")
    tables = f"{totals_table(found.totals)}\n{cell_table(choices)}"
    write_text(output.with_suffix(".md"), f"{chosen['fitted_on']}\n\n{tables}")
    save_figure(given_figure(choices), output.with_suffix(""), formats=("png",))
    if network.run is not None:
        _attach(network, chosen)
    console.print(f"{output}: {network.name}, {chosen['fitted_on']}")


def _population(sources: int, seed: int, cache: Path | None) -> Population:
    if cache is not None and cache.exists():
        return read_population(cache)
    if cache is not None and not cache.parent.is_dir():
        raise InputError(f"--cache {cache}: there is no folder {cache.parent}: make it first")
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("simulating", total=sources)
        found = simulate_population(
            sources, seed, lambda done: progress.update(task, completed=done)
        )
    if cache is not None:
        write_population(cache, found)
    return found


def _classified(network: CalibratedNetwork, population: Population) -> np.ndarray:
    parts = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("classifying", total=len(population))
        for part in network.probabilities(population):
            parts.append(part)
            progress.advance(task, len(part))
    return np.concatenate(parts)


def _out_of_fold(
    networks: list[Path], temperature: float, data_dir: Path | None
) -> tuple[np.ndarray, Population]:
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("degrading MiraBest", total=None)
        return classified_copies(
            networks,
            temperature,
            data_dir,
            lambda done, total: progress.update(task, completed=done, total=total),
        )


def _in_sample(network: CalibratedNetwork, sources: Sources) -> tuple[np.ndarray, Population]:
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("degrading MiraBest", total=len(sources))
        copies = degraded_copies(
            sources, range(len(sources)), source_done=lambda: progress.advance(task)
        )
    return _classified(network, copies), copies


def _attach(network: CalibratedNetwork, chosen: dict) -> None:
    calibration = replace(read_calibration(network.run), thresholds=chosen)
    path = network.run / CALIBRATION_FILE
    write_text(path, json.dumps(asdict(calibration), indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
