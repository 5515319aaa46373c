"""Export files under temporary names, verify them, and rename those that pass."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.images import to_network_units
from keras_astroattn.models import sees_source_alone
from keras_astroattn.models.wrappers import votes_head
from train.configuration import TrainConfig
from train.sources import split_sources

from .conversion import Precision, convert, require_quantizable, write_saved_model
from .export_source import ExportSource, open_export_source
from .metadata import append_metadata, describe
from .verification import Reference, Verification, reference_of, verify_litert, verify_saved_model

SAVED_MODEL = "saved_model"
EXPORT_FILE = "export.json"
DEFAULT_DATA = "mirabest"

_DYNAMIC_VOTES = (
    "its features are rounded with other steps for each image, so the evidence of votes does not "
    "add up to the logits; int8 keeps the sum. --precision dynamic tries it"
)


@dataclass(frozen=True)
class Export:
    """Options of an export; see `export.run`."""

    output: Path
    formats: tuple[str, ...]
    precision: tuple[str, ...]
    data: str | None = None
    data_dir: Path | None = None
    attention: bool = True
    int8_io: bool = False


@dataclass(frozen=True)
class Result:
    """Result of one file: its size in bytes, and its comparison with Keras."""

    size: int
    verification: Verification | None
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the file passed and has its final name."""
        return not self.failures


class _Failed(Exception):
    """Leave an `atomic_path` without the final rename."""


def export(model_or_run: str, wanted: Export, console: Console) -> dict[str, Result]:
    """Export a model and return the result of each file by its name.

    Args:
        model_or_run: preset, .keras file, folder of a run, or checkpoint.
        wanted: options of the export.
        console: console for messages.

    Raises:
        InputError: The model, the data or the output folder are invalid, or int8 cannot
            represent the model and not all precisions are asked for.
    """
    return export_opened(open_export_source(model_or_run), wanted, console)


def export_opened(source: ExportSource, wanted: Export, console: Console) -> dict[str, Result]:
    """Export an open model; see `export`.

    Args:
        source: the model.
        wanted: options of the export.
        console: console for messages.

    Raises:
        InputError: As in `export`.
    """
    if "tflite" in wanted.formats:
        wanted = _possible(source, wanted, console)
    try:
        wanted.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output {wanted.output} cannot be made: {error.strerror}") from None
    names = [SAVED_MODEL] if "savedmodel" in wanted.formats else []
    if "tflite" in wanted.formats:
        names += [f"model_{precision}.tflite" for precision in dict.fromkeys(wanted.precision)]
    results: dict[str, Result] = {}
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading images", total=len(names))
        source, training_images, reference = _with_images(source, wanted)
        for name in names:
            progress.update(task, description=name)
            try:
                if name == SAVED_MODEL:
                    results[name] = _export_saved_model(source, wanted, reference)
                else:
                    precision = name.removeprefix("model_").removesuffix(".tflite")
                    results[name] = _export_litert(
                        source, wanted, precision, training_images, reference
                    )
            except OSError as error:
                raise InputError(
                    f"{wanted.output / name} cannot be written: {error.strerror or error}"
                ) from None
            progress.advance(task)
    _write_summary(source, wanted, results)
    return results


def _possible(source: ExportSource, wanted: Export, console: Console) -> Export:
    """Return the options with the precisions that the network can have, if all are asked for.

    Whoever asks for some precisions gets these, or an error.

    Raises:
        InputError: int8 is asked for and cannot represent the network.
    """
    everything = set(wanted.precision) == set(get_args(Precision))
    left_out = {}
    if "int8" in wanted.precision:
        try:
            require_quantizable(source, wanted.int8_io)
        except InputError as error:
            if not everything:
                raise
            left_out["int8"] = str(error)
    if everything and votes_head(source.model) is not None:
        left_out["dynamic"] = _DYNAMIC_VOTES
    for precision, reason in left_out.items():
        text = f"model_{precision}.tflite is left out: {reason}"
        console.print(text, markup=False, soft_wrap=True)
    return replace(wanted, precision=tuple(one for one in wanted.precision if one not in left_out))


def _with_images(
    source: ExportSource, wanted: Export
) -> tuple[ExportSource, np.ndarray, Reference]:
    """Return the training images and the reference on validation images, in network units."""
    config = source.training or TrainConfig()
    config = replace(config, source_alone=sees_source_alone(source.model))
    name = wanted.data or source.data.get("name") or DEFAULT_DATA
    if name != source.data.get("name"):
        # All images of another data set are new to the model, so its limit does not apply.
        config = replace(config, train_limit=None)
    if config.validation_fraction == 0:
        config = replace(config, validation_fraction=TrainConfig.validation_fraction)
    sources = split_sources(replace(config, data_dir=wanted.data_dir), name)
    if not source.data:
        source = replace(
            source, data={"verified_on": name, "verified_checksum": sources.training.checksum}
        )
    training = to_network_units(sources.training.image)[..., np.newaxis]
    validation = to_network_units(sources.validation.image)[..., np.newaxis]
    return source, training, reference_of(source, validation, sources.validation.label)


def _export_saved_model(source: ExportSource, wanted: Export, reference: Reference) -> Result:
    target = wanted.output / SAVED_MODEL
    with tempfile.TemporaryDirectory(dir=wanted.output, prefix=".partial.") as temporary:
        folder = Path(temporary, SAVED_MODEL)
        write_saved_model(source, folder, wanted.attention)
        found = verify_saved_model(folder, reference, wanted.attention)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if found.passed:
            metadata = describe(source, "float32")
            (folder / "metadata.json").write_text(json.dumps(metadata, indent=1))
            if target.exists():
                os.rename(target, Path(temporary, "previous"))
            os.rename(folder, target)
        elif target.exists():
            shutil.rmtree(target)
    return Result(size, found, found.failures)


def _export_litert(
    source: ExportSource,
    wanted: Export,
    precision: str,
    training_images: np.ndarray,
    reference: Reference,
) -> Result:
    path = wanted.output / f"model_{precision}.tflite"
    borders = precision == "int8" and wanted.int8_io
    metadata = describe(source, precision)
    try:
        content = convert(source, precision, training_images, wanted.attention, borders)
    except InputError:
        raise
    except Exception as error:  # the converter raises many types, with pages of text
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        path.unlink(missing_ok=True)
        return Result(0, None, (f"cannot be converted: {reason[:200]}",))
    found = None
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
            append_metadata(temporary, metadata)
            size = temporary.stat().st_size
            found = verify_litert(temporary, reference, precision, wanted.attention)
            if not found.passed:
                raise _Failed
    except _Failed:
        # An earlier file belongs to another model and must not be taken for this one.
        path.unlink(missing_ok=True)
    return Result(size, found, found.failures)


def _write_summary(source: ExportSource, wanted: Export, results: dict[str, Result]) -> None:
    files = {
        name: {
            "bytes": result.size,
            "passed": result.passed,
            "failures": list(result.failures),
            "verification": None if result.verification is None else asdict(result.verification),
        }
        for name, result in results.items()
    }
    metadata = describe(source, "")
    del metadata["precision"]
    summary = {"model": metadata, "files": files}
    write_text(wanted.output / EXPORT_FILE, json.dumps(summary, indent=1) + "\n")
