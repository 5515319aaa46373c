"""Experiment 2: normalization and aggregation."""

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.plots import map_grid, metric_grid
from keras_astroattn.report import csv_table, results_markdown

from .catalogue import Entry, of_experiments
from .every_model import REMARKS
from .published_results import AGGREGATIONS, NORMALIZATIONS, is_second_training
from .session import Measurement, Session, evaluation_records

TITLES = {"row_title": "normalization", "column_title": "aggregation"}


def run(session: Session) -> None:
    """Evaluate the grid, and draw the attention of its networks on an FRI and an FRII."""
    measured = session.measure(grid_entries(session.entries))
    rows = evaluation_records(measured)
    session.write("results.csv", csv_table(rows))
    title = "Experiment 2: normalization and aggregation"
    session.write("results.md", results_markdown(title, REMARKS, rows))

    names = grid_names(measured)
    for metric, label, factor, decimals in (
        ("accuracy", "accuracy (%)", 100, 1),
        ("auc", "AUC", 1, 3),
    ):
        values, spread = _grid_of(measured, names, metric)
        figure = metric_grid(
            factor * values,
            *names,
            label=label,
            decimals=decimals,
            spread=factor * spread,
            **TITLES,
        )
        session.save(figure, metric)
    data = measured[0].entry.data
    examples = session.examples(data)
    for place, label in enumerate(examples.label):
        maps = arrange(
            measured, names, lambda one, place=place: one.passes["sample"].example_mean()[place]
        )
        figure = map_grid(maps, *names, image=examples.image[place], **TITLES)
        session.save(figure, f"attention_{CLASS_NAMES[label]}")


def grid_entries(entries: list[Entry]) -> list[Entry]:
    """Return the networks of the grid: three gates, on one data set (MiraBest if possible).

    Raises:
        InputError: There is none.
    """
    gated = [
        entry
        for entry in of_experiments(entries, 1, 2)
        if entry.gates == 3 and not is_second_training(entry)
    ]
    if not gated:
        raise InputError("no network has 3 gates: the grid of normalizations needs them")
    data = {entry.data for entry in gated}
    chosen = "mirabest" if "mirabest" in data else min(data)
    return [entry for entry in gated if entry.data == chosen]


def grid_names(measured: list[Measurement]) -> tuple[list[str], list[str]]:
    """Return the normalizations and aggregations of the networks, in the order of the paper."""

    def ordered(names: set[str], paper: tuple[str, ...]) -> list[str]:
        return [name for name in paper if name in names] + sorted(names - set(paper))

    return (
        ordered({one.entry.normalization for one in measured}, NORMALIZATIONS),
        ordered({one.entry.aggregation for one in measured}, AGGREGATIONS),
    )


def arrange(measured: list[Measurement], names: tuple[list[str], list[str]], value) -> list[list]:
    """Return `value(measurement)` of the lowest seed in each cell; None in empty cells."""
    cells = _cells(measured, names)
    return [[None if not cell else value(cell[0]) for cell in row] for row in cells]


def _cells(measured, names) -> list[list[list[Measurement]]]:
    rows, columns = names
    by_seed = sorted(measured, key=lambda one: one.entry.seed)
    return [
        [
            [one for one in by_seed if (one.entry.normalization, one.entry.aggregation) == key]
            for key in ((row, column) for column in columns)
        ]
        for row in rows
    ]


def _grid_of(measured, names, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sample standard deviation of a pooled metric over seeds; NaN if unknown."""
    cells = _cells(measured, names)
    values = np.full((len(names[0]), len(names[1])), np.nan)
    spread = values.copy()
    for place in np.ndindex(values.shape):
        found = [getattr(one.main_evaluation, metric) for one in cells[place[0]][place[1]]]
        if found:
            values[place] = np.mean(found)
        if len(found) > 1:
            spread[place] = np.std(found, ddof=1)
    return values, spread
