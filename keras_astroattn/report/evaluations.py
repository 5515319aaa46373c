"""Evaluations of networks as tables, for the terminal and in Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from rich.table import Table

from keras_astroattn.images import CLASS_NAMES

from .formats import Record, markdown_table, with_interval

SPREAD_BY = ("gates", "normalization", "aggregation", "trained_on", "protocol")
"""Columns that agree for networks that differ only in their seeds."""

SPREAD_METRICS = ("accuracy", "AUC", "expected_calibration_error")


class Evaluation(Protocol):
    """The part of `keras_astroattn.evaluation.Evaluation` that tables show."""

    protocol: str
    images: int
    predictions: int

    def rows(self) -> Iterable[tuple[str, float, tuple[float, float]]]:
        """Return each metric as (name, value, interval)."""


class AttentionStatistics(Protocol):
    """The part of `keras_astroattn.evaluation.AttentionStatistics` that tables show."""

    def summary(self) -> Mapping[str, float]:
        """Return the statistics over all images, by name."""


def evaluation_table(evaluation: Evaluation, title: str | None = None) -> Table:
    """Return a terminal table of an evaluation: metric, value, 95 % interval.

    Args:
        evaluation: the evaluation.
        title: title of the table; by default the protocol and the number of sources.
    """
    title = title or (
        f"{evaluation.protocol}: {evaluation.images} sources, {evaluation.predictions} predictions"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, value, (low, high) in evaluation.rows():
        table.add_row(name, f"{value:.3f}", f"{low:.3f} - {high:.3f}")
    return table


def network_title(record: Record) -> str:
    """Return the gates, normalization and aggregation of a record, in words."""
    if not record["gates"]:
        return "0 gates"
    gates = "1 gate" if record["gates"] == 1 else f"{record['gates']} gates"
    return f"{gates}, {record['normalization']}, {record['aggregation']}"


def evaluation_markdown(records: Iterable[Record]) -> str:
    """Return a Markdown table of the main metrics, with 95 % intervals of accuracy and AUC.

    Args:
        records: results of `Evaluation.record()`, extended by `gates`, `normalization`,
            `aggregation`, `trained_on`, `seed` and, unless it is the best one, `epoch` of the
            network.
    """
    classes = " / ".join(CLASS_NAMES)

    def pair(name: str) -> Callable[[Record], str]:
        return lambda record: " / ".join(f"{record[f'{name}_{one}']:.3f}" for one in CLASS_NAMES)

    def number(name: str) -> Callable[[Record], str]:
        return lambda record: f"{record[name]:.3f}"

    def network(record: Record) -> str:
        return network_title(record) + (f", epoch {record['epoch']}" if "epoch" in record else "")

    columns: dict[str, Callable[[Record], object]] = {
        "network": network,
        "trained on": lambda record: record["trained_on"],
        "seed": lambda record: record["seed"],
        "protocol": lambda record: record["protocol"],
        "sources": lambda record: record["images"],
        "accuracy %": lambda record: with_interval(record, "accuracy", 1, factor=100),
        "AUC": lambda record: with_interval(record, "AUC", 3),
        f"recall {classes}": pair("recall"),
        f"precision {classes}": pair("precision"),
        f"F1 {classes}": pair("F1"),
        "Brier": number("brier_score"),
        "log loss": number("log_loss"),
        "ECE": number("expected_calibration_error"),
        "UCE": number("uncertainty_calibration_error"),
    }
    cells = ([show(record) for show in columns.values()] for record in records)
    return markdown_table(list(columns), cells, text=4)


def spread_records(records: Iterable[Record], by: Sequence[str] = SPREAD_BY) -> list[Record]:
    """Return mean and sample standard deviation of records that agree in some columns.

    Args:
        records: records as in `evaluation_markdown`.
        by: columns in which the records of a group agree.

    Returns:
        One record for each group: the columns `by`, `seeds`, and `..._mean` and `..._spread` of
        accuracy, AUC and calibration error. The spread of a single record is empty.
    """
    groups: dict[tuple, list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record[name] for name in by), []).append(record)
    result = []
    for key, members in groups.items():
        one: Record = dict(zip(by, key, strict=True)) | {"seeds": len(members)}
        for metric in SPREAD_METRICS:
            values = np.array([record[metric] for record in members], float)
            one[f"{metric}_mean"] = float(values.mean())
            one[f"{metric}_spread"] = float(values.std(ddof=1)) if len(values) > 1 else ""
        result.append(one)
    return result


_SPREAD_HEADERS = ("network", "trained on", "protocol", "seeds", "accuracy %", "AUC", "ECE")


def _spread_cells(record: Record) -> list[str]:
    cells = [network_title(record), record["trained_on"], record["protocol"], str(record["seeds"])]
    for metric, factor, digits in zip(SPREAD_METRICS, (100, 1, 1), (1, 3, 3), strict=True):
        mean, spread = record[f"{metric}_mean"], record[f"{metric}_spread"]
        text = f"{factor * mean:.{digits}f}"
        cells.append(text if spread == "" else f"{text} ± {factor * spread:.{digits}f}")
    return cells


def spread_markdown(records: Iterable[Record]) -> str:
    """Return a Markdown table of `spread_records`."""
    return markdown_table(_SPREAD_HEADERS, map(_spread_cells, records), text=3)


def spread_table(records: Iterable[Record]) -> Table:
    """Return a terminal table of `spread_records`."""
    table = Table(title="mean and spread over seeds", title_justify="left")
    for place, name in enumerate(_SPREAD_HEADERS):
        table.add_column(name, justify="left" if place < 3 else "right")
    for record in records:
        table.add_row(*_spread_cells(record))
    return table


def results_markdown(title: str, remarks: Iterable[str], records: Sequence[Record]) -> str:
    """Return a Markdown document: title, remarks, evaluations, and the spread over seeds if known.

    Args:
        title: heading of the document.
        remarks: one paragraph each.
        records: records as in `evaluation_markdown`.
    """
    text = f"# {title}\n\n" + "".join(f"{remark}\n\n" for remark in remarks)
    text += evaluation_markdown(records)
    over_seeds = [record for record in spread_records(records) if record["seeds"] > 1]
    if over_seeds:
        text += "\n## Mean and standard deviation over seeds\n\n" + spread_markdown(over_seeds)
    return text
