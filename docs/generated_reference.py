"""Pages of the reference that are made from the programs."""

import importlib
import inspect
import json
import re
import shutil
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

COMMANDS = {
    "astroattn": "keras_astroattn.cli.app",
    "python -m train.run": "train.run",
    "python -m train.sweep": "train.sweep",
    "python -m train.cross_validation": "train.cross_validation",
    "python -m train.calibration": "train.calibration",
    "python -m train.finetune": "train.finetune",
    "python -m train.paper": "train.paper.__main__",
    "python -m train.studies.accuracy": "train.studies.accuracy.__main__",
    "python -m train.studies.attention": "train.studies.attention.__main__",
    "python -m train.studies.bent": "train.studies.bent",
    "python -m train.studies.recalibration": "train.studies.recalibration",
    "python -m train.studies.finetuning": "train.studies.finetuning",
    "python -m train.studies.recalibrated_survey": "train.studies.recalibrated_survey",
    "python -m train.studies.recipe": "train.studies.recipe",
    "python -m train.studies.robustness": "train.studies.robustness.__main__",
    "python -m train.studies.second_simulation": "train.studies.second_simulation.__main__",
    "python -m train.studies.thresholds": "train.studies.thresholds.__main__",
    "python -m train.studies.thresholds.surveys": "train.studies.thresholds.surveys",
    "python -m train.studies.thresholds.large_sources": "train.studies.thresholds.large_sources",
    "python -m train.studies.thresholds.narrow_beams": "train.studies.thresholds.narrow_beams",
    "python -m export.run": "export.run",
    "python -m export.preset": "export.preset",
    "python -m export.thresholds": "export.thresholds",
    "python -m export.published": "export.published",
    "python -m export.checksum": "export.checksum",
    "python -m export.page": "export.page.__main__",
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
    "fetch": "Fetch cutouts from image services.",
    "tables": "Columns of the results.",
    "recalibration": "Choose sources to label, and recalibrate a survey with the labels.",
    "report": "Tables of evaluations in Markdown, CSV and text; HTML reports.",
    "outputs": "Read the outputs of a network with numpy.",
    "samples": "Three simulated maps that come with the package.",
    "errors": "The error of a wrong input.",
}
"""Public packages, in the order *read, prepare, classify, explain*."""


_WITHOUT_CONTENTS = ["---", "html_theme.sidebar_secondary.remove: true", "---", ""]
"""Front matter of a page whose wide tables take the place of its list of contents."""


def write_reference(source: Path) -> None:
    """Write the generated pages into `reference/generated`, and copy the notebooks."""
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
    parts = [
        "# Commands",
        "",
        "Every command prints this text with `--help`. `astroattn` comes with the package. Run the "
        "commands that begin with `python -m` in a checkout of the repository.",
        "",
    ]
    for program, module in COMMANDS.items():
        app = importlib.import_module(module).app
        text = app.generate_docs(heading_level=2, usage_name=program, flatten_commands=True)
        parts += [_tidied(text, program), ""]
    return "\n".join(parts)


def _tidied(text: str, program: str) -> str:
    """Return the text of cyclopts for one program, with its subcommands one heading lower.

    Left out are the list of subcommands, which the page's own contents show, and defaults that say
    nothing. An option stands in one line.
    """
    text = re.sub(r"^## Table of Contents$.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(rf"^## (?={re.escape(program)} )", "### ", text, flags=re.MULTILINE)
    text = text.replace(f"{program} {program.removeprefix('python ')}", program)
    text = re.sub(r" \*\[default: (?:False|\(\)|\[\])\]\*", "", text)
    return re.sub(r"(?<=\S)\n {4,}(?=\S)", " ", text)


def columns_page() -> str:
    """Return every column of the tables of `astroattn classify` and `astroattn survey`."""
    from keras_astroattn.fetch import table
    from keras_astroattn.survey.runs import COMPONENTS, DEC, RA, ROW, SOURCE, plan_field
    from keras_astroattn.tables import COLUMNS, EXPLANATION_COLUMNS, PICTURE

    head = ("column", "meaning", "unit", "type", "UCD")
    results = [
        _column_row(one.name, one.unit, one.dtype, one.ucd, one.description)
        for one in (*COLUMNS, PICTURE)
    ]
    explained = [
        _column_row(one.name, one.unit, one.dtype, one.ucd, one.description)
        for one in EXPLANATION_COLUMNS
    ]
    fetched = [
        _column_row(one.name, one.unit, one.dtype, one.ucd, one.description)
        for one in table.COLUMNS
    ]
    planned = []
    for name in (ROW, RA, DEC, SOURCE, COMPONENTS):
        field = plan_field(name)
        notes = {key.decode(): value.decode() for key, value in field.metadata.items()}
        planned.append(
            _column_row(name, notes["unit"], str(field.type), None, notes["description"])
        )
    return "\n".join(
        [
            *_WITHOUT_CONTENTS,
            "# Columns",
            "",
            "`astroattn classify` writes one row for each image or position. A cell is empty where "
            "the value is not known. For example, only a source that the network classifies has "
            "probabilities.",
            "",
            *_table(head, results),
            "",
            "## Columns of `--explain`",
            "",
            "These columns follow with `astroattn classify --explain`. Only `explanation` is known "
            "where the network gives no class.",
            "",
            *_table(head, explained),
            "",
            "## Columns of a survey",
            "",
            "`astroattn survey` writes one row for each row of the catalogue: the columns of the "
            "catalogue first, then the columns below, then the columns above with the prefix "
            "`aa_`. There is no `aa_name` and no `aa_picture`, and `aa_path` is the tile that the "
            "source was cut from. Only a survey with `--rows source` has `aa_source` and "
            "`aa_components`.",
            "",
            *_table(head, planned),
            "",
            "## Columns of fetched.csv",
            "",
            "`astroattn fetch` writes one row for each source.",
            "",
            *_table(head, fetched),
            "",
        ]
    )


def flags_page() -> str:
    """Return every label and every flag."""
    from keras_astroattn.edge import labels
    from keras_astroattn.images import flags

    *first, last = (f"`{flag}`" for flag in sorted(labels.WITHOUT_CLASS))
    return "\n".join(
        [
            "# Labels and flags",
            "",
            "## Labels",
            "",
            "The column `label` holds one of these words. Instead of a class, the label is "
            f"`uncertain` for a source with the flag {', '.join(first)} or {last}, and for a "
            "source of `--detect` with the flag `confused`. "
            "[Use the labels](../../how-to/use-the-labels.md) says what to do with each label.",
            "",
            *_table(("label", "meaning"), _described(labels.DESCRIPTIONS)),
            "",
            "## Flags",
            "",
            "The column `flags` holds the flags of an unusual image, separated by semicolons. "
            "Sigma is the noise of the map.",
            "",
            *_table(("flag", "meaning"), _described(flags.DESCRIPTIONS)),
            "",
        ]
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
    """Return the page of the public names of a package."""
    name = f"keras_astroattn.{package}"
    module = importlib.import_module(name)
    lines = [f"# {name}", "", purpose, ""]
    for public in sorted(_public_names(module)):
        value = getattr(module, public)
        if isinstance(value, type(importlib)):
            continue
        options = []
        if isinstance(value, types.GenericAlias):  # the docstring of an alias is that of its type
            directive = f".. py:currentmodule:: {name}\n\n.. py:type:: {public}"
            options = [f"   :canonical: {value}"]
        elif isinstance(value, type) and issubclass(value, Exception):
            directive = f".. py:currentmodule:: {name}\n\n.. py:exception:: {public}"
            options = ["", *(f"   {line}" for line in inspect.getdoc(value).splitlines())]
        elif isinstance(value, type):
            directive = f".. autoclass:: {name}.{public}"
        elif callable(value):
            directive = f".. autofunction:: {name}.{public}"
        else:
            directive = f".. autodata:: {_assigned_in(name, public)}.{public}"
            if len(repr(value)) > 60:
                options = ["   :no-value:"]
        lines += ["```{eval-rst}", directive, *options, "```", ""]
    return "\n".join(lines)


def _public_names(module) -> list[str]:
    """Return the names of `__all__`, or else the public names that a module defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    text = Path(module.__file__).read_text(encoding="utf-8")
    return re.findall(r"^(?:def |class )?([A-Za-z]\w*)(?=\(| = )", text, re.MULTILINE)


def _assigned_in(package: str, constant: str) -> str:
    """Return the module of a package that assigns a constant: its description stands there."""
    paths = getattr(importlib.import_module(package), "__path__", None)
    if paths is None:
        return package
    folder = Path(paths[0])
    for path in sorted(folder.rglob("*.py")):
        if re.search(rf"^{constant}\b.*=", path.read_text(encoding="utf-8"), re.MULTILINE):
            inside = path.relative_to(folder).with_suffix("").parts
            return ".".join((package, *(part for part in inside if part != "__init__")))
    return package


def _column_row(
    name: str, unit: str | None, kind: str, ucd: str | None, meaning: str
) -> tuple[str, ...]:
    kind = {"str": "text", "float64": "number", "double": "number"}.get(kind, kind)
    kind = "integer" if kind.startswith("int") else kind
    return f"`{name}`", _sentence(meaning), unit or "", kind, f"`{ucd}`" if ucd else ""


def _described(descriptions: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", _sentence(meaning)) for name, meaning in descriptions.items()]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(head), _row("---" for _ in head), *map(_row, rows)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _demoted(markdown: str) -> str:
    """Put headings one level lower."""
    return "\n".join("#" + line if line.startswith("#") else line for line in markdown.splitlines())


def _copy_if_changed(notebooks: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in notebooks.glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        copy = target / path.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")
