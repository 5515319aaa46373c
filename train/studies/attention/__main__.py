"""`python -m train.studies.attention`."""

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

from keras_astroattn.cli.app import run_app
from keras_astroattn.datasets import load_sources
from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import flux_patches
from keras_astroattn.evaluation.intervals import bootstrap_weights, percentile_interval
from keras_astroattn.files import write_text
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.models import attention_model
from keras_astroattn.plots import (
    deletion_figure,
    equivariance_figure,
    patches_figure,
    reading_figure,
    save_figure,
)
from keras_astroattn.report import csv_table

from .document import document
from .measure import (
    ATTENTION,
    BRIGHTNESS,
    EVIDENCE,
    GRAD_CAM,
    RANDOM,
    SEED,
    Measured,
    Network,
    deletion_orders,
    gradients,
    measure,
    open_network,
    rank,
    read,
)
from .records import Tables, accuracy, groups, same_class, tabulate

SHARES = np.linspace(0, 1, 41)
MARKS = ("<!-- figures of the command -->", "<!-- end of the figures -->")
"""In a document: what stands between them is made by this command."""

SHOWN = slice(40, 110)
"""Rows and columns of an image that patches are shown of."""

SIMULATED = 7
"""Which simulated sources are shown: the first two of either class from here."""

DOCUMENTED = ("moves", "deletion", "simulated_patches", "simulated_maps")
"""Figures that show no real source, and may go into a document."""

FORMAT = 1
"""Of what is kept of a network; a change makes it be measured again."""

app = cyclopts.App(
    name="python -m train.studies.attention",
    help="What attention does: goes along with a source, lies on it, marks what is needed.",
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
    """Measure the attention of networks on the sources of a split, and write tables and figures.

    What has been measured is kept in the output folder, and measured again when the network, the
    sources or the options are others.

    Parameters
    ----------
    models
        Presets, .keras files, folders of training runs, or the paper's checkpoints; TITLE=MODEL
        gives one another title. By default `agcnn_mirabest`.
    data
        Name of the data set.
    split
        train, test or all.
    data_dir
        Folder of the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`.
    output
        Folder of the tables and figures; some of the figures show sources of the data set.
    patches
        Patches that the flux of an image is cut into.
    draws
        Random orders of deletion.
    limit
        Measure only so many sources, evenly spread over the split.
    document_path
        Markdown file whose part between two marks is to be replaced by the tables; the first
        network's figures, those without real sources, go to `images/` beside it.
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
            told = _kept(kept, decides)
            if told is None:
                task = progress.add_task(network.title, total=1.0)
                measured = measure(
                    network,
                    sources.image,
                    sources.label,
                    patches,
                    draws,
                    lambda share, task=task: progress.update(task, completed=share),
                )
                told = tabulate(measured)
                _save_figures(measured, sources.image, output)
                write_text(kept, json.dumps({"decides": decides, "tables": asdict(told)}))
            tables.append(told)
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
    """What an earlier call found of the same network, sources and options."""
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Tables(**found["tables"]) if found["decides"] == decides else None


def _save_figures(measured: Measured, images: np.ndarray, output: Path) -> None:
    network = measured.network
    rows = [np.flatnonzero(measured.labels == label)[:2] for label in range(len(CLASS_NAMES))]
    rows = np.concatenate(rows)
    shown = _examples(network, images[rows], measured.labels[rows])
    for name, figure in (_figures(measured) | shown).items():
        save_figure(figure, output / f"{network.slug}_{name}")


def _figures(measured: Measured) -> dict:
    """Figures that show no real source, by name."""
    made = [simulate(2, SEED, SIMULATED, label) for label in range(len(CLASS_NAMES))]
    images, labels = (
        np.concatenate([getattr(one, what) for one in made]) for what in ("image", "label")
    )
    examples = _examples(measured.network, images, labels)
    return {
        "moves": _moves(measured),
        "deletion": _deletion(measured),
        "simulated_patches": examples["patches"],
        "simulated_maps": examples["maps"],
    }


def _moves(measured: Measured):
    by_group = groups(measured)
    followed, stayed = (
        {
            name: [
                np.mean([getattr(one, what)[name] for one in several])
                for several in by_group.values()
            ]
            for name in measured.maps
        }
        for what in ("followed", "stayed")
    )
    shares = {
        "right": [accuracy(measured, several) for several in by_group.values()],
        "the same as unmoved": [same_class(measured, several) for several in by_group.values()],
    }
    return equivariance_figure(list(by_group), followed, stayed, shares)


def _deletion(measured: Measured):
    panels = {}
    chosen = {"all": np.ones(len(measured.labels), bool)}
    chosen |= {
        f"called {name}": measured.predicted == label for label, name in enumerate(CLASS_NAMES)
    }
    for title, rows in chosen.items():
        if not rows.any():
            continue
        weights = bootstrap_weights(measured.labels[rows], 1000, SEED)
        curves = {}
        for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM):
            values = measured.curves(order, SHARES)[rows]
            samples = weights @ values / rows.sum()
            low, high = np.array([percentile_interval(one) for one in samples.T]).T
            curves[order] = (values.mean(axis=0), low, high)
        panels[f"{title} ({rows.sum()})"] = curves
    return deletion_figure(SHARES, panels)


def _examples(network: Network, images: np.ndarray, labels: np.ndarray) -> dict:
    """Maps of some sources, and the order in which they have the patches deleted."""
    classes, maps = read(attention_model(network.model), images)
    maps |= gradients(network.model, images, classes)
    parts = np.stack([flux_patches(image) for image in images])
    orders = deletion_orders(rank(images, parts, maps))
    cut = (slice(None), SHOWN, SHOWN)
    shown = {title: orders[title] for title in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS)}
    return {
        "patches": patches_figure(images[cut], parts[cut], shown, labels),
        "maps": reading_figure(images, maps, labels),
    }


def _around(path: Path) -> tuple[str, str]:
    """What stands before and after the marks of a document.

    Raises:
        InputError: There is no such document, or it has no marks.
    """
    whole = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, found, rest = whole.partition(MARKS[0])
    _, ended, after = rest.partition(MARKS[1])
    if not (found and ended):
        raise InputError(f"{path} has no lines {MARKS[0]} and {MARKS[1]}: there is no place for it")
    return before, after


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
