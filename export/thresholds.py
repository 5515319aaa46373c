"""`python -m export.thresholds`: attach thresholds of the classes to a preset."""

import json
import re
import sys
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.command import new_app, run_app
from keras_astroattn.edge.metadata import CHECKSUM_KEY, read_metadata, split_model_file
from keras_astroattn.edge.thresholds import EDGES, are_thresholds, range_names
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.presets import presets_folder
from keras_astroattn.report import markdown_table

from .metadata import with_metadata

TITLE = "## Which sources get a class"
"""Title of the section of the model card."""

FILES = "## Files\n"
"""Line of the model card before which the section stands."""

app = new_app(
    name="python -m export.thresholds",
    help="Attach thresholds of the classes to the files of a preset.",
)


@app.default
def attach(
    name: str,
    thresholds: Path,
    /,
    *,
    folder: Path | None = None,
    fri_share: Annotated[float | None, Parameter(validator=Number(gt=0, lt=1))] = None,
) -> int:
    """Attach thresholds of the classes to the files of a preset.

    The metadata of NAME.tflite and NAME.keras and the model card NAME.md are changed, the network
    is not.

    Args:
        name: Name of the preset.
        thresholds: File of `python -m train.studies.thresholds`.
        folder: Folder of the preset; by default that of the package.
        fri_share: Share of FRI among the training images, which `--prior` needs; by default as
            stated before.
    """
    found = _read(thresholds)
    folder = presets_folder() if folder is None else folder
    edge, network, card = (folder / f"{name}{kind}" for kind in (".tflite", ".keras", ".md"))
    try:
        content = edge.read_bytes()
        metadata = read_metadata(content, edge)
        metadata.pop(CHECKSUM_KEY)
        _change(metadata, found, fri_share)
        changed = with_metadata(bytes(split_model_file(content, edge)[1]), metadata)
        section = class_section(
            metadata["labels"]["thresholds"], (metadata.get("data") or {}).get("fri_share")
        )
        text = with_section(_card(card), section)
        _rewrite(network, found, fri_share)
        with atomic_path(edge) as temporary:
            temporary.write_bytes(changed)
        sizes = {path.name: path.stat().st_size for path in (network, edge)}
        for file, size in sizes.items():
            text = re.sub(rf"(\| `{re.escape(file)}` \|) \d+ \|", rf"\1 {size} |", text)
        write_text(card, text)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror or error}") from None
    except zipfile.BadZipFile:
        raise InputError(f"{network} is no .keras file: write the preset again") from None
    print(edge)
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["thresholds"]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        found = None
    if not are_thresholds(found):
        raise InputError(f"{path} holds no thresholds: give a file of train.studies.thresholds")
    return found


def _card(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = ""
    if FILES not in text:
        raise InputError(f"{path} is no model card with the section Files: write the preset again")
    return text


def _change(metadata: dict[str, Any], thresholds: dict, fri_share: float | None) -> None:
    metadata["labels"] = dict(metadata["labels"]) | {"thresholds": thresholds}
    if fri_share is not None:
        metadata["data"] = dict(metadata.get("data") or {}) | {"fri_share": fri_share}


def _rewrite(path: Path, thresholds: dict, fri_share: float | None) -> None:
    """Write a .keras file again, with other metadata."""
    from keras_astroattn.models.presets import ORIGIN_MEMBER

    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(temporary, "w") as new,
    ):
        for member in old.infolist():
            content = old.read(member)
            if member.filename == ORIGIN_MEMBER:
                metadata = json.loads(content)
                _change(metadata, thresholds, fri_share)
                content = json.dumps(metadata, indent=1).encode()
            new.writestr(member, content)


def class_section(thresholds: Mapping[str, Any], fri_share: float | None) -> str:
    """Return the section of the model card about the thresholds.

    Args:
        thresholds: entry `thresholds` of `labels` of the metadata.
        fri_share: share of FRI among the training images, or None.
    """
    neighbours, sizes, ratios = (range_names(thresholds[name]) for name in EDGES)
    rows = [
        [crowd, size, *map(_cell, row)]
        for crowd, table in zip(neighbours, thresholds["probability"], strict=True)
        for size, row in zip(sizes, table, strict=True)
    ]
    headers = ["neighbours", "size, beams", *(f"S/N {ratio}" for ratio in ratios)]
    table = markdown_table(headers, rows, text=2)
    share = "" if fri_share is None else (
        f"\n{100 * fri_share:.0f} % of the training images are FRI. `--prior` moves the "
        "probabilities to another share.\n"
    )  # fmt: skip
    text = (
        "The table holds the least P(FRI) / least P(FRII) with which the class is given, by "
        "number of other islands in the frame, size of the certain part of the source, and peak "
        "over noise (S/N). In cells with `-` no class can be told, and the label is `unresolved`. "
        "A source below the least probability is `uncertain`. The thresholds hold for beams from 5 "
        "to 45 arcsec. They were chosen with "
        f"{thresholds['fitted_on']}."
    )
    return f"{TITLE}\n\n{textwrap.fill(text, 100, break_on_hyphens=False)}\n\n{table}{share}"


def _cell(cell: Sequence[float | None] | None) -> str:
    if cell is None:
        return "-"
    return " / ".join("never" if p is None else f"{p:.4f}" for p in cell)


def with_section(card: str, section: str) -> str:
    """Return a model card with the section, which replaces an earlier one.

    Args:
        card: the model card.
        section: result of `class_section`.
    """
    old = re.compile(rf"{re.escape(TITLE)}\n.*?(?=^## )", re.DOTALL | re.MULTILINE)
    before, after = old.sub("", card).split(FILES, 1)
    return f"{before}{section}\n{FILES}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
