"""The folder of a training run: its files, its lock, and whether the run is finished."""

import contextlib
import json
import platform
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
import sklearn
import tensorflow as tf

from keras_astroattn.callbacks import Checkpoints, committed
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import Evaluation
from keras_astroattn.files import held, partial_files, write_text
from keras_astroattn.models.keras_files import load_keras_file
from keras_astroattn.version import __version__

from .configuration import CONFIG_FILE, TrainConfig, read_run, require_same
from .sources import TrainingSources

HISTORY_FILE = "history.csv"
EVALUATION_FILE = "evaluation.json"
ATTENTION_FOLDER = "attention"


def make_writable(folder: Path) -> None:
    """Make a folder for results, and check that files can be written to it.

    Args:
        folder: the folder; its parents are made too.

    Raises:
        InputError: The path is a file, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"cannot write to {folder} ({error.strerror}): name another --output"
        ) from None


def require_free(folder: Path, config: TrainConfig) -> None:
    """Check that a run may be written to a folder, before any data are read.

    Args:
        folder: the folder of the run.
        config: the options of the run.

    Raises:
        InputError: The folder holds a run and `config` does not resume it, a run with other
            options, or other files; or it cannot be written to.
    """
    if config.resume:
        require_same(config, read_run(folder)[0])
    make_writable(folder)
    if config.resume:
        return
    if (folder / CONFIG_FILE).exists():
        raise InputError(
            f"{folder} already holds a run: add --resume to continue it, or name another --output"
        )
    if set(folder.iterdir()) - set(partial_files(folder)):
        raise InputError(f"{folder} is not empty: name another --output")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other runs, and remove the remains of an interrupted write.

    Args:
        folder: the folder of the run.

    Raises:
        InputError: Another run holds the folder, or a file cannot be written to it.
    """
    try:
        with held(folder):
            for leftover in partial_files(folder):
                leftover.unlink()
            yield
    except BlockingIOError:
        raise InputError(
            f"another run is writing to {folder}: wait for it to end, or name another --output"
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot write the run in {folder} ({error.strerror or error}): "
            "fix that, then continue with --resume"
        ) from None


def start_folder(folder: Path, config: TrainConfig, sources: TrainingSources) -> None:
    """Write config.json, or check that an existing one describes the same data.

    Args:
        folder: the folder of the run.
        config: the options of the run.
        sources: the sources of the run.

    Raises:
        InputError: The data have changed since the run was started.
    """
    path = folder / CONFIG_FILE
    validation = sources.validation
    data = {
        "name": sources.name,
        "checksum": sources.training.checksum,
        "training": len(sources.training),
        "validation": 0 if validation is None else len(validation),
        "fri_share": round(float((sources.training.label == 0).mean()), 4),
    }
    if path.exists():
        _, before = read_run(folder)
        if before != {name: value for name, value in data.items() if name in before}:
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


def is_finished(folder: Path) -> bool:
    """Return whether the run in a folder was trained and evaluated."""
    return (folder / EVALUATION_FILE).exists() and not committed(folder)


def write_evaluations(folder: Path, evaluations: Mapping[str, Evaluation], name: str) -> None:
    """Write evaluation.json.

    Args:
        folder: the folder of the run.
        evaluations: evaluations by protocol.
        name: name of the evaluated sources.
    """
    text = {protocol: json.loads(one.to_json()) for protocol, one in evaluations.items()}
    content = {"model": Checkpoints.BEST, "sources": name, **text}
    write_text(folder / EVALUATION_FILE, json.dumps(content, indent=1) + "\n")


def read_evaluations(folder: Path) -> dict[str, Evaluation]:
    """Read the evaluations of a finished run, by protocol.

    Raises:
        InputError: Evaluation.json is damaged.
    """
    path = folder / EVALUATION_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return {
            protocol: Evaluation.from_json(json.dumps(saved[protocol]))
            for protocol in ("clean", "confident", "pooled")
            if protocol in saved
        }
    except (ValueError, TypeError) as error:  # InputError is a ValueError
        raise InputError(f"{path} is damaged ({error}): train again in another --output") from None


def load_checkpoint(path: Path, remedy: str) -> keras.Model:
    """Load a model that a run has saved.

    Args:
        path: the .keras file.
        remedy: advice in the error message if the file is damaged.

    Returns:
        The model.

    Raises:
        InputError: The file is damaged.
    """
    return load_keras_file(path, compile=True, remedy=remedy)
