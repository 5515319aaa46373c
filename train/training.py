"""One training run: read sources, train a network, evaluate it, and keep the results."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from rich.console import Console

from keras_astroattn.callbacks import (
    AttentionSnapshots,
    Checkpoints,
    HistoryFile,
    committed,
    draw_progress,
    read_history,
    remove_committed,
)
from keras_astroattn.datasets import Sources
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    Evaluation,
    evaluate_predictions,
    predict_clean,
    predict_pooled,
)
from keras_astroattn.plots import loss_figure, save_figure

from .configuration import TrainConfig, read_run, require_same
from .loop import build, fit, network_of, number_of_epochs
from .run_folder import (
    ATTENTION_FOLDER,
    HISTORY_FILE,
    is_finished,
    load_checkpoint,
    locked,
    read_evaluations,
    require_free,
    start_folder,
    write_evaluations,
)
from .run_report import write_report
from .sources import TrainingSources, choose_data, load_evaluation_sources, split_sources

PROBES_PER_CLASS = 1


@dataclass(frozen=True)
class RunResult:
    """The folder of a run, and the evaluations of its best model.

    Attributes:
        folder: folder of the run.
        evaluated_on: name of the evaluated sources.
        evaluations: evaluations by protocol.
    """

    folder: Path
    evaluated_on: str
    evaluations: dict[str, Evaluation]


def train(config: TrainConfig, console: Console | None = None) -> RunResult:
    """Train a network, or continue an interrupted run, and evaluate it.

    Args:
        config: options of the run.
        console: console for the progress.

    Returns:
        The folder and the evaluations of the run.

    Raises:
        InputError: Options, data or the output folder are wrong; nothing is overwritten.
    """
    console = console or Console()
    name, remark = _data_of(config)
    if remark:
        _say(console, remark)
    folder = config.output or Path("runs") / f"{name}-{config.gates}gates-seed{config.seed}"
    if not config.resume and config.initial_weights is not None:
        build(config, sources=1)  # refuses an invalid network before the folder is created
    require_free(folder, config)
    with locked(folder):
        sources = split_sources(config, name)
        evaluated_on, evaluation_sources = load_evaluation_sources(config, sources)
        start_folder(folder, config, sources)
        if is_finished(folder):
            _say(console, f"the run in {folder} is already finished")
            return RunResult(folder, evaluated_on, read_evaluations(folder))
        _say(console, f"{_network_and_sources(config, sources)}; writing to {folder}")
        _fit(config, sources, folder, console)
        _draw(folder)
        best = load_checkpoint(folder / Checkpoints.BEST, "train again in another --output")
        clean = clean_probabilities(best, evaluation_sources, config)
        evaluations = evaluate(best, evaluation_sources, clean, config, evaluated_on)
        write_report(
            folder,
            config,
            _network_and_sources(config, sources),
            evaluations,
            best,
            evaluation_sources,
            clean,
        )
        # Last, because a run with evaluations is finished.
        write_evaluations(folder, evaluations, evaluated_on)
        remove_committed(folder)
    return RunResult(folder, evaluated_on, evaluations)


def _data_of(config: TrainConfig) -> tuple[str, str | None]:
    """Return the data set of a run, and how it was chosen (None if it was named).

    A resumed run keeps its data set, even if `--data auto` would choose another one.
    """
    if not config.resume:
        return choose_data(config)
    if config.output is None:
        raise InputError("--resume needs --output: name the folder of the run")
    saved, data = read_run(config.output)
    require_same(config, saved)
    return data["name"], None


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def clean_probabilities(model: keras.Model, sources: Sources, config: TrainConfig) -> np.ndarray:
    """Return (n, 2) probabilities of sources from one pass without transforms."""
    # A network that normalizes over the batch is evaluated in batches of the training's size;
    # otherwise small batches keep the memory below that of the training.
    batch_size = config.batch_size if config.scope == "batch" else 8
    return predict_clean(model, sources.image, batch_size=batch_size)


def evaluate(
    model: keras.Model, sources: Sources, clean: np.ndarray, config: TrainConfig, name: str
) -> dict[str, Evaluation]:
    """Evaluate a model in one clean pass and, if requested, by the paper's pooled protocol.

    Args:
        model: model from images in [-1, 1] to logits.
        sources: sources to evaluate on.
        clean: (n, 2) probabilities of the sources, of `clean_probabilities`.
        config: options of the run.
        name: name of the sources, for the name of the protocol.

    Returns:
        Evaluations by protocol: `clean`; `confident`, the clean pass over the sources with
        confident labels, if there are others too; `pooled`, if `config.protocol_repeats` is
        above 0.
    """
    evaluations = {
        "clean": evaluate_predictions(sources.label, clean, protocol=f"{name}, one clean pass")
    }
    sure = sources.confident
    if 0 < sure.sum() < len(sources):
        evaluations["confident"] = evaluate_predictions(
            sources.label[sure], clean[sure], protocol=f"{name}, confident labels, one clean pass"
        )
    if config.protocol_repeats:
        pooled = predict_pooled(model, sources.image, repeats=config.protocol_repeats)
        evaluations["pooled"] = evaluate_predictions(
            sources.label, pooled, protocol=f"{name}, {config.protocol_repeats} transforms pooled"
        )
    return evaluations


def _fit(config: TrainConfig, sources: TrainingSources, folder: Path, console: Console) -> None:
    training, validation = sources.training, sources.validation
    done, path = max(committed(folder).items(), default=(0, None))
    rows = read_history(folder / HISTORY_FILE)[:done]
    if [row["epoch"] for row in rows] != list(range(1, done + 1)):
        raise InputError(
            f"{folder / HISTORY_FILE} lacks epochs that were trained: train again in another "
            "--output"
        )
    if done >= number_of_epochs(config):
        return
    if path is None:
        model = build(config, len(training))
    else:
        model = load_checkpoint(path, "remove it, and --resume starts at the first epoch")

    network = network_of(model)
    # After consistency training, only its networks can be the best.
    compared = rows[config.epochs :] if done > config.epochs else rows
    probes = probe_rows(training if validation is None else validation)
    callbacks = [
        HistoryFile(folder / HISTORY_FILE, rows),
        keras.callbacks.TensorBoard(folder / "tensorboard", write_graph=False),
        AttentionSnapshots(
            network,
            probes.image,
            probes.label,
            folder / ATTENTION_FOLDER,
            tensorboard=folder / "tensorboard" / "attention",
        ),
        Checkpoints(
            network,
            folder,
            best=min((row["val_loss"] for row in compared if "val_loss" in row), default=np.inf),
            restart=config.epochs,
        ),
    ]
    fit(config, model, training, console, validation=validation, done=done, callbacks=callbacks)


def probe_rows(sources: Sources, per_class: int = PROBES_PER_CLASS) -> Sources:
    """Return the first sources of each class, which the attention snapshots show."""
    rows = [np.flatnonzero(sources.label == label)[:per_class] for label in (0, 1)]
    return sources.select(np.concatenate(rows))


def _draw(folder: Path) -> None:
    rows = read_history(folder / HISTORY_FILE)

    def column(name: str) -> np.ndarray | None:
        return np.array([row[name] for row in rows]) if name in rows[0] else None

    figure = loss_figure(
        column("loss"), column("val_loss"), column("accuracy"), column("val_accuracy")
    )
    save_figure(figure, folder / "losses.png", formats=("png",))
    draw_progress(folder / ATTENTION_FOLDER)


def _network_and_sources(config: TrainConfig, sources: TrainingSources) -> str:
    validation = sources.validation
    held_out = "none held out" if validation is None else f"{len(validation)} held out"
    symmetry = "" if config.symmetry == "none" else f"{config.symmetry}, "
    return (
        f"{symmetry}{config.gates} gates, {config.normalization}, {config.aggregation}, "
        f"{config.pooling}; "
        f"{sources.name}: {len(sources.training)} sources to train on, {held_out}"
    )
