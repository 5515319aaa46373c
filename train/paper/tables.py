"""Results as CSV and Markdown."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from keras_astroattn.evaluation import Evaluation
from keras_astroattn.images import CLASS_NAMES

from .session import Measurement

Row = dict[str, str | int | float]


def csv_table(rows: Sequence[Row]) -> str:
    """Rows of the same keys as CSV, full precision, under a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]], text: int = 1) -> str:
    """A Markdown table; all columns but the first `text` are set to the right."""
    rules = ["---"] * text + ["---:"] * (len(headers) - text)
    lines = [headers, rules, *rows]
    # A bar within a cell would end it.
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def evaluation_row(measurement: Measurement, evaluation: Evaluation) -> Row:
    """One row of a results table: the network, then every metric with its bounds."""
    epoch = {} if measurement.epoch is None else {"epoch": measurement.epoch}
    return measurement.entry.columns() | epoch | evaluation.record()


def evaluation_rows(measurements: Iterable[Measurement]) -> list[Row]:
    """One row for each network, protocol and scope."""
    return [
        evaluation_row(one, evaluation)
        for one in measurements
        for evaluation in one.evaluations.values()
    ]


def evaluation_markdown(rows: Iterable[Row]) -> str:
    """The chief metrics of `evaluation_rows`, with 95 % intervals of accuracy and AUC."""
    first, second = CLASS_NAMES
    headers = [
        "network",
        "trained on",
        "seed",
        "protocol",
        "sources",
        "accuracy %",
        "AUC",
        f"recall {first} / {second}",
        f"precision {first} / {second}",
        f"F1 {first} / {second}",
        "Brier",
        "log loss",
        "ECE",
        "UCE",
    ]
    return markdown_table(headers, map(_cells, rows), text=4)


def _cells(row: Row) -> list[str]:
    def pair(name: str) -> str:
        return " / ".join(f"{row[f'{name}_{one}']:.3f}" for one in CLASS_NAMES)

    def bounds(name: str, factor: float, digits: int) -> str:
        value, low, high = (factor * row[key] for key in (name, f"{name}_low", f"{name}_high"))
        return f"{value:.{digits}f} ({low:.{digits}f} - {high:.{digits}f})"

    epoch = f", epoch {row['epoch']}" if "epoch" in row else ""
    return [
        row_configuration(row) + epoch,
        row["trained_on"],
        str(row["seed"]),
        row["protocol"],
        str(row["images"]),
        bounds("accuracy", 100, 1),
        bounds("AUC", 1, 3),
        pair("recall"),
        pair("precision"),
        pair("F1"),
        f"{row['brier_score']:.3f}",
        f"{row['log_loss']:.3f}",
        f"{row['expected_calibration_error']:.3f}",
        f"{row['uncertainty_calibration_error']:.3f}",
    ]


def row_configuration(row: Row) -> str:
    """Gates, normalization and aggregation of a row in words."""
    if not row["gates"]:
        return "0 gates"
    gates = "1 gate" if row["gates"] == 1 else f"{row['gates']} gates"
    return f"{gates}, {row['normalization']}, {row['aggregation']}"


SPREAD_METRICS = ("accuracy", "AUC", "expected_calibration_error")


def spread_rows(rows: Iterable[Row], by: Sequence[str]) -> list[Row]:
    """Mean and standard deviation over the rows that agree in the columns `by` (the seeds).

    The deviation is the sample's (n - 1); it is left empty where there is one row.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    result = []
    for key, members in groups.items():
        one: Row = dict(zip(by, key, strict=True)) | {"seeds": len(members)}
        for metric in SPREAD_METRICS:
            values = np.array([row[metric] for row in members], float)
            one[f"{metric}_mean"] = float(values.mean())
            one[f"{metric}_spread"] = float(values.std(ddof=1)) if len(values) > 1 else ""
        result.append(one)
    return result


def spread_markdown(rows: Iterable[Row]) -> str:
    """The rows of `spread_rows` with network, data and protocol."""
    headers = ["network", "trained on", "protocol", "seeds", "accuracy %", "AUC", "ECE"]

    def cell(row: Row, metric: str, factor: float, digits: int) -> str:
        mean, spread = row[f"{metric}_mean"], row[f"{metric}_spread"]
        text = f"{factor * mean:.{digits}f}"
        return text if spread == "" else f"{text} ± {factor * spread:.{digits}f}"

    return markdown_table(
        headers,
        (
            [
                row_configuration(row),
                row["trained_on"],
                row["protocol"],
                str(row["seeds"]),
                cell(row, "accuracy", 100, 1),
                cell(row, "AUC", 1, 3),
                cell(row, "expected_calibration_error", 1, 3),
            ]
            for row in rows
        ),
        text=3,
    )


SPREAD_BY = ("gates", "normalization", "aggregation", "trained_on", "protocol")
"""What networks that differ in their seeds alone agree in."""


def results_markdown(
    title: str, remarks: Mapping[str, str] | Sequence[str], rows: list[Row]
) -> str:
    """A results file: title, remarks, the table, and the spread over seeds where there is one."""
    text = f"# {title}\n\n" + "".join(f"{remark}\n\n" for remark in remarks)
    text += evaluation_markdown(rows)
    over_seeds = [row for row in spread_rows(rows, SPREAD_BY) if row["seeds"] > 1]
    if over_seeds:
        text += "\n## Mean and standard deviation over seeds\n\n" + spread_markdown(over_seeds)
    return text
