"""`astroattn info`: show the metadata of a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich import box
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import DEFAULT_PRESET, Classifier, list_presets
from keras_astroattn.edge.labels import UNCERTAIN, UNRESOLVED
from keras_astroattn.edge.thresholds import NEVER, Cell, ClassThresholds, range_names
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.process import quiet_native_logs


def info(
    model: str = DEFAULT_PRESET,
    *,
    as_json: Annotated[bool, Parameter("--json", negative="")] = False,
) -> None:
    """Show the metadata of a model: its network, training data, calibration, and terms of use.

    Args:
        model: Name of a preset, or path of a .tflite file.
        as_json: Print the metadata as JSON.
    """
    with quiet_native_logs():
        classifier = Classifier(model)
    opened = classifier.model
    if as_json:
        print(json.dumps(dict(opened.metadata), indent=1))
        return
    console = Console()
    title = f"{opened.name} ({len(opened.content) / 1024:.0f} KiB)"
    console.print(_metadata_table(title, opened.metadata), markup=False)
    if classifier.rules.thresholds is not None:
        _print_thresholds(console, classifier.rules.thresholds)
    card = Path(opened.path).with_suffix(".md")
    if card.exists():
        console.print(f"model card: {card}", highlight=False, soft_wrap=True)
    presets = ", ".join(list_presets()) or "none"
    console.print(f"presets: {presets}", highlight=False, soft_wrap=True)


def _metadata_table(title: str, metadata: Mapping[str, Any]) -> Table:
    """Return a table of the metadata without the thresholds, which have tables of their own."""
    table = Table(title=title, show_header=False)
    for name, value in metadata.items():
        if name == "labels" and isinstance(value, Mapping):
            value = {key: one for key, one in value.items() if key != "thresholds"}
        shown = value if isinstance(value, str) else json.dumps(value)
        table.add_row(name.replace("_", " "), shown)
    return table


def _print_thresholds(console: Console, thresholds: ClassThresholds) -> None:
    """Print a table of the least probabilities for each range of the number of neighbours."""
    for crowd, cells in zip(range_names(thresholds.neighbours), thresholds.cells, strict=True):
        console.print(f"\nLeast probability of each class, {crowd} neighbours:", highlight=False)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_lines=True)
        for name in (
            "size,\nbeams",
            *(f"S/N\n{ratio}" for ratio in range_names(thresholds.ratios)),
        ):
            table.add_column(name, no_wrap=True)
        for size, row in zip(range_names(thresholds.sizes), cells, strict=True):
            table.add_row(size, *map(_cell_text, row))
        console.print(table)
    text = (
        "\nThe size is that of the certain part of the source. A source below the least "
        f"probability is {UNCERTAIN}."
    )
    chosen = f" The probabilities were chosen with {thresholds.fitted_on}."
    console.print(text + (chosen if thresholds.fitted_on else ""), markup=False, highlight=False)


def _cell_text(cell: Cell) -> str:
    if cell is None:
        return UNRESOLVED
    least = ("never" if p == NEVER else f"{p:.2f}" if p < 0.99 else f"{p:.4f}" for p in cell)
    return "\n".join(f"{name} {p}" for name, p in zip(CLASS_NAMES, least, strict=True))
