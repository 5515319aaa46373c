"""One training run: sources, network, `model.fit`, results."""

import contextlib
import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import sklearn
import tensorflow as tf
from rich.console import Console

from keras_astroattn import __version__
from keras_astroattn.callbacks import (
    AttentionSnapshots,
    Checkpoints,
    EpochSeed,
    FiniteLoss,
    HistoryFile,
    TrainingProgress,
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
from keras_astroattn.files import held, partial_files, write_text
from keras_astroattn.layers import RandomAffine
from keras_astroattn.models import AGCNN, EquivariantAGCNN
from keras_astroattn.plots import loss_figure, save_figure

from .batches import steps_per_epoch, training_batches, validation_batches
from .configuration import CONFIG_FILE, TrainConfig, read_run, require_same
from .networks import start_from
from .sources import (
    TrainingSources,
    choose_data,
    load_evaluation_sources,
    split_sources,
    target_probabilities,
)

HISTORY_FILE = "history.csv"
EVALUATION_FILE = "evaluation.json"
ATTENTION_FOLDER = "attention"
PROBES_PER_CLASS = 1


@dataclass(frozen=True)
class RunResult:
    """Where a run lies, and how its best model does."""

    folder: Path
    evaluated_on: str
    evaluations: dict[str, Evaluation]


def train(config: TrainConfig, console: Console | None = None) -> RunResult:
    """Train a network, or go on with an interrupted run, and evaluate it.

    Raises:
        InputError: options, data or the output folder are wrong; nothing is overwritten.
    """
    console = console or Console()
    name, remark = _data_of(config)
    if remark:
        _say(console, remark)
    folder = config.output or Path("runs") / f"{name}-{config.gates}gates-seed{config.seed}"
    if not config.resume and config.initial_weights is not None:
        build(config, sources=1)  # a wrong network is told before anything is made
    require_free(folder, config)
    with _alone_in(folder):
        sources = split_sources(config, name)
        evaluated_on, evaluation_sources = load_evaluation_sources(config, sources)
        start_folder(folder, config, sources)
        if _is_finished(folder):
            _say(console, f"the run in {folder} is finished already")
            return RunResult(folder, evaluated_on, _read_evaluations(folder))
        _say(console, _description(config, sources, folder))
        _fit(config, sources, folder, console)
        _draw(folder)
        best = _load(folder / Checkpoints.BEST, "train anew in another --output")
        evaluations = evaluate(best, evaluation_sources, config, evaluated_on)
        text = {protocol: json.loads(each.to_json()) for protocol, each in evaluations.items()}
        content = {"model": Checkpoints.BEST, "sources": evaluated_on, **text}
        write_text(folder / EVALUATION_FILE, json.dumps(content, indent=1) + "\n")
        remove_committed(folder)
    return RunResult(folder, evaluated_on, evaluations)


def _data_of(config: TrainConfig) -> tuple[str, str | None]:
    """The data set of a run, and one line to say how it was chosen (None if it needs none).

    A run that goes on keeps its data set, whatever `--data auto` would mean today.
    """
    if not config.resume:
        return choose_data(config)
    if config.output is None:
        raise InputError("--resume needs --output: name the folder of the run")
    saved, data = read_run(config.output)
    require_same(config, saved)
    return data["name"], None


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; what cannot be written there is an `InputError`."""
    try:
        with held(folder):
            for leftover in partial_files(folder):
                leftover.unlink()
            yield
    except BlockingIOError:
        raise InputError(
            f"a run is going on in {folder}: wait for it, or name another --output"
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot write the run in {folder} ({error.strerror or error}): "
            "mend that, then go on with --resume"
        ) from None


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _load(path: Path, remedy: str) -> keras.Model:
    try:
        return keras.models.load_model(path)
    except Exception as error:  # zipfile, h5py, json and Keras raise whatever they please
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise InputError(f"{path} is damaged ({reason}): {remedy}") from None


def evaluate(
    model: keras.Model, sources: Sources, config: TrainConfig, name: str
) -> dict[str, Evaluation]:
    """One clean pass and, where asked for, the paper's pooled protocol.

    Where the labels of some sources are uncertain, the clean pass also of the others alone.
    """
    # A network that normalizes over the batch is evaluated in batches as it was trained in;
    # else small batches keep the memory below what the training took.
    batch_size = config.batch_size if config.scope == "batch" else 8
    clean = predict_clean(model, sources.image, batch_size=batch_size)
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


def require_free(folder: Path, config: TrainConfig) -> None:
    """Check that a run may be written to a folder, before anything is read or made.

    Raises:
        InputError: it holds a run that is not to be resumed, a run with other options, or
            something else; or it cannot be written to.
    """
    try:
        if config.resume:
            require_same(config, read_run(folder)[0])
        elif (folder / CONFIG_FILE).exists():
            raise InputError(
                f"{folder} already holds a run: add --resume to go on, or name another --output"
            )
        elif folder.is_dir() and set(folder.iterdir()) - set(partial_files(folder)):
            raise InputError(f"{folder} is not empty: name another --output")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"cannot write to {folder} ({error.strerror}): name another --output"
        ) from None


def start_folder(folder: Path, config: TrainConfig, sources: TrainingSources) -> None:
    """Write config.json, or check that it is of the same data.

    Raises:
        InputError: the data have changed since the run was started.
    """
    path = folder / CONFIG_FILE
    validation = sources.validation
    data = {
        "name": sources.name,
        "checksum": sources.training.checksum,
        "training": len(sources.training),
        "validation": 0 if validation is None else len(validation),
    }
    if path.exists():
        _, before = read_run(folder)
        if before != data:
            raise InputError(f"the run in {folder} was started on other data: {before}, now {data}")
        return
    versions = {module.__name__: module.__version__ for module in (keras, tf, np, sklearn)}
    versions |= {"keras_astroattn": __version__, "python": platform.python_version()}
    saved = {
        "config": config.to_json(),
        "data": data,
        "backend": keras.backend.backend(),
        "versions": versions,
    }
    write_text(path, json.dumps(saved, indent=1) + "\n")


def build(config: TrainConfig, sources: int) -> keras.Model:
    """The network behind its augmentation, compiled, to be trained on so many sources."""
    keras.utils.set_random_seed(config.seed)
    kind = EquivariantAGCNN if config.symmetry == "p4m" else AGCNN
    network = kind(
        gates=config.gates,
        normalization=config.normalization,
        aggregation=config.aggregation,
        pooling=config.pooling,
        scope=config.scope,
        dropout=config.dropout,
        psi_bias=config.psi_bias,
        source_correlation=config.source_correlation,
        stretch=config.stretch,
        dtype=config.dtype_policy,
        name="network",
    )
    if config.initial_weights is not None:
        start_from(network, config.initial_weights)
    image = keras.Input(network.input.shape[1:], name="image")
    augmented = RandomAffine(**augmentation(config), seed=config.seed, name="augmentation")(image)
    model = keras.Model(image, network(augmented), name="training")
    rate = config.learning_rate
    steps = steps_per_epoch(sources, config.passes, min(config.batch_size, sources))
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps * config.epochs)
    optimizer = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
    }[config.optimizer]
    more = {"momentum": 0.9, "nesterov": True} if config.optimizer == "sgd" else {}
    # AdamW wants a number, also where it is 0; to the others 0 is a decay.
    decay = config.weight_decay if config.optimizer == "adamw" else config.weight_decay or None
    optimizer = optimizer(rate, weight_decay=decay, **more)
    if config.dtype_policy == "mixed_float16":
        # Keras adds it by itself only where the outermost model has the policy.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA cannot compile the resampling on TensorFlow, and is slower on a CPU.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    # Else Keras builds it in the first step, and traces the whole step twice.
    model.optimizer.build(model.trainable_variables)
    return model


def augmentation(config: TrainConfig) -> dict:
    """The options of `RandomAffine`."""
    return {
        "rotation": config.rotation,
        "shift": config.shift,
        "zoom": config.zoom,
        "flip": config.flip,
    }


def _fit(config: TrainConfig, sources: TrainingSources, folder: Path, console: Console) -> None:
    training, validation = sources.training, sources.validation
    done, path = max(committed(folder).items(), default=(0, None))
    rows = read_history(folder / HISTORY_FILE)[:done]
    if [row["epoch"] for row in rows] != list(range(1, done + 1)):
        raise InputError(
            f"{folder / HISTORY_FILE} lacks epochs that were done: train anew in another --output"
        )
    if done >= config.epochs:
        return
    if path is None:
        model = build(config, len(training))
    else:
        model = _load(path, "remove it, and --resume starts at the first epoch")

    network = model.get_layer("network")
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
            best=min((row["val_loss"] for row in rows if "val_loss" in row), default=np.inf),
        ),
    ]
    fit(config, model, training, console, validation=validation, done=done, callbacks=callbacks)


def fit(
    config: TrainConfig,
    model: keras.Model,
    training: Sources,
    console: Console,
    *,
    validation: Sources | None = None,
    done: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train a model of `build`, from the epoch after `done`, with its progress shown.

    Args:
        config: as of `build`.
        model: what it built.
        training: sources to train on.
        console: for the progress.
        validation: sources that are validated on after each epoch.
        done: epochs that were trained before.
        callbacks: called after those that every training has.

    Raises:
        InputError: the loss is no longer finite.
    """
    batch_size = min(config.batch_size, len(training))
    progress = TrainingProgress(config.epochs, done, console)
    validation_data = None
    if validation is not None:
        validation_data = validation_batches(
            validation.image,
            target_probabilities(validation, config.uncertain_confidence),
            passes=config.validation_passes,
            batch_size=max(batch_size, 16),
            augment=augmentation(config),
        )
    try:
        model.fit(
            training_batches(
                training.image,
                target_probabilities(training, config.uncertain_confidence),
                passes=config.passes,
                batch_size=batch_size,
                seed=config.seed,
                epochs=range(done, config.epochs),
            ),
            steps_per_epoch=steps_per_epoch(len(training), config.passes, batch_size),
            initial_epoch=done,
            epochs=config.epochs,
            validation_data=validation_data,
            verbose=0,
            shuffle=False,  # the batches come in the order of seed and epoch
            callbacks=[EpochSeed(config.seed), FiniteLoss(), progress, *callbacks],
        )
    finally:
        progress.on_train_end()  # Keras does not call it after an error


def probe_rows(sources: Sources, per_class: int = PROBES_PER_CLASS) -> Sources:
    """The first sources of each class: what the snapshots are drawn of."""
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


def _is_finished(folder: Path) -> bool:
    return (folder / EVALUATION_FILE).exists() and not committed(folder)


def _read_evaluations(folder: Path) -> dict[str, Evaluation]:
    path = folder / EVALUATION_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return {
            protocol: Evaluation.from_json(json.dumps(saved[protocol]))
            for protocol in ("clean", "confident", "pooled")
            if protocol in saved
        }
    except (ValueError, TypeError) as error:  # InputError is a ValueError
        raise InputError(f"{path} is damaged ({error}): train anew in another --output") from None


def _description(config: TrainConfig, sources: TrainingSources, folder: Path) -> str:
    validation = sources.validation
    held_out = "none held out" if validation is None else f"{len(validation)} held out"
    symmetry = "" if config.symmetry == "none" else f"{config.symmetry}, "
    return (
        f"{symmetry}{config.gates} gates, {config.normalization}, {config.aggregation}, "
        f"{config.pooling}; "
        f"{sources.name}: {len(sources.training)} sources to train on, {held_out}; "
        f"writing to {folder}"
    )
