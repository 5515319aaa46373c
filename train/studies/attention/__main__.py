"""The command `python -m train.studies.attention`."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import Progress

from keras_astroattn.command import run_app
from keras_astroattn.datasets import load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.report import csv_table

from .document import document
from .figures import DOCUMENTED, save_figures
from .measure import measure, open_network
from .records import Tables, tabulate

MARKS = ("<!-- figures of the command -->", "<!-- end of the figures -->")
"""Lines of a document between which the command writes its tables."""

FORMAT = 1
"""Format of the kept results; after a change, networks are measured again."""

app = cyclopts.App(
    name="python -m train.studies.attention",
    help="Measure whether attention follows a source, lies on it, and marks what the class needs.",
    version_flags=[],
)


@app.default
def benchmark(
    *models: str,
    data: str = "mirabest-confident",
    split: str = "test",
    data_dir: Path | None = None,
    output: Path = Path("runs/benchmark-attention"),
    patches: Annotated[int, Parameter(validator=Number(gte=2))] = 10,
    draws: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    limit: Annotated[int | None, Parameter(validator=Number(gte=2))] = None,
    document_path: Annotated[Path | None, Parameter(name="--document")] = None,
) -> None:
    """Measure the attention of networks on a data set, and write tables and figures.

    The output folder keeps the results. They are measured again if the network, the sources or
    the options change.

    Args:
        models: Presets, .keras files, folders of training runs, or checkpoints of the paper;
            TITLE=MODEL sets the title of a network. By default `agcnn_mirabest`.
        data: Name of the data set.
        split: `train`, `test` or `all`.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        output: Folder of the tables and figures. Some figures show sources of the data set.
        patches: Number of patches that the flux of an image is divided into.
        draws: Number of random orders of deletion.
        limit: Measure only this many sources, evenly spread over the split.
        document_path: Markdown file in which the tables replace the part between two marks. The
            figures of the first network that show no real source go to `images/` next to it.
    """
    console = Console(stderr=True)
    if document_path is not None:
        _around(document_path)
    sources = load_sources(data, split, data_dir)
    if limit is not None:
        sources = sources.select(np.linspace(0, len(sources) - 1, limit).astype(int))
    sources = sources.select(sources.image.any(axis=(1, 2)))
    networks = [open_network(name) for name in models or ("agcnn_mirabest",)]
    output.mkdir(parents=True, exist_ok=True)
    tables = []
    with Progress(console=console) as progress:
        for network in networks:
            decides = [FORMAT, network.fingerprint(), network.title, sources.checksum, data, split]
            decides += [sources.name.tolist(), patches, draws]
            kept = output / f"{network.slug}.json"
            found = _kept(kept, decides)
            if found is None:
                task = progress.add_task(network.title, total=1.0)
                measured = measure(
                    network,
                    sources.image,
                    sources.label,
                    patches,
                    draws,
                    lambda share, task=task: progress.update(task, completed=share),
                )
                found = tabulate(measured)
                save_figures(measured, sources.image, output)
                write_text(kept, json.dumps({"decides": decides, "tables": asdict(found)}))
            tables.append(found)
    text = document(tables, f"`{data}`, {split}")
    write_text(output / "attention.md", text)
    for name in ("moves", "regions", "deletion"):
        rows = [row for one in tables for row in getattr(one, name)]
        write_text(output / f"{name}.csv", csv_table(rows))
    if document_path is not None:
        before, after = _around(document_path)
        write_text(document_path, f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{after}")
        for name in DOCUMENTED:
            target = document_path.parent / "images" / f"attention_{name}.png"
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(output / f"{networks[0].slug}_{name}.png", target)
    console.print(f"{output / 'attention.md'} written", highlight=False)


def _kept(path: Path, decides: list) -> Tables | None:
    """Return the result of an earlier call for the same network, sources and options."""
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Tables(**found["tables"]) if found["decides"] == decides else None


def _around(path: Path) -> tuple[str, str]:
    """Return the text before and after the marks of a document.

    Raises:
        InputError: there is no such document, or it has no marks.
    """
    whole = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, found, rest = whole.partition(MARKS[0])
    _, ended, after = rest.partition(MARKS[1])
    if not (found and ended):
        raise InputError(
            f"{path} has no lines {MARKS[0]} and {MARKS[1]}: add them where the tables belong"
        )
    return before, after


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
