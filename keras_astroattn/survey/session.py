"""The output folder of a survey: its lock, and the check whether a run may continue in it."""

import contextlib
import dataclasses
import errno
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from keras_astroattn.errors import InputError
from keras_astroattn.files import held

from .settings import SurveySettings

if TYPE_CHECKING:
    from keras_astroattn.edge import ModelFile

SUMMARY = "_summary.json"
"""File in the output folder of a complete survey."""

WORK = ".survey"
"""Folder in the output folder that holds the plan until the survey is complete."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def require_packages(*modules: str) -> None:
    """Check that the packages for a survey are installed.

    Args:
        *modules: names of the modules.

    Raises:
        InputError: One of the modules is not installed.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise InputError(f"surveys need {module}: pip install 'keras-astroattn[survey]'")


def unwritable(path: str | Path, error: OSError) -> InputError:
    """Return the error for a file or folder of a survey that cannot be written.

    Args:
        path: the file or folder.
        error: the reason.
    """
    # Arrow's errors have their own text in addition to the system's number.
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())[:200]
    todo = "make room" if error.errno in _DISK_FULL else "correct that"
    return InputError(f"{path} cannot be written: {reason}; {todo}, then add --resume")


@contextlib.contextmanager
def open_output(folder: Path) -> Iterator[Path]:
    """Create the output folder and lock it against other runs.

    A new folder is removed again if an `InputError` leaves it empty.

    Args:
        folder: the output folder.

    Yields:
        Its absolute path.

    Raises:
        InputError: The folder cannot be created, or another run holds it.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(f"--output {folder}", error) from None
    folder = folder.resolve()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
        except BlockingIOError:
            raise InputError(
                f"--output {folder} is in use by another run: wait for its end"
            ) from None
        try:
            yield folder
        except InputError:
            if is_new:
                with contextlib.suppress(OSError):  # it is not empty
                    folder.rmdir()
            raise


def identity_of(settings: SurveySettings, model: "ModelFile") -> dict:
    """Return the values that must not change for a run to continue, as JSON values.

    Args:
        settings: the survey.
        model: the model.

    Raises:
        InputError: The catalogue cannot be read.
    """
    identity = {
        "catalogue": _file_state(settings.catalogue),
        "model": hashlib.sha256(model.content).hexdigest(),
        "images": list(settings.images),
        "survey": settings.survey,
        "columns": settings.columns,
        "rows": settings.rows,
        "linking length": settings.linking_length,
        "mask neighbours": settings.mask_neighbours,
        "tta": settings.tta,
        "calibration": settings.calibration and dataclasses.asdict(settings.calibration),
        "chunk size": settings.chunk_size,
        "map options": dataclasses.asdict(settings.options),
    }
    return json.loads(json.dumps(identity))


def _file_state(path: Path) -> dict:
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"catalogue {path} cannot be read: {error.strerror or error}") from None
    return {"path": str(path.resolve()), "bytes": state.st_size, "modified": state.st_mtime_ns}


def require_same(before: dict, now: dict) -> None:
    """Check that a run has the identity of the run that it continues.

    Args:
        before: identity of the earlier run.
        now: identity of this run.

    Raises:
        InputError: They differ.
    """
    differing = [key for key in now if before.get(key) != now[key]]
    if differing:
        raise InputError(
            f"--resume: the earlier run had another {' and '.join(differing)}: give the same, or "
            "name another --output"
        )


def finished_summary(folder: Path, identity: dict, resume: bool) -> dict | None:
    """Return the summary of a complete survey in the output folder; None if there is none.

    Args:
        folder: the output folder.
        identity: identity of the run, from `identity_of`.
        resume: whether --resume was given.

    Raises:
        InputError: The folder holds a survey and `resume` is False, or another survey.
    """
    path = folder / SUMMARY
    if not path.exists():
        begun = (folder / WORK).exists() or any(folder.glob("part-*.parquet"))
        if begun and not resume:
            raise InputError(
                f"--output {folder} holds the beginning of a survey: add --resume to go on with "
                "it, or name another folder"
            )
        return None
    if not resume:
        raise InputError(f"--output {folder} holds a survey: name another folder")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        before = dict(summary["identity"])
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{path} is damaged: score the survey into another folder") from None
    require_same(before, identity)
    return summary | {"was_complete": True}


def read_summary(folder: Path) -> dict:
    """Return the summary of a complete survey.

    Args:
        folder: output folder of the survey.

    Raises:
        InputError: The survey is not complete, or its summary is damaged.
    """
    path = folder / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        model, identity = summary["model"], summary["identity"]
        texts = (summary["version"], model["name"], model["sha256"])
        objects = (identity["map options"], summary["catalogue"]["columns"])
        is_sound = all(isinstance(one, str) for one in texts)
        is_sound &= all(isinstance(one, dict) for one in objects)
    except FileNotFoundError:
        if not folder.is_dir():
            raise InputError(
                f"{folder} is not a folder: name the --output of astroattn survey"
            ) from None
        raise InputError(
            f"{folder} holds no complete survey: finish it with astroattn survey --resume"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError):
        is_sound = False
    if not is_sound:
        raise InputError(f"{path} is damaged: score the survey into another folder")
    return summary
