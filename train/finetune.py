"""The command `python -m train.finetune`: fine-tune a network to the labels of a survey."""

import json
import logging
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.edge import Result, list_presets, read_result
from keras_astroattn.edge.calibration import FORMAT, Calibration, ModelName
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.recalibration import agree, fit_odds, read_labels
from keras_astroattn.recalibration.apply import require_one_model
from keras_astroattn.recalibration.fit import ERROR_RATE, confidence_for, label_weights
from keras_astroattn.recalibration.labels import require_sources

from .labelled_sources import LabelledSources, read_labelled, stated, usable_labels
from .paired_comparison import Comparison, Mean, compare, cross_calibrated
from .runner import import_quietly

NAME = "finetuned"
"""Name of the fine-tuned network: the stem of its files, and its name in tables."""

app = new_app(
    name="python -m train.finetune",
    help="Fine-tune a network to the labels of a survey, and compare it with recalibrating alone.",
)


@app.default
def finetune(
    result: Path,
    /,
    *,
    labels: list[Path],
    output: Path,
    labeller: str | None = None,
    model: str | None = None,
    layers: Literal["all", "last"] = "all",
    learning_rate: Annotated[float, Parameter(validator=Number(gt=0, lte=0.1))] = 3e-4,
    epochs: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    folds: Annotated[int, Parameter(validator=Number(gte=2, lte=10))] = 5,
    error_rate: Annotated[float, Parameter(validator=Number(gt=0, lt=0.5))] = ERROR_RATE,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    export: bool = True,
) -> int:
    """Fine-tune a network to the labels of a survey, and compare it with recalibrating alone.

    Each labelled source is predicted by a network that was fine-tuned on the other folds. Its
    probability is compared with that of `astroattn recalibrate`, also fitted on the other folds.
    The images are read again: run the command where the paths of the table hold.

    Args:
        result: Table of `astroattn classify` or `astroattn survey`.
        labels: `labels.csv` of a report, exports of Label Studio (.json) or Zooniverse (.csv).
        output: New folder for `finetuned.keras`, `finetuned.tflite`, their calibration, and
            `comparison.json`.
        labeller: Use only the labels of this person. By default, the majority counts.
        model: Network to start from: a preset, a .keras file, or the folder of a training run. By
            default, the preset that the table was made with.
        layers: Layers to train: `all`, or the `last` stage, gates and aggregation.
        learning_rate: Initial learning rate; it decreases to zero.
        epochs: Number of passes over the labelled sources.
        folds: Number of folds.
        error_rate: Accepted share of wrong classes among the sources that are not uncertain.
        seed: Seed of the folds, the order and the augmentation.
        export: Write `finetuned.tflite`.
    """
    console = Console(highlight=False, soft_wrap=True)
    table = read_result(result)
    require_one_model(table)
    given = [one for path in labels for one in read_labels(path)]
    require_sources(given, table.sources, result)
    agreed = agree(given, labeller)
    used, left_out = usable_labels(table, agreed)
    model = model or _preset_of(table)
    finetuning = import_quietly("train.finetuning", "fine-tuning")
    # Each fold has a network of its own, which TensorFlow takes for one that is traced too often.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from keras_astroattn.models import sees_source_alone

    # Refuses a wrong network before the images are read.
    source_alone = sees_source_alone(finetuning.load_network(model, "--model"))
    _make_folder(output)
    sources = read_labelled(table, used, left_out, console, source_alone)
    if left_out:
        console.print(f"labels left out: {stated(left_out)}", markup=False)
    options = finetuning.FineTuning(model, layers, learning_rate, epochs, folds=folds, seed=seed)
    network, odds, held_out = _train(finetuning, options, sources, console)
    comparison = compare(
        cross_calibrated(sources.odds, sources.is_frii, sources.inclusion, held_out),
        cross_calibrated(odds, sources.is_frii, sources.inclusion, held_out),
        sources.is_frii,
        sources.counted,
        seed,
    )
    calibration = fit_finetuned(odds, sources, error_rate)
    try:
        _write(output, network, calibration, comparison, asdict(options))
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror or error}") from None
    _print(console, comparison, sources)
    if export:
        _export(output, console)
    console.print(verdict(comparison, result, output), markup=False)
    return 0


def _preset_of(table: Result) -> str:
    name = ModelName.parse(table.model).model
    if name not in list_presets():
        raise InputError(
            f"{table.path} was made with the model {name or '(unknown)'}, which is no preset: give "
            "its .keras file with --model"
        )
    return name


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        is_used = any(output.iterdir())
    except OSError as error:
        raise InputError(
            f"--output {output} cannot be written: {error.strerror or error}"
        ) from None
    if is_used:
        raise InputError(f"--output {output} is not empty: name another folder")


def _train(finetuning, options, sources: LabelledSources, console: Console):
    """Return the network of all sources, the odds out of fold, and the rows of each fold."""
    from .cross_validation import folds

    held_out = folds(sources.is_frii, options.folds, options.seed)
    weights = label_weights(sources.inclusion)
    frii = int(sources.is_frii.sum())
    console.print(
        f"fine-tuning {options.model} on {len(sources) - frii} FRI and {frii} FRII: "
        f"{options.folds} folds and all, {options.epochs} epochs each",
        markup=False,
    )
    given = (options, sources.image, sources.is_frii, weights)
    trainings = options.folds + 1
    with finetuning.FineTuningProgress(console, trainings, options.epochs) as progress:
        odds = finetuning.out_of_fold_odds(*given, held_out, progress.callbacks)
        network = finetuning.fine_tune(*given, progress.callbacks("all sources"))
    return network, odds, held_out


def fit_finetuned(odds: np.ndarray, sources: LabelledSources, error_rate: float) -> Calibration:
    """Fit the calibration of the fine-tuned network to its odds out of fold.

    The threshold follows from the labelled sources, weighted to stand for the table.

    Args:
        odds: (n,) ln P(FRII) / P(FRI) of each source out of fold.
        sources: the labelled sources.
        error_rate: accepted share of wrong classes among sources that are not uncertain.
    """
    temperature, shift = fit_odds(odds, sources.is_frii, label_weights(sources.inclusion))
    p = 1 / (1 + np.exp(-(odds / temperature + shift)))
    counted = sources.counted > 0
    probabilities = np.stack([1 - p, p], axis=1)[counted]
    try:
        threshold = confidence_for(probabilities, error_rate, sources.counted[counted])
    except InputError:  # no source is certain enough, so all are uncertain
        threshold = 1.0
    return Calibration(NAME, temperature, shift, threshold)


def _write(
    output: Path, network, calibration: Calibration, comparison: Comparison, options: dict
) -> None:
    with atomic_path(output / f"{NAME}.keras") as temporary:
        network.save(temporary)
    text = {"format": FORMAT, **asdict(calibration)}
    write_text(output / f"{NAME}.calibration.json", json.dumps(text, indent=1) + "\n")
    text = {"options": options, **comparison.to_json()}
    write_text(output / "comparison.json", json.dumps(text, indent=1) + "\n")


def _export(output: Path, console: Console) -> None:
    """Write the .tflite file by `export.run`, in a process of its own."""
    folder = output / "export"
    command = [
        *(sys.executable, "-m", "export.run", str(output / f"{NAME}.keras")),
        *("--output", str(folder), "--formats", "tflite", "--precision", "float32"),
        *("--data", "simulated"),
    ]
    with console.status("exporting"):
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no message"]
        raise InputError(f"{NAME}.tflite cannot be written: {lines[-1].removeprefix('error: ')}")
    (folder / "model_float32.tflite").replace(output / f"{NAME}.tflite")
    (folder / "export.json").replace(output / "export.json")
    folder.rmdir()


def _print(console: Console, found: Comparison, sources: LabelledSources) -> None:
    counted = "of the random part, weighted" if np.isfinite(sources.inclusion).any() else "equal"
    table = Table(title=f"Out of fold, {found.sources} labels ({counted})", title_justify="left")
    for name in ("", "recalibrated", "fine-tuned", "difference (95 % interval)"):
        table.add_column(name, justify="right" if name else "left")
    (a, b), d = found.log_loss, found.log_loss_difference
    table.add_row("log loss, nats", f"{a.value:.3f}", f"{b.value:.3f}", _with_interval(d, 3))
    (a, b), d = found.accuracy, found.accuracy_difference
    cells = (f"{100 * a.value:.1f}", f"{100 * b.value:.1f}", _with_interval(d, 1, 100))
    table.add_row("accuracy, %", *cells)
    console.print(table)


def _with_interval(one: Mean, digits: int, factor: float = 1.0) -> str:
    value, low, high = (f"{factor * x:+.{digits}f}" for x in (one.value, *one.interval))
    return f"{value} ({low} to {high})"


def verdict(found: Comparison, result: Path, output: Path) -> str:
    """Return the sentence that says which network to use."""
    difference = found.log_loss_difference
    stated = f"log loss {_with_interval(difference, 3)} nats"
    if found.better:
        return (
            f"Use the fine-tuned network ({stated}): --model {output / NAME}.tflite --calibration "
            f"{output / NAME}.calibration.json"
        )
    how = "is worse" if difference.interval[0] > 0 else "is not better beyond chance"
    return (
        f"Recalibrate alone, because the fine-tuned network {how} ({stated}): astroattn "
        f"recalibrate {result} --labels ..."
    )


if __name__ == "__main__":
    raise SystemExit(run_app(app))
