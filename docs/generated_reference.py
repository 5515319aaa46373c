"""Pages of the reference that are made from the programs."""

import importlib
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

COMMANDS = {
    "astroattn": "keras_astroattn.cli.app",
    "python -m train.run": "train.run",
    "python -m train.sweep": "train.sweep",
    "python -m export.run": "export.run",
    "python -m export.preset": "export.preset",
}
"""Program and the module whose `app` it runs."""

PACKAGES = {
    "images": "Read maps and pictures, and prepare them for the network.",
    "edge": "Classify without Keras or TensorFlow.",
    "layers": "Keras layers.",
    "models": "Keras models, presets and the paper's weights.",
    "datasets": "Data sets and simulated sources.",
    "evaluation": "Metrics, calibration and the evaluation protocols.",
    "plots": "Figures.",
    "callbacks": "Keras callbacks.",
    "survey": "Score a whole catalogue.",
    "tables": "Columns of the results.",
}
"""Public packages, in the order *read, prepare, classify, explain*."""


def write_reference(source: Path) -> None:
    """Write the generated pages into `reference/generated` and the notebooks beside the pages."""
    folder = source / "reference" / "generated"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "columns.md").write_text(columns_page(), encoding="utf-8")
    (folder / "flags.md").write_text(flags_page(), encoding="utf-8")
    (folder / "presets.md").write_text(presets_page(), encoding="utf-8")
    for package, purpose in PACKAGES.items():
        page = folder / f"{package}.md"
        page.write_text(api_page(package, purpose), encoding="utf-8")
    _copy_if_changed(source.parent / "notebooks", source / "notebooks")


def commands_page() -> str:
    """Return every command with its options, from the programs themselves."""
    parts = ["# Commands", "", "Every command prints this text with `--help`.", ""]
    for program, module in COMMANDS.items():
        app = importlib.import_module(module).app
        text = app.generate_docs(heading_level=2, usage_name=program, flatten_commands=True)
        parts += [text, ""]
    return "\n".join(parts)


def columns_page() -> str:
    """Return every column of the tables of `astroattn classify` and `astroattn survey`."""
    from keras_astroattn.tables import COLUMNS, PICTURE

    rows = [
        (
            f"`{one.name}`",
            one.unit or "",
            {"str": "text", "float64": "number"}.get(one.dtype, one.dtype),
            f"`{one.ucd}`" if one.ucd else "",
            _sentence(one.description),
        )
        for one in (*COLUMNS, PICTURE)
    ]
    return _page(
        "Columns",
        "`astroattn classify` writes one row for each image. `astroattn survey` writes the same "
        "columns, without `picture`, with the prefix `aa_`, after the columns of the catalogue.",
        ("column", "unit", "type", "UCD", "meaning"),
        rows,
    )


def flags_page() -> str:
    """Return every label and every flag."""
    from keras_astroattn.images.flags import DESCRIPTIONS

    return _page(
        "Flags",
        "The column `flags` lists what is unusual about an image, separated by semicolons.",
        ("flag", "meaning"),
        [(f"`{flag}`", _sentence(meaning)) for flag, meaning in DESCRIPTIONS.items()],
    )


def presets_page() -> str:
    """Return the model cards of the presets."""
    from keras_astroattn import edge

    parts = ["# Presets", ""]
    for name in edge.list_presets():
        card = edge.open_model(name).path.with_suffix(".md").read_text(encoding="utf-8")
        parts.append(_demoted(card))
    return "\n".join(parts)


def api_page(package: str, purpose: str) -> str:
    """Return the public names of a package."""
    name = f"keras_astroattn.{package}"
    module = importlib.import_module(name)
    lines = [f"# {name}", "", purpose, ""]
    for public in sorted(module.__all__):
        value = getattr(module, public)
        if isinstance(value, type(importlib)):
            continue
        options = []
        if isinstance(value, type):
            directive = f".. autoclass:: {name}.{public}"
        elif callable(value):
            directive = f".. autofunction:: {name}.{public}"
        else:
            directive = f".. autodata:: {_assigned_in(name, public)}.{public}"
            if len(repr(value)) > 60:
                options = ["   :no-value:"]
        lines += ["```{eval-rst}", directive, *options, "```", ""]
    return "\n".join(lines)


def _assigned_in(package: str, constant: str) -> str:
    """Return the module of a package that assigns a constant: its description stands there."""
    folder = Path(importlib.import_module(package).__path__[0])
    for path in sorted(folder.rglob("*.py")):
        if re.search(rf"^{constant}\b.*=", path.read_text(encoding="utf-8"), re.MULTILINE):
            inside = path.relative_to(folder).with_suffix("").parts
            return ".".join((package, *(part for part in inside if part != "__init__")))
    return package


def _page(title: str, text: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"# {title}", "", text, "", _row(head), _row("---" for _ in head)]
    return "\n".join([*lines, *map(_row, rows), ""])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _demoted(markdown: str) -> str:
    """Headings one level lower."""
    return "\n".join("#" + line if line.startswith("#") else line for line in markdown.splitlines())


def _copy_if_changed(notebooks: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in notebooks.glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        copy = target / path.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")
