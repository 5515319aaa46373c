"""Experiment 1: the proposed network on MiraBest, MiraBest* and FR-DEEP-F."""

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.plots import (
    attention_figure,
    attention_progress,
    confusion_figure,
    loss_figure,
    metric_figure,
    roc_figure,
)
from keras_astroattn.report import csv_table, results_markdown

from ..sources import DATA_TITLES
from .catalogue import Entry, proposed
from .every_model import REMARKS
from .published_results import published_results
from .session import SCOPE_WORDS, Measurement, Session, evaluate, evaluation_records

LEAKED_TEST_IMAGES = ("30_example",)
"""Test images of FR-DEEP whose galaxy is also in its training set; see `FRDeep`."""

OUR_LOSS = "cross-entropy loss (nats)"

PUBLISHED_LOSS = "loss, as published"
"""Label of the published losses, whose unit is not known.

They are not nats: a cross-entropy of the softmax of a softmax is at least 0.31 nats, but the losses
on MiraBest* reach 0.25.
"""

WITHOUT_LEAK = (
    "FR-DEEP-F has 50 test images. One of them, 30_example, shows a galaxy of the training set; "
    "the rows named `without leak` exclude it."
)


def run(session: Session) -> None:
    """Evaluate on each data set, and draw confusion, ROC curve, losses and attention."""
    measured = session.measure(proposed(session.entries))
    measured.sort(key=lambda one: (list(DATA_TITLES).index(one.entry.data), one.entry.seed))
    shown = first_seeds(measured)
    rows = evaluation_records(measured) + [
        one.record(evaluation) for one in measured for evaluation in without_leak(session, one)
    ]
    session.write("results.csv", csv_table(rows))
    remarks = (*REMARKS, WITHOUT_LEAK)
    session.write("results.md", results_markdown("Experiment 1: data sets", remarks, rows))

    curves = {}
    for one in shown:
        title = DATA_TITLES[one.entry.data]
        evaluation = one.main_evaluation
        curves[title] = (
            evaluation.false_positive_rate,
            evaluation.true_positive_rate,
            evaluation.auc,
        )
        figure = confusion_figure(np.array(evaluation.confusion), title=title)
        session.save(figure, f"confusion_{one.entry.data}")
    session.save(roc_figure(curves), "roc")
    titles = [DATA_TITLES[one.entry.data] for one in shown]
    session.save(comparison(shown, titles, chapter=1), "metrics")
    for one in shown:
        _draw_network(session, one)


def first_seeds(measured: list[Measurement]) -> list[Measurement]:
    """Return the network with the lowest seed on each data set, in the order of the paper."""
    chosen: dict[str, Measurement] = {}
    for one in sorted(measured, key=lambda one: list(DATA_TITLES).index(one.entry.data)):
        kept = chosen.get(one.entry.data)
        if kept is None or one.entry.seed < kept.entry.seed:
            chosen[one.entry.data] = one
    return list(chosen.values())


def without_leak(session: Session, one: Measurement) -> list:
    """Evaluate on the test images of FR-DEEP that are not in its training set."""
    if one.entry.data != "frdeep" or session.config.split != "test":
        return []
    kept = ~np.isin(one.sources.name, LEAKED_TEST_IMAGES)
    return list(
        evaluate(
            one.entry, one.sources.label, one.passes, np.flatnonzero(kept), ", without leak"
        ).values()
    )


def comparison(measured: list[Measurement], names: list[str], chapter: int) -> Figure:
    """Draw accuracy and AUC, pooled and clean, with the results of a chapter of the paper."""
    series = {}
    kinds = (("pooled", 0), ("pooled", 1), ("clean", 1))
    for kind, place in kinds:
        # A normalization that depends on one image has one scope, which stands for both.
        scopes = [one.entry.scopes[min(place, len(one.entry.scopes) - 1)] for one in measured]
        words = SCOPE_WORDS["batch" if place == 0 and "batch" in scopes else "sample"]
        series.setdefault(
            f"{kind}, {words}",
            [
                _points(one.evaluations[kind, scope])
                for one, scope in zip(measured, scopes, strict=True)
            ],
        )
    published = [published_results(one.entry).get(chapter) for one in measured]
    reference = {
        "accuracy": [None if one is None else one.accuracy for one in published],
        "AUC": [None if one is None else one.auc for one in published],
    }
    labels = {"accuracy": "accuracy (%)", "AUC": "AUC"}
    return metric_figure(series, names, labels, reference)


def _points(evaluation) -> dict[str, tuple[float, float, float]]:
    return {
        "accuracy": tuple(
            100 * value for value in (evaluation.accuracy, *evaluation.accuracy_interval)
        ),
        "AUC": (evaluation.auc, *evaluation.auc_interval),
    }


def _draw_network(session: Session, one: Measurement) -> None:
    entry = one.entry
    if entry.losses is not None:
        losses = entry.losses
        figure = loss_figure(
            losses.training,
            losses.validation,
            epochs=np.arange(len(losses.training)) + losses.first_epoch,
            title=DATA_TITLES[entry.data],
            loss_label=OUR_LOSS if entry.experiment is None else PUBLISHED_LOSS,
        )
        session.save(figure, f"losses_{entry.data}")
    if not entry.gates:
        return
    examples = session.examples(entry.data)
    alone = one.passes["sample"]
    figure = attention_figure(
        examples.image,
        alone.examples,
        alone.example_mean(),
        examples.label,
        session.example_names(entry.data),
    )
    session.save(figure, f"attention_{entry.data}")
    _draw_epochs(session, entry)


def _draw_epochs(session: Session, entry: Entry) -> None:
    """Draw attention by epoch of training, if weights or maps of several epochs were kept."""
    examples = session.examples(entry.data)
    by_epoch = {}
    if len(entry.epochs) > 1:
        by_epoch = session.example_maps(entry)
        images, labels = examples.image, examples.label
    elif entry.snapshots is not None:
        images, labels, by_epoch = read_snapshots(entry)
    if not by_epoch:
        session.say(f"{entry.name} keeps one epoch: no figure of attention by epoch")
        return
    for label in (0, 1):
        row = int(np.flatnonzero(labels == label)[0])
        maps = {epoch: maps[row] for epoch, maps in by_epoch.items()}
        figure = attention_progress(images[row], maps, label, shared_scale=False)
        session.save(figure, f"epochs_{entry.data}_{('FRI', 'FRII')[label]}")


def read_snapshots(
    entry: Entry, most: int = 17
) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """Read the snapshots of a run, of at most `most` evenly spread epochs.

    Returns:
        The images (n, h, w), their labels (n,), and by epoch the mean attention maps.
    """
    paths = sorted(entry.snapshots.glob("epoch_*.npz"))
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int))
    images = labels = np.empty(0)
    maps = {}
    for path in (paths[number] for number in chosen):
        with np.load(path) as snapshot:
            images, labels = snapshot["image"], snapshot["label"]
            maps[int(path.stem.removeprefix("epoch_"))] = snapshot["attention_mean"]
    return images, labels, maps
