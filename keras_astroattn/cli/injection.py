"""`astroattn check --inject`: the selection function of the user's own tiles."""

import hashlib
import importlib.util
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation.intervals import wilson_interval
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.survey.injection import KINDS, POINT, RATIOS, SIZES, Injected, rows_of
from keras_astroattn.survey.response import described_response
from keras_astroattn.tables import Column, batches_of, write_table
from keras_astroattn.version import __version__

if TYPE_CHECKING:
    from keras_astroattn.survey.real_sources import RealSources

SIZE_EDGES = (SIZES[0], 3.0, 5.0, 10.0, 20.0, SIZES[1])
"""Edges of the bins of size, beams."""

RATIO_EDGES = (RATIOS[0], 10.0, 30.0, 100.0, RATIOS[1])
"""Edges of the bins of the peak over noise."""

CONFIDENCE_EDGES = (0.5, 0.8, 0.95, 0.99, 1.0)
"""Edges of the bins of the larger probability."""

# fmt: off
SOURCE_COLUMNS = (
    Column("number", "int64", "number of the injected source", None, "meta.id"),
    Column("kind", "str", "FRI, FRII or point", None, "meta.code.class"),
    Column("size", "float64", "size of the injected source in beams, 0 for a point", None,
           "phys.angSize", digits=".3f"),
    Column("ratio", "float64", "peak over noise of the injected source", None, "stat.snr",
           digits=".2f"),
    Column("tile", "str", "path of the tile", None, "meta.file"),
    Column("ra", "float64", "right ascension, ICRS", "deg", "pos.eq.ra", digits=".6f"),
    Column("dec", "float64", "declination, ICRS", "deg", "pos.eq.dec", digits=".6f"),
    Column("label", "str", "label of the source", None, "meta.code.class"),
    Column("p_fri", "float64", "P(FRI | resolved radio galaxy of either class)", None,
           "stat.probability", digits=".6f"),
    Column("p_frii", "float64", "P(FRII | resolved radio galaxy of either class)", None,
           "stat.probability", digits=".6f"),
    Column("measured_size", "float64", "measured size in beams", None, "phys.angSize",
           digits=".3f"),
    Column("measured_ratio", "float64", "measured peak over noise", None, "stat.snr",
           digits=".2f"),
    Column("flags", "str", "flags that mark unusual images, separated by semicolons", None,
           "meta.code"),
)
"""Columns of the table of injected sources."""

SELECTION_COLUMNS = (
    Column("measure", "str", "completeness, given, purity, confusion or calibration"),
    Column("of", "str", "kind of source, or label, of which the share is taken"),
    Column("size_low", "float64", "least size, beams", digits=".3g"),
    Column("size_high", "float64", "largest size, beams", digits=".3g"),
    Column("ratio_low", "float64", "least peak over noise", None, "stat.snr", digits=".3g"),
    Column("ratio_high", "float64", "largest peak over noise", None, "stat.snr", digits=".3g"),
    Column("sources", "int64", "number of sources", None, "meta.number"),
    Column("share", "float64", "share of these sources", None, "stat.value", digits=".4f"),
    Column("low", "float64", "lower end of the 95 % interval (Wilson)", None, "stat.min",
           digits=".4f"),
    Column("high", "float64", "upper end of the 95 % interval (Wilson)", None, "stat.max",
           digits=".4f"),
    Column("expected", "float64", "mean probability of the label (calibration)", None,
           "stat.probability", digits=".4f"),
)
"""Columns of the selection function."""
# fmt: on


def selection(found: Sequence[Injected]) -> list[dict]:
    """Return the selection function of injected sources, a row for each share.

    The measures are

    - completeness: share of the sources of a class that get its label;
    - given: share of the sources of a class that get any class;
    - purity: share of the sources with a label that are of this class. The mix is that of the
      injection: equal numbers of FRI, FRII and points;
    - confusion: share of the sources of a kind that get the label of another class;
    - calibration: share of the resolved sources with a probability in a bin (bins of
      `CONFIDENCE_EDGES`) whose likelier class is right; `expected` is their mean probability.

    Completeness and given are stated by size and by peak over noise, and for all sources.

    Args:
        found: the sources.
    """
    rows = []
    for kind in CLASS_NAMES:
        own = [one for one in found if one.kind == kind]
        for bounds, some in _cells(own):
            rows.append(_row("completeness", kind, some, lambda o, k=kind: o.label == k, bounds))
            rows.append(_row("given", kind, some, lambda o: o.label in CLASS_NAMES, bounds))
        labelled = [one for one in found if one.label == kind]
        rows.append(_row("purity", kind, labelled, lambda o, k=kind: o.kind == k))
    for kind in KINDS:
        own = [one for one in found if one.kind == kind]
        rows.append(
            _row("confusion", kind, own, lambda o, k=kind: o.label in set(CLASS_NAMES) - {k})
        )
    for low, high in itertools.pairwise(CONFIDENCE_EDGES):
        some = [o for o in found if o.kind != POINT and low <= _confidence(o) < high + (high == 1)]
        expected = float(np.mean([_confidence(one) for one in some])) if some else None
        row = _row("calibration", f"P from {low:g} to {high:g}", some, _is_right)
        rows.append(row | {"expected": expected})
    return rows


def _confidence(one: Injected) -> float:
    return -1.0 if one.p_fri is None else max(one.p_fri, one.p_frii)


def _is_right(one: Injected) -> bool:
    return one.kind == CLASS_NAMES[int(one.p_frii > one.p_fri)]


def _cells(own: Sequence[Injected]) -> list[tuple[tuple, list[Injected]]]:
    """Return the bounds of bins and their sources: all, each size, and each size and ratio."""
    sizes, ratios = (list(itertools.pairwise(e)) for e in (SIZE_EDGES, RATIO_EDGES))
    every = ((SIZE_EDGES[0], SIZE_EDGES[-1]), (RATIO_EDGES[0], RATIO_EDGES[-1]))
    bounds = [every, *((size, every[1]) for size in sizes), *((every[0], r) for r in ratios)]
    bounds += list(itertools.product(sizes, ratios))
    return [
        (
            (size, ratio),
            [o for o in own if size[0] <= o.size <= size[1] and ratio[0] <= o.ratio <= ratio[1]],
        )
        for size, ratio in bounds
    ]


def _row(
    measure: str,
    of: str,
    some: Sequence[Injected],
    is_counted: Callable[[Injected], bool],
    bounds: tuple = ((None, None), (None, None)),
) -> dict:
    count = len(some)
    share = sum(map(is_counted, some)) / count if count else None
    low, high = wilson_interval(share, count) if count else (None, None)
    (size_low, size_high), (ratio_low, ratio_high) = bounds
    return {
        "measure": measure, "of": of, "size_low": size_low, "size_high": size_high,
        "ratio_low": ratio_low, "ratio_high": ratio_high, "sources": count, "share": share,
        "low": low, "high": high, "expected": None,
    }  # fmt: skip


def real_sources(origin: str) -> "RealSources | None":
    """Return the real sources to inject; None for simulated ones.

    Args:
        origin: value of `--inject-from`.

    Raises:
        InputError: MiraBest or TensorFlow Datasets is missing.
    """
    if origin == "simulated":
        return None
    from keras_astroattn.survey.real_sources import load_real_sources

    return load_real_sources(SIZES[0], RATIOS[0])


def require_folder(folder: Path) -> None:
    """Make the folder of the results.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--inject-output {folder} cannot be made: {error.strerror}") from None


def write_injection(
    folder: Path,
    found: Sequence[Injected],
    classifier: Classifier,
    seed: int,
    console: Console,
    origin: str = "simulated",
) -> None:
    """Write the sources, the selection function and its figure, and print a summary.

    Args:
        folder: existing folder for `sources.csv`, `selection.csv`, `selection.json` and, with
            matplotlib, `selection.png`.
        found: the injected sources.
        classifier: the network.
        seed: seed of the injection.
        console: console for the summary.
        origin: origin of the sources, a value of `--inject-from`.

    Raises:
        InputError: A file is not writable.
    """
    rows = selection(found)
    stated = {
        "version": __version__,
        "model": classifier.name,
        "model_sha256": hashlib.sha256(classifier.model.content).hexdigest(),
        "sources": len(found),
        "from": origin,
        "seed": seed,
        "tiles": sorted({one.tile for one in found}),
        "selection": rows,
        "response": described_response(found),
    }
    try:
        for name, columns, values in (
            ("sources.csv", SOURCE_COLUMNS, rows_of(found)),
            ("selection.csv", SELECTION_COLUMNS, rows),
        ):
            write_table(folder / name, columns, batches_of(columns, values))
        write_text(folder / "selection.json", json.dumps(stated, indent=1) + "\n")
        if importlib.util.find_spec("matplotlib") is not None:
            from keras_astroattn.plots.selection import selection_figure

            with atomic_path(folder / "selection.png") as temporary:
                selection_figure(rows).savefig(temporary, format="png", dpi=200)
    except OSError as error:
        raise InputError(
            f"--inject-output {folder} cannot be written: {error.strerror or error}"
        ) from None
    console.print(_summary(rows, len(found)), markup=False)
    console.print(f"{folder}: sources.csv, selection.csv, selection.json, selection.png")


def _summary(rows: Sequence[dict], count: int) -> Table:
    table = Table(show_header=False, title=f"{count} injected sources")
    texts = {
        "given": "{} with a class",
        "completeness": "{} labelled {}",
        "purity": "labelled {} that are {}",
        "confusion": "{} with the label of another class",
    }
    for measure, text in texts.items():
        for row in rows:
            if row["measure"] == measure and row["ratio_low"] in (None, RATIO_EDGES[0]):
                is_whole = (row["size_low"], row["size_high"]) in (SIZES, (None, None))
                if is_whole and row["ratio_high"] in (None, RATIO_EDGES[-1]):
                    table.add_row(text.format(row["of"], row["of"]), _share(row))
    return table


def _share(row: dict) -> str:
    if row["share"] is None:
        return "-"
    return f"{row['share']:.0%} of {row['sources']} ({row['low']:.0%} to {row['high']:.0%})"
