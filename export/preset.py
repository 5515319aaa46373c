"""`python -m export.preset`: convert a training run to a preset of the package."""

import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.presets import presets_folder
from keras_astroattn.process import quiet_native_logs
from train.runner import import_quietly

app = new_app(
    name="python -m export.preset",
    help="Make a preset from a training run: .keras file, .tflite file and model card.",
)

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@app.default
def preset(
    run: Path,
    /,
    *,
    name: str,
    precision: Literal["float32", "float16"] = "float32",
    data_dir: Path | None = None,
    output: Path | None = None,
) -> int:
    """Make a preset from the best network of a training run.

    Writes the network without its optimizer, its verified .tflite file, and a model card from
    config.json, evaluation.json and calibration.json (if there is one) of the run.

    Args:
        run: Folder of a run of `python -m train.run`.
        name: Name of the preset: lower-case letters, digits and underscores.
        precision: Precision of the .tflite file. A float16 file has half the size, and takes a
            little longer to load.
        data_dir: Folder with the archives of the data sets, for the verification; by default
            `KERAS_ASTROATTN_DATA`.
        output: Folder to write to; by default the presets of the package.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"--name {name!r}: give lower-case letters, digits and underscores")
    if not run.is_dir():
        raise InputError(f"{run} is not the folder of a training run")
    folder = presets_folder() if output is None else output
    import_quietly("export.exporting", "export")
    from .export_source import open_export_source
    from .exporting import Export

    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as temporary:
        wanted = Export(Path(temporary), ("tflite",), (precision,), data_dir=data_dir)
        source = _named(open_export_source(run), name)
        files = _write(source, run, wanted, folder)
    for path in files:
        console.print(f"{path}  {path.stat().st_size} bytes", markup=False)
    return 0


def _named(source, name: str):
    from dataclasses import replace

    return replace(source, name=name)


def _write(source, run: Path, wanted, folder: Path) -> list[Path]:
    from .exporting import export_opened
    from .metadata import describe
    from .model_card import model_card

    # The terminal gets its own descriptor, because TensorFlow's messages are suppressed on 2.
    with os.fdopen(os.dup(2), "w") as terminal, quiet_native_logs():
        ((made, result),) = export_opened(source, wanted, Console(file=terminal)).items()
    if not result.passed:
        raise InputError(f"{made} failed its verification: {'; '.join(result.failures)}")
    folder.mkdir(parents=True, exist_ok=True)
    network, edge, card = (folder / f"{source.name}{kind}" for kind in (".keras", ".tflite", ".md"))
    metadata = describe(source, wanted.precision[0])
    with atomic_path(network) as temporary:
        _save(source.model, temporary, metadata)
    with atomic_path(edge) as temporary:
        shutil.copyfile(wanted.output / made, temporary)
    sizes = {path.name: path.stat().st_size for path in (network, edge)}
    write_text(card, model_card(source, run, metadata, sizes, result))
    return [network, edge, card]


def _save(model, path: Path, metadata: dict) -> None:
    """Save the network, with its metadata as a member that Keras ignores."""
    from keras_astroattn.models.presets import ORIGIN_MEMBER

    model.save(path, include_optimizer=False)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ORIGIN_MEMBER, json.dumps(metadata, indent=1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
