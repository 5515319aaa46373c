"""Positions of attention on the images, compared with gradient maps of the same images."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_astroattn.evaluation import (
    GRADIENT_METHODS,
    AttentionStatistics,
    attention_statistics,
    gradient_maps,
    pairwise_agreement,
)
from keras_astroattn.models import full_model, images_seen_by
from keras_astroattn.plots import enrichment_figure, source_maps_figure
from keras_astroattn.report import Record, csv_table, markdown_table

from ..predictions import read_arrays, save_arrays
from ..sources import DATA_TITLES
from ..studies.attention.maps import read_maps
from .catalogue import Entry
from .published_results import AGGREGATIONS, NORMALIZATIONS, is_second_training
from .session import Session

FORMAT = 1
"""Format of the kept summaries; after a change, networks are read again."""

IMAGES_AT_ONCE = 16
"""Number of images whose maps are in memory at a time."""

MAPS = ("gate 1", "gate 2", "gate 3", "mean", *GRADIENT_METHODS)
"""Names of all maps that a network can have."""

STRETCH, SOFTMAX_STRETCH = 0.5, 0.25
"""Exponents of the colour scale: a softmax puts nearly all attention on a few pixels."""

STATISTICS = ("share", "area", "preference", "radius", "source_radius")

REMARKS = (
    "Each original image is predicted once, by itself. The maps of the gates and their mean show "
    "which pixels the network let pass. Grad-CAM, Grad-CAM++ (both of the gating signal) and "
    "saliency show the gradients of the predicted class.",
    "Share (relevance mass): part of a map above its own minimum that lies on the source. "
    "Enrichment: share over the source's part of the image, median over images; it is 1 for a "
    "map that does not depend on the source. Preference: probability that a pixel of the source "
    "is above a pixel of the sky. Radius: root-mean-square distance from the source's centre, "
    "with the same radius of the source's flux. Correlations are taken over the pixels of an "
    "image and averaged over images.",
    "A network *attends the zero-space*, in the paper's words, if the median enrichment of its "
    "mean attention map is below 1: in most images, a pixel of empty sky has more attention than "
    "a pixel of the source.",
)


@dataclass(frozen=True)
class MapSummary:
    """Statistics of the maps of one network over n images.

    Attributes:
        entry: the network.
        statistics: statistics by map: `gate 1`, ..., `mean`, and `GRADIENT_METHODS`.
        agreement: (k, k, n) correlation of every pair of these maps in each image, NaN
            for a constant map.
        examples: (m, h, w) maps of the example images, by map.
        example_enrichment: (m,) enrichment of these maps, by map.
    """

    entry: Entry
    statistics: dict[str, AttentionStatistics]
    agreement: np.ndarray
    examples: dict[str, np.ndarray]
    example_enrichment: dict[str, np.ndarray]

    @property
    def attends_zero_space(self) -> bool:
        """Whether the mean attention map prefers the empty sky; False without gates."""
        return "mean" in self.statistics and self.statistics["mean"].attends_zero_space

    @property
    def gates_on_zero_space(self) -> list[str]:
        """Names of the gates whose maps prefer the empty sky."""
        return [
            name
            for name, one in self.statistics.items()
            if name.startswith("gate") and one.attends_zero_space
        ]

    def mean_agreement(self, first: str, second: str) -> float:
        """Return the mean correlation of two maps over images in which both vary; NaN if none."""
        names = list(self.statistics)
        values = self.agreement[names.index(first), names.index(second)]
        values = values[~np.isnan(values)]
        return float(values.mean()) if len(values) else float("nan")


def run(session: Session) -> None:
    """Measure the maps of every network, and draw those of two images."""
    summaries = [summary_of(session, entry) for entry in sorted(session.entries, key=_order)]
    rows = [row for one in summaries for row in _rows(one)]
    session.write("results.csv", csv_table(rows))
    session.write("results.md", _markdown(summaries, rows))
    for one in summaries:
        if one.attends_zero_space:
            session.say(f"{one.entry.name} attends the zero-space (the empty sky)")
    # Grad-CAM++ would hide Grad-CAM, because the two nearly agree.
    names = [name for name in MAPS if name != "Grad-CAM++"]
    names = [name for name in names if any(name in one.statistics for one in summaries)]
    figure = enrichment_figure(
        {
            name: [
                float(np.median(one.statistics[name].enrichment))
                if name in one.statistics
                else np.nan
                for one in summaries
            ]
            for name in names
        },
        [_title(one.entry) for one in summaries],
    )
    session.save(figure, "enrichment")
    for one in summaries:
        examples = session.examples(one.entry.data)
        figure = source_maps_figure(
            examples.image,
            one.examples,
            examples.label,
            session.example_names(one.entry.data),
            one.example_enrichment,
            gamma=SOFTMAX_STRETCH if one.entry.normalization == "softmax" else STRETCH,
        )
        session.save(figure, f"maps_{one.entry.name}".replace("/", "_"))


def _order(entry: Entry) -> tuple:
    """Sort as the paper does: data sets, then the grid, then other networks."""

    def place(name: str, known: tuple[str, ...]) -> tuple:
        return (known.index(name), "") if name in known else (len(known), name)

    return (
        place(entry.data, tuple(DATA_TITLES)),
        -entry.gates,
        place(entry.normalization, NORMALIZATIONS),
        place(entry.aggregation, AGGREGATIONS),
        entry.experiment or 0,
        entry.seed,
        entry.name,
    )


def summary_of(session: Session, entry: Entry) -> MapSummary:
    """Return the summary of a network's maps on its data set, kept or computed."""
    sources = session.sources(entry.data)
    decides = [
        FORMAT,
        entry.fingerprint(),
        entry.data,
        sources.checksum,
        session.config.split,
        session.example_names(entry.data),
    ]
    path = session.kept_file(f"{entry.name}-{session.config.split}-attention", decides)
    summary = kept(path, entry)
    if summary is None:
        session.say(f"measuring {entry.name}")
        images = sources.image
        blank = ~images.any(axis=(1, 2))
        if blank.any():
            session.say(f"{blank.sum()} empty images left out: they show no source")
        summary = summarize_maps(entry, images[~blank], session.examples(entry.data).image)
        with session.writing():
            keep(path, summary)
    return summary


def summarize_maps(entry: Entry, images: np.ndarray, examples: np.ndarray) -> MapSummary:
    """Compute and measure the maps of a network.

    Args:
        entry: the network.
        images: (n, h, w) uint8, whole frames, none empty.
        examples: (m, h, w) uint8, whole frames, the images whose maps are kept.

    Returns:
        The summary.
    """
    network = entry.load()
    images, examples = (images_seen_by(network, some) for some in (images, examples))
    statistics: dict[str, list[AttentionStatistics]] = {}
    agreement = []
    for some, maps in _maps(network, images):
        for name, one in maps.items():
            statistics.setdefault(name, []).append(attention_statistics(some, one))
        agreement.append(pairwise_agreement(maps, some.shape[1:]))
    ((_, shown),) = _maps(network, examples)
    # The compiled graphs of dozens of networks would fill the memory.
    keras.backend.clear_session()
    return MapSummary(
        entry=entry,
        statistics={name: _joined(parts) for name, parts in statistics.items()},
        agreement=np.concatenate(agreement, axis=-1),
        examples=shown,
        example_enrichment={
            name: attention_statistics(examples, one).enrichment for name, one in shown.items()
        },
    )


def _maps(
    network: keras.Model, images: np.ndarray
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yield some images at a time, with their maps by name."""
    with_maps = full_model(network)
    for start in range(0, len(images), IMAGES_AT_ONCE):
        some = images[start : start + IMAGES_AT_ONCE]
        classes, maps = read_maps(with_maps, some)
        yield some, maps | gradient_maps(network, some, classes)


def _joined(parts: list[AttentionStatistics]) -> AttentionStatistics:
    return AttentionStatistics(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in STATISTICS)
    )


def keep(path: Path, summary: MapSummary) -> None:
    """Write the summary of a network's maps as one compressed file."""
    arrays = {"names": np.array(list(summary.statistics)), "agreement": summary.agreement}
    for name, one in summary.statistics.items():
        arrays[f"{name}/statistics"] = np.stack([getattr(one, each) for each in STATISTICS])
        arrays[f"{name}/examples"] = summary.examples[name]
        arrays[f"{name}/enrichment"] = summary.example_enrichment[name]
    save_arrays(path, arrays)


def kept(path: Path, entry: Entry) -> MapSummary | None:
    """Read a summary that `keep` wrote; None if the file is missing or damaged."""
    arrays = read_arrays(path)
    if arrays is None:
        return None
    names = arrays["names"].tolist()
    return MapSummary(
        entry,
        {name: AttentionStatistics(*arrays[f"{name}/statistics"]) for name in names},
        arrays["agreement"],
        {name: arrays[f"{name}/examples"] for name in names},
        {name: arrays[f"{name}/enrichment"] for name in names},
    )


def _title(entry: Entry) -> str:
    second = ", second training" if is_second_training(entry) else ""
    return f"{DATA_TITLES[entry.data]}: {entry.configuration}{second}"


def _rows(one: MapSummary) -> list[Record]:
    rows = []
    for name, statistics in one.statistics.items():
        summary = statistics.summary()
        row = one.entry.columns() | {"map": name, "images": len(statistics.share)}
        row |= {key: value for key, value in summary.items() if key != "attends_zero_space"}
        row["attends_zero_space"] = "yes" if summary["attends_zero_space"] else "no"
        for other in MAPS:
            known = other in one.statistics
            row[f"correlation_{other}".replace(" ", "_")] = (
                one.mean_agreement(name, other) if known else ""
            )
        rows.append(row)
    return rows


def _markdown(summaries: list[MapSummary], rows: list[Record]) -> str:
    text = "# Where attention lies\n\n" + "".join(f"{remark}\n\n" for remark in REMARKS)
    text += "## Attending the zero-space\n\n"
    gated = [one for one in summaries if "mean" in one.statistics]
    found = [one for one in gated if one.attends_zero_space]
    text += f"{len(found)} of {len(gated)} networks with gates attend the zero-space"
    text += ".\n\n" if not found else ", by their mean attention map:\n\n"
    text += "".join(f"- {_verdict(one)}\n" for one in found) + ("\n" if found else "")
    partly = [one for one in gated if one.gates_on_zero_space and not one.attends_zero_space]
    if partly:
        text += "In other networks, single gates attend it, but not the mean attention map:\n\n"
        text += "".join(f"- {_verdict(one)}\n" for one in partly) + "\n"
    headers = ["network", "map", "share %", "area %", "enrichment", "preference", "radius ″"]
    headers += [
        "source's radius ″",
        "images on the sky %",
        "correlation with the mean attention map",
    ]
    headers += ["with Grad-CAM", "zero-space"]
    text += "## Where the maps lie\n\n"
    titles = [_title(one.entry) for one in summaries for _ in one.statistics]
    cells = (_cells(title, row) for title, row in zip(titles, rows, strict=True))
    return text + markdown_table(headers, cells, text=2)


def _verdict(one: MapSummary) -> str:
    gates = ", ".join(one.gates_on_zero_space) or "no single gate"
    enrichment = np.median(one.statistics["mean"].enrichment)
    share = 100 * one.statistics["mean"].on_empty_sky.mean()
    return (
        f"{_title(one.entry)}: {gates}; enrichment of the mean attention map {enrichment:.2f}, "
        f"below 1 in {share:.0f} % of images"
    )


def _cells(title: str, row: Record) -> list[str]:
    def number(name: str, digits: int, factor: float = 1.0) -> str:
        value = row[name]
        return "" if value == "" or np.isnan(value) else f"{factor * value:.{digits}f}"

    return [
        title,
        row["map"],
        number("share", 1, 100),
        number("area", 1, 100),
        number("enrichment", 2),
        number("preference", 2),
        number("radius", 0),
        number("source_radius", 0),
        number("images_on_empty_sky", 0, 100),
        number("correlation_mean", 2),
        number("correlation_Grad-CAM", 2),
        row["attends_zero_space"],
    ]
