"""`astroattn info`: show the metadata of a model."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import DEFAULT_PRESET, Classifier, list_presets
from keras_astroattn.process import quiet_native_logs


def info(
    model: str = DEFAULT_PRESET, *, as_json: Annotated[bool, Parameter("--json")] = False
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
    table = Table(title=f"{opened.name} ({len(opened.content) / 1024:.0f} KiB)", show_header=False)
    for name, value in opened.metadata.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        table.add_row(name.replace("_", " "), shown)
    console = Console()
    console.print(table, markup=False)
    card = Path(opened.path).with_suffix(".md")
    if card.exists():
        console.print(f"model card: {card}", highlight=False, soft_wrap=True)
    presets = ", ".join(list_presets()) or "none"
    console.print(f"presets: {presets}", highlight=False, soft_wrap=True)
