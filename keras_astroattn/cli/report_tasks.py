"""Write the sources to label as tasks of Label Studio, or as a subject set of Zooniverse."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.recalibration.exchange import (
    LABEL_STUDIO_CONFIG,
    Task,
    label_studio_tasks,
    zooniverse_files,
)
from keras_astroattn.report.html_report import Shown

from .result_files import require_folder


def require_tasks(label_studio: Path | None, zooniverse: Path | None, overwrite: bool) -> None:
    """Refuse files of tasks that cannot be written, before anything is computed.

    Args:
        label_studio: file of --label-studio, or None.
        zooniverse: folder of --zooniverse, or None.
        overwrite: whether existing files may be replaced.

    Raises:
        InputError: A name has another suffix or exists, or a folder is not writable.
    """
    if label_studio is not None:
        if label_studio.suffix.lower() != ".json":
            raise InputError(f"--label-studio {label_studio}: its name must end in .json")
        require_folder(label_studio, "--label-studio")
    if zooniverse is not None:
        require_folder(zooniverse, "--zooniverse")
    for option, path in (("--label-studio", label_studio), ("--zooniverse", zooniverse)):
        if path is not None and path.exists() and not overwrite:
            raise InputError(
                f"{option} {path} exists already: add --overwrite, or name another one"
            )


def write_tasks(
    sources: Sequence[Shown],
    label_studio: Path | None,
    zooniverse: Path | None,
    console: Console,
) -> None:
    """Write the sources to label that have a picture.

    Args:
        sources: sources of a report.
        label_studio: file for Label Studio, or None.
        zooniverse: folder for Zooniverse, or None.
        console: console for messages.

    Raises:
        InputError: A file is not writable.
    """
    tasks = [
        Task(one.source, one.part, one.inclusion, one.picture)
        for one in sources
        if one.part and one.picture
    ]
    for path in filter(None, (label_studio, zooniverse)):
        try:
            if path is label_studio:
                write_text(path, label_studio_tasks(tasks))
                write_text(path.with_suffix(".xml"), LABEL_STUDIO_CONFIG)
            else:
                path.mkdir(exist_ok=True)
                for name, content in zooniverse_files(tasks).items():
                    with atomic_path(path / name) as temporary:
                        temporary.write_bytes(content)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
        console.print(f"{path}: {len(tasks)} sources to label", markup=False)
