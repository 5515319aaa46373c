"""The command `python -m train.studies.attention`."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import Progress

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.models import images_seen_by
from keras_astroattn.report import csv_table
from train.cross_validation import FOLDS, held_out_rows

from .document import document
from .figures import DOCUMENTED, save_figures
from .measure import TitledNetwork, measure, open_network
from .measured import pooled
from .records import Tables, tabulate
from .region_perturbation import INSTALL, has_quantus

FOLDED = "mirabest-confident"
"""Data set whose sources `train.cross_validation` divides into parts."""

MARKS = ("<!-- figures of the command -->", "<!-- end of the figures -->")
"""Lines of a document between which the command writes its tables."""

FORMAT = 3
"""Format of the kept results; after a change, networks are measured again."""

app = new_app(
    name="python -m train.studies.attention",
    help="Measure whether maps follow a source, lie on it, and mark what the class depends on.",
)


@app.default
def benchmark(
    *models: str,
    data: str = "mirabest-confident",
    split: Literal["train", "test", "all"] | None = None,
    fold: list[int] | None = None,
    data_dir: Path | None = None,
    output: Path = Path("runs/benchmark-attention"),
    patches: Annotated[int, Parameter(validator=Number(gte=2))] = 10,
    draws: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    limit: Annotated[int | None, Parameter(validator=Number(gte=2))] = None,
    quantus: bool = True,
    document_path: Annotated[Path | None, Parameter(name="--document")] = None,
    figures: Path | None = None,
) -> None:
    """Measure the maps of networks on a data set, and write tables and figures.

    The output folder keeps the results. They are measured again if the networks, the sources or
    the options change.

    Args:
        models: Presets, .keras files, folders of training runs, or checkpoints of the paper;
            TITLE=MODEL sets the title of a network. Several networks of one title, such as
            several seeds, are averaged. By default `agcnn_mirabest`.
        data: Name of the data set.
        split: Sources that are measured. By default `test`, and `train` with `--fold`.
        fold: Measure each network on the sources that this part of `train.cross_validation` holds
            out, 0 to 4: one number for all networks, or one for each.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        output: Folder of the tables and figures. Some figures show sources of the data set.
        patches: Number of patches that the flux of an image is divided into, of groups of pixels
            in pixel flipping, and of squares in region perturbation.
        draws: Number of random orders of deletion.
        limit: Measure only this many sources for each network, evenly spread over them.
        quantus: Measure region perturbation, where Quantus is installed.
        document_path: Markdown file in which the tables replace the part between two marks.
        figures: Folder of the document's figures, those of the first network that show no real
            source; by default `images/` next to the document.
    """
    console = Console(stderr=True)
    if document_path is not None:
        _around(document_path)
    if quantus and not has_quantus():
        quantus = False
        console.print(f"region perturbation is left out: it needs Quantus ({INSTALL})")
    split = split or ("test" if fold is None else "train")
    groups = _by_title(models or ("agcnn_mirabest",), data, split, fold, data_dir, limit)
    output.mkdir(parents=True, exist_ok=True)
    tables = []
    with Progress(console=console) as progress:
        for title, pairs in groups.items():
            decides = [FORMAT, title, data, split, patches, draws, quantus]
            decides += [
                [network.fingerprint(), sources.checksum, sources.name.tolist()]
                for network, sources in pairs
            ]
            kept = output / f"{_stem(title)}.json"
            found = _kept(kept, decides)
            if found is None:
                task = progress.add_task(title, total=float(len(pairs)))
                several = [
                    measure(
                        network,
                        sources.image,
                        sources.label,
                        sources.name,
                        patches,
                        draws,
                        quantus,
                        lambda share, done=done, task=task: progress.update(
                            task, completed=done + share
                        ),
                    )
                    for done, (network, sources) in enumerate(pairs)
                ]
                measured = pooled(several)
                found = tabulate(measured)
                network, sources = pairs[0]
                save_figures(measured, network, sources.image, sources.label, _stem(title), output)
                write_text(kept, json.dumps({"decides": decides, "tables": asdict(found)}))
            tables.append(found)
    held_out = "" if fold is None else f", held out in part {', '.join(map(str, fold))}"
    text = document(tables, f"`{data}`, {split}{held_out}")
    write_text(output / "attention.md", text)
    for name in ("equivariance", "regions", "faithfulness"):
        rows = [row for one in tables for row in getattr(one, name)]
        write_text(output / f"{name}.csv", csv_table(rows))
    if document_path is not None:
        before, after = _around(document_path)
        write_text(document_path, f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{after}")
        folder = document_path.parent / "images" if figures is None else figures
        folder.mkdir(parents=True, exist_ok=True)
        for name in DOCUMENTED:
            shutil.copyfile(
                output / f"{_stem(tables[0].title)}_{name}.png", folder / f"attention_{name}.png"
            )
    console.print(f"{output / 'attention.md'} written", highlight=False)


def _by_title(
    models: Sequence[str],
    data: str,
    split: str,
    fold: list[int] | None,
    data_dir: Path | None,
    limit: int | None,
) -> dict[str, list[tuple[TitledNetwork, Sources]]]:
    """By title: each network and the sources that it is measured on, as it sees them.

    Raises:
        InputError: a network or the sources cannot be read; there are not as many parts as
            networks; or nothing is left to measure.
    """
    parts = [None] * len(models) if fold is None else fold * (len(models) if len(fold) == 1 else 1)
    if len(parts) != len(models):
        raise InputError(
            f"--fold is given {len(fold)} times for {len(models)} networks: "
            "give it once, or once for each"
        )
    found: dict[str, list[tuple[TitledNetwork, Sources]]] = {}
    chosen = {part: _sources(data, split, part, data_dir, limit) for part in set(parts)}
    for named, part in zip(models, parts, strict=True):
        network = open_network(named)
        sources = chosen[part]
        seen = replace(sources, image=images_seen_by(network.model, sources.image))
        found.setdefault(network.title, []).append((network, seen))
    return found


def _sources(
    data: str, split: str, part: int | None, data_dir: Path | None, limit: int | None
) -> Sources:
    if part is None:
        sources = load_sources(data, split, data_dir)
    else:
        if data != FOLDED or not 0 <= part < FOLDS:
            raise InputError(f"--fold must be 0 to {FOLDS - 1}, with --data {FOLDED}; got {part}")
        sources = load_sources(data, "all", data_dir)
        sources = sources.select(held_out_rows(sources, "folds")[part])
        if split != "all":
            sources = sources.select(sources.split == split)
    sources = sources.select(sources.image.any(axis=(1, 2)))
    if limit is not None and limit < len(sources):
        sources = sources.select(np.linspace(0, len(sources) - 1, limit).astype(int))
    return sources


def _stem(title: str) -> str:
    """The title as a part of file names."""
    return "".join(one if one.isalnum() else "_" for one in title)


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
