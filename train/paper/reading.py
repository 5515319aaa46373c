"""Reading attention: where it lies, and what the gradients say of the same images."""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from keras_astroattn.evaluation import (
    GRADIENT_METHODS,
    AttentionStatistics,
    attention_statistics,
    gradient_maps,
    named_maps,
    pairwise_agreement,
)
from keras_astroattn.files import atomic_path
from keras_astroattn.images import to_network_units
from keras_astroattn.models import attention_model
from keras_astroattn.plots import enrichment_figure, reading_figure
from keras_astroattn.report import Record, csv_table, markdown_table

from ..sources import DATA_TITLES
from .catalogue import Entry
from .published_results import AGGREGATIONS, NORMALIZATIONS, is_second_training
from .session import Session

FORMAT = 1
"""Of the kept readings; a change makes old files unknown."""

IMAGES_AT_ONCE = 16
"""So many images' maps are in memory at a time."""

MAPS = ("gate 1", "gate 2", "gate 3", "mean", *GRADIENT_METHODS)
"""Every map that a network may have."""

STRETCH, SOFTMAX_STRETCH = 0.5, 0.25
"""Powers that maps are drawn at: a softmax leaves nearly all to a few of 22,500 pixels."""

STATISTICS = ("share", "area", "preference", "radius", "source_radius")

REMARKS = (
    "Each image once, as it is and by itself. Gates and their mean show what the network let "
    "pass; Grad-CAM, Grad-CAM++ (of the gating signal) and saliency what its gradients say of "
    "the class that it predicts.",
    "Share: of a map above its own minimum, the part on the source's pixels. Enrichment: share "
    "over the source's part of the image, median over images; 1 is a map that does not know the "
    "source. Preference: chance that a pixel of the source is above one of the sky. Radius: "
    "root-mean-square distance from the source's centre, beside that of the source's own flux. "
    "Correlations, over the pixels of an image, are means over images.",
    "A network *attends the zero-space*, in the paper's words, if the median enrichment of its "
    "mean map is below 1: in most images a pixel of empty sky has then more attention than one "
    "of the source.",
)


@dataclass(frozen=True)
class Reading:
    """What one network's maps say of n images.

    Attributes:
        entry: The network.
        statistics: Of each map, by name: `gate 1` .., `mean`, and `GRADIENT_METHODS`.
        agreement: (k, k, n) correlation of every pair of these maps in each image, NaN
            where one is constant.
        examples: (m, h, w) maps of the example images, by name.
        example_enrichment: (m,) enrichment of these, by name.
    """

    entry: Entry
    statistics: dict[str, AttentionStatistics]
    agreement: np.ndarray
    examples: dict[str, np.ndarray]
    example_enrichment: dict[str, np.ndarray]

    @property
    def attends_zero_space(self) -> bool:
        """Whether its mean attention prefers the empty sky; never of a network without gates."""
        return "mean" in self.statistics and self.statistics["mean"].attends_zero_space

    @property
    def gates_on_zero_space(self) -> list[str]:
        """Names of the gates that prefer the empty sky each by itself."""
        return [
            name
            for name, one in self.statistics.items()
            if name.startswith("gate") and one.attends_zero_space
        ]

    def mean_agreement(self, first: str, second: str) -> float:
        """Mean correlation of two maps over the images where both vary; NaN if nowhere."""
        names = list(self.statistics)
        values = self.agreement[names.index(first), names.index(second)]
        values = values[~np.isnan(values)]
        return float(values.mean()) if len(values) else float("nan")


def run(session: Session) -> None:
    """Numbers of every network's maps, which attend the zero-space, and figures of two images."""
    readings = [read(session, entry) for entry in sorted(session.entries, key=_order)]
    rows = [row for one in readings for row in _rows(one)]
    session.write("results.csv", csv_table(rows))
    session.write("results.md", _markdown(readings, rows))
    for one in readings:
        if one.attends_zero_space:
            session.say(f"{one.entry.name} attends the zero-space (the empty sky)")
    # Grad-CAM++ would hide Grad-CAM, which it follows closely.
    names = [name for name in MAPS if name != "Grad-CAM++"]
    names = [name for name in names if any(name in one.statistics for one in readings)]
    figure = enrichment_figure(
        {
            name: [
                float(np.median(one.statistics[name].enrichment))
                if name in one.statistics
                else np.nan
                for one in readings
            ]
            for name in names
        },
        [_title(one.entry) for one in readings],
    )
    session.save(figure, "enrichment")
    for one in readings:
        examples = session.examples(one.entry.data)
        figure = reading_figure(
            examples.image,
            one.examples,
            examples.label,
            session.example_names(one.entry.data),
            one.example_enrichment,
            gamma=SOFTMAX_STRETCH if one.entry.normalization == "softmax" else STRETCH,
        )
        session.save(figure, f"maps_{one.entry.name}".replace("/", "_"))


def _order(entry: Entry) -> tuple:
    """Data sets and the grid as the paper has them, whatever else there is behind."""

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


def read(session: Session, entry: Entry) -> Reading:
    """Read a network's maps of the sources it is meant for, or what is kept of that."""
    sources = session.sources(entry.data)
    decides = [
        FORMAT,
        entry.fingerprint(),
        entry.data,
        sources.checksum,
        session.config.split,
        session.example_names(entry.data),
    ]
    path = session.kept_file(f"{entry.name}-{session.config.split}-reading", decides)
    reading = _kept(path, entry)
    if reading is None:
        session.say(f"reading {entry.name}")
        images = sources.image
        blank = ~images.any(axis=(1, 2))
        if blank.any():
            session.say(f"{blank.sum()} blank images left out: there is no source to look at")
        reading = read_maps(entry, images[~blank], session.examples(entry.data).image)
        with session.writing():
            _keep(path, reading)
    return reading


def read_maps(entry: Entry, images: np.ndarray, examples: np.ndarray) -> Reading:
    """Make a network's maps of images (n, h, w) uint8, none blank, and measure them."""
    network = entry.load()
    statistics: dict[str, list[AttentionStatistics]] = {}
    agreement = []
    for some, maps in _maps(network, images):
        for name, one in maps.items():
            statistics.setdefault(name, []).append(attention_statistics(some, one))
        agreement.append(pairwise_agreement(maps, some.shape[1:]))
    ((_, shown),) = _maps(network, examples)
    # Compiled graphs of dozens of networks would fill the memory.
    keras.backend.clear_session()
    return Reading(
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
    """Some images at a time, and every map of them by its name."""
    with_maps = attention_model(network)
    for start in range(0, len(images), IMAGES_AT_ONCE):
        some = images[start : start + IMAGES_AT_ONCE]
        # Called as it is: a graph for each number of images would cost more than it saves.
        outputs = with_maps(to_network_units(some[..., np.newaxis]), training=False)
        classes = np.asarray(outputs["logits"]).argmax(axis=-1)
        yield some, named_maps(outputs) | gradient_maps(network, some, classes)


def _joined(parts: list[AttentionStatistics]) -> AttentionStatistics:
    return AttentionStatistics(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in STATISTICS)
    )


def _keep(path: str | os.PathLike, reading: Reading) -> None:
    arrays = {"names": np.array(list(reading.statistics)), "agreement": reading.agreement}
    for name, one in reading.statistics.items():
        arrays[f"{name}/statistics"] = np.stack([getattr(one, each) for each in STATISTICS])
        arrays[f"{name}/examples"] = reading.examples[name]
        arrays[f"{name}/enrichment"] = reading.example_enrichment[name]
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def _kept(path: str | os.PathLike, entry: Entry) -> Reading | None:
    """What `_keep` wrote; None where there is no such file, or it is damaged."""
    try:
        # np.load leaves a file open that it opened and could not read.
        with open(path, "rb") as opened, np.load(opened) as file:
            names = file["names"].tolist()
            return Reading(
                entry,
                {name: AttentionStatistics(*file[f"{name}/statistics"]) for name in names},
                file["agreement"],
                {name: file[f"{name}/examples"] for name in names},
                {name: file[f"{name}/enrichment"] for name in names},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _title(entry: Entry) -> str:
    second = ", second training" if is_second_training(entry) else ""
    return f"{DATA_TITLES[entry.data]}: {entry.configuration}{second}"


def _rows(one: Reading) -> list[Record]:
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


def _markdown(readings: list[Reading], rows: list[Record]) -> str:
    text = "# Reading attention\n\n" + "".join(f"{remark}\n\n" for remark in REMARKS)
    text += "## Attending the zero-space\n\n"
    gated = [one for one in readings if "mean" in one.statistics]
    found = [one for one in gated if one.attends_zero_space]
    text += f"{len(found)} of {len(gated)} networks with gates"
    text += " do.\n\n" if not found else " do, by their mean map:\n\n"
    text += "".join(f"- {_verdict(one)}\n" for one in found) + ("\n" if found else "")
    partly = [one for one in gated if one.gates_on_zero_space and not one.attends_zero_space]
    if partly:
        text += "Some gates do in others, whose mean map does not:\n\n"
        text += "".join(f"- {_verdict(one)}\n" for one in partly) + "\n"
    headers = ["network", "map", "share %", "area %", "enrichment", "preference", "radius ″"]
    headers += ["source's radius ″", "images on the sky %", "correlation with the mean map"]
    headers += ["with Grad-CAM", "zero-space"]
    text += "## Where the maps lie\n\n"
    titles = [_title(one.entry) for one in readings for _ in one.statistics]
    cells = (_cells(title, row) for title, row in zip(titles, rows, strict=True))
    return text + markdown_table(headers, cells, text=2)


def _verdict(one: Reading) -> str:
    gates = ", ".join(one.gates_on_zero_space) or "no gate by itself"
    enrichment = np.median(one.statistics["mean"].enrichment)
    share = 100 * one.statistics["mean"].on_empty_sky.mean()
    return (
        f"{_title(one.entry)}: {gates}; enrichment of the mean map {enrichment:.2f}, below 1 in "
        f"{share:.0f} % of images"
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
