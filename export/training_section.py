"""Write the section of a model card that states the training: runs, options and commands."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_astroattn.report.formats import markdown_table
from train.configuration import TrainConfig, read_run, recipe_values

_LEFT_OUT = {
    "data",
    "seed",
    "evaluate",
    "protocol_repeats",
    "initial_weights",
    "validation_fraction",
}
"""Options that the section states elsewhere, or that do not affect the network."""

_NUMBERS = ("no run", "One run", "Two runs", "Three runs", "Four runs", "Five runs")


def training_section(run: Path, config: TrainConfig, calibrated_on: str | None = None) -> str:
    """Return the text of the section, from the run and from the runs before it.

    Args:
        run: folder of the run.
        config: its options.
        calibrated_on: predictions that the temperature was fitted on; None: it was not fitted.

    Returns:
        Markdown text, without the heading.
    """
    runs, start = [_saved(run)], config
    while (before := _first_run(start)) is not None:
        runs.insert(0, _saved(before))
        start = read_run(before)[0]
    weights = None if start.initial_weights is None else Path(start.initial_weights).name
    return section_of(runs, weights, _commands(config), calibrated_on)


def section_of(
    runs: Sequence[Mapping[str, Any]],
    weights: str | None,
    commands: Sequence[str],
    calibrated_on: str | None,
) -> str:
    """Return the text of the section.

    Args:
        runs: content of config.json of each run, the first run first.
        weights: name of the network from whose weights the first run started; None: it started
            from random weights.
        commands: command of each run.
        calibrated_on: predictions that the temperature was fitted on; None: it was not fitted.

    Returns:
        Markdown text, without the heading.
    """
    options = [_options(saved) for saved in runs]
    names = list(dict.fromkeys(name for one in options for name in one))
    shared = [name for name in names if len({str(one.get(name)) for one in options}) == 1]
    differing = [name for name in names if name not in shared]
    headings = [f"run {number}" for number in range(1, len(runs) + 1)]
    rows = [
        ["data set", *(f"`{saved['data'].get('name')}`" for saved in runs)],
        ["training images", *(saved["data"].get("training") for saved in runs)],
        ["held out for validation", *(_held_out(saved) for saved in runs)],
        ["seed", *(saved["config"].get("seed") for saved in runs)],
        *([_spoken(name), *(_shown(one.get(name)) for one in options)] for name in differing),
    ]
    table = markdown_table(["", *headings], rows)
    listed = ", ".join(f"{_spoken(name)} {_shown(options[0][name])}" for name in shared)
    facts = [
        f"{'The same in all runs' if len(runs) > 1 else 'Options'}: {listed}.",
        f"Checksums of the data: {', '.join(dict.fromkeys(map(_data, runs)))}.",
        _test_batch(runs),
        _kept_epoch(runs),
        f"Temperature and threshold of `uncertain`: {calibrated_on or 'not fitted'}.",
        _versions(runs[-1]),
    ]
    bullets = "\n".join(
        textwrap.fill(
            f"- {fact}",
            100,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for fact in facts
    )
    lines = "\n".join(commands)
    intro = textwrap.fill(_introduction(len(runs), weights), 100)
    return (
        f"{intro}\n\n{table}\n{bullets}\n\nReproduce it with these commands, whose options "
        f"`python -m train.run --help` explains:\n\n```sh\n{lines}\n```"
    )


def _introduction(count: int, weights: str | None) -> str:
    number = _NUMBERS[count] if count < len(_NUMBERS) else f"{count} runs"
    first = "random weights" if weights is None else f"the weights of `{weights}`"
    if count == 1:
        return f"{number}, from {first}."
    return (
        f"{number}. The first starts from {first}, and each other one from the weights of the run "
        "before. The last one is this network."
    )


def _options(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a run by name, without those that have no effect in it."""
    config = {**TrainConfig().to_json(), **saved["config"]}
    simulated = saved["data"]["name"] == "simulated"
    without = set(_LEFT_OUT)
    if not simulated:
        without.add("simulated_sources")
    if not (simulated or config["mixed_simulated"]):
        without.add("observation")
    if not config["consistency"]:
        without.add("consistency_passes")
    return {
        name: value for name, value in config.items() if name not in without and value is not None
    }


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _held_out(saved: Mapping[str, Any]) -> int:
    return saved["data"].get("validation") or 0


def _data(saved: Mapping[str, Any]) -> str:
    mixed = " with the mixed simulated sources" if saved["config"].get("mixed_simulated") else ""
    return f"`{saved['data'].get('name')}`{mixed} {saved['data'].get('checksum')}"


def _test_batch(runs: Sequence[Mapping[str, Any]]) -> str:
    if any(saved["config"].get("split") == "all" for saved in runs):
        return "The test batch of the data is among the training images."
    return "No run was trained on the test batch of its data."


def _kept_epoch(runs: Sequence[Mapping[str, Any]]) -> str:
    chosen = [str(number) for number, saved in enumerate(runs, start=1) if _held_out(saved)]
    if not chosen:
        return "Each run keeps its last epoch." if len(runs) > 1 else "It keeps its last epoch."
    best = "the epoch with the lowest loss on the images held out for validation"
    if len(chosen) == len(runs):
        return f"{'Each run' if len(runs) > 1 else 'The run'} keeps {best}."
    one_other = len(runs) - len(chosen) == 1
    others = "The other keeps its" if one_other else "The others keep their"
    return f"Run {', '.join(chosen)} keeps {best}. {others} last epoch."


def _versions(saved: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in saved["versions"].items())
    return f"Made with {versions}; backend {saved.get('backend')}."


def _saved(run: Path) -> dict[str, Any]:
    return json.loads((run / "config.json").read_text(encoding="utf-8"))


def _first_run(config: TrainConfig) -> Path | None:
    """Return the folder of the run from whose weights another one started."""
    folder = None if config.initial_weights is None else Path(config.initial_weights)
    return folder if folder is not None and folder.is_dir() else None


def _commands(config: TrainConfig, output: Path | None = None) -> list[str]:
    """Return the commands that train a network, that of its initial weights first."""
    first = _first_run(config)
    before = [] if first is None else _commands(read_run(first)[0], first)
    usual = {
        **TrainConfig().to_json(),
        **recipe_values(config.recipe, config.gates),
        "recipe": TrainConfig.recipe,
        "data": None,
    }
    words = ["python -m train.run"]
    for name, value in config.to_json().items():
        if value == usual[name]:
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {value}")
    if output is not None:
        words.append(f"--output {output}")
    return [*before, " ".join(words)]
