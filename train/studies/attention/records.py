"""Measurements of attention as records, with intervals over the sources."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_astroattn.evaluation import REGIONS, bootstrap_interval
from keras_astroattn.evaluation.intervals import clustered_wilson_interval
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.report import Record

from .maps import ATTENTION, BRIGHTNESS, EVIDENCE, GRAD_CAM, LEAST, RANDOM
from .measure import Measured, Moved

Interval = tuple[float, float, float]
"""A value with its lower and upper bound."""

WHOLE = "whole"
"""Both classes together."""


def groups(measured: Measured) -> dict[str, list[Moved]]:
    """Return the equivariance tests by their group, in the order of the tests."""
    found: dict[str, list[Moved]] = {}
    for one in measured.moved:
        found.setdefault(one.move.group, []).append(one)
    return found


def mean_interval(
    values: np.ndarray, labels: np.ndarray, statistic: Literal["mean", "median"] = "mean"
) -> Interval:
    """Return a statistic over the sources with a finite value, and its bootstrap interval."""
    known = np.isfinite(values)
    values, labels = values[known], labels[known]
    if not len(values):
        return (np.nan, np.nan, np.nan)
    value = np.mean(values) if statistic == "mean" else np.median(values)
    return (float(value), *bootstrap_interval(values, labels, statistic))


def accuracy(measured: Measured, several: list[Moved]) -> Interval:
    """Return the accuracy on the transformed images of a group of tests."""
    right = np.mean([one.predicted == measured.labels for one in several], axis=0)
    return (float(right.mean()), *clustered_wilson_interval(right, len(several)))


def same_class(measured: Measured, several: list[Moved]) -> Interval:
    """Return the share of the transformed images that keep the predicted class of the original."""
    same = np.mean([one.predicted == measured.predicted for one in several], axis=0)
    return (float(same.mean()), *clustered_wilson_interval(same, len(several)))


def move_rows(measured: Measured) -> list[Record]:
    """Return one record for each group of tests and map."""
    rows = []
    labels = measured.labels
    for group, several in groups(measured).items():
        for name in measured.maps:
            followed, stayed = (
                np.mean([getattr(one, what)[name] for one in several], axis=0)
                for what in ("followed", "stayed")
            )
            rows.append(
                _named(measured)
                | {"move": group, "map": name}
                | _bounds("followed", mean_interval(followed, labels))
                | _bounds("stayed", mean_interval(stayed, labels))
                | _bounds("accuracy", accuracy(measured, several))
                | _bounds("same_class", same_class(measured, several))
                | {
                    "follows": float(np.mean(followed > stayed)),
                    "mean_overlap": float(np.mean([one.common for one in several])),
                    "mean_enrichment": float(np.median([one.enrichment for one in several])),
                    "strangers": float(np.nanmean(measured.strangers[name])),
                }
            )
    return rows


def region_rows(measured: Measured) -> list[Record]:
    """Return one record for each map and true class: relevance mass, and enrichment by region."""
    rows = []
    for name in measured.regions:
        for class_name in (WHOLE, *CLASS_NAMES):
            chosen = _of_class(measured.labels, class_name)
            row = _named(measured) | {
                "map": name,
                "class": class_name,
                "sources": int(chosen.sum()),
            }
            row |= _bounds(
                "share", mean_interval(measured.share[name][chosen], measured.labels[chosen])
            )
            row["area"] = float(measured.area[chosen].mean())
            for region in REGIONS:
                values = measured.regions[name][region][chosen]
                row |= _bounds(region, mean_interval(values, measured.labels[chosen], "median"))
            rows.append(row)
    return rows


def orders(measured: Measured) -> tuple[str, ...]:
    """Return the orders of deletion, the main ones first."""
    chief = (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM, LEAST)
    return (*chief, *(name for name in measured.deletions if name not in chief))


def deletion_rows(measured: Measured) -> list[Record]:
    """Return one record for each order of deletion and predicted class."""
    rows = []
    for class_name in (WHOLE, *CLASS_NAMES):
        chosen = _of_class(measured.predicted, class_name)
        if not chosen.any():
            continue
        labels = measured.labels[chosen]
        scale = np.mean([one.margin[0] for one in measured.deletions[ATTENTION][0]])
        for order in orders(measured):
            row = _named(measured) | {
                "class": class_name,
                "sources": int(chosen.sum()),
                "order": order,
            }
            for what, margin, unit in (("probability", False, 1.0), ("margin", True, scale)):
                area = measured.areas(order, margin)[chosen] / unit
                row |= _bounds(what, mean_interval(area, labels))
                for other in (RANDOM, GRAD_CAM):
                    difference = area - measured.areas(other, margin)[chosen] / unit
                    row |= _bounds(f"{what}_less_{other}", mean_interval(difference, labels))
            if order in measured.orders:
                for what, margin, unit in (("probability", False, 1.0), ("margin", True, scale)):
                    first = measured.first_against_others(order, margin)[chosen] / unit
                    row |= _bounds(f"first_{what}", mean_interval(first, labels))
                row |= _bounds(
                    "rank", mean_interval(measured.rank_correlation(order)[chosen], labels)
                )
            rows.append(row)
    return rows


@dataclass(frozen=True)
class Tables:
    """The results of one network, as numbers and words that JSON can hold.

    Attributes:
        title: of the network.
        sources: number of sources.
        right: accuracy on the original images.
        black: probabilities of the classes for an empty image.
        cam_blind: share of the images in which Grad-CAM is 0 on the whole source.
        moves: see `move_rows`.
        regions: see `region_rows`.
        deletion: see `deletion_rows`.
    """

    title: str
    sources: int
    right: float
    black: list[float]
    cam_blind: float
    moves: list[Record]
    regions: list[Record]
    deletion: list[Record]


def tabulate(measured: Measured) -> Tables:
    """Summarize measurements as records with intervals."""
    return Tables(
        title=measured.network.title,
        sources=len(measured.labels),
        right=float(np.mean(measured.predicted == measured.labels)),
        black=measured.black.tolist(),
        cam_blind=float(measured.cam_blind.mean()),
        moves=move_rows(measured),
        regions=region_rows(measured),
        deletion=deletion_rows(measured),
    )


def _named(measured: Measured) -> Record:
    return {"network": measured.network.title}


def _bounds(name: str, interval: Interval) -> Record:
    value, low, high = interval
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _of_class(classes: np.ndarray, name: str) -> np.ndarray:
    if name == WHOLE:
        return np.ones(len(classes), bool)
    return classes == CLASS_NAMES.index(name)
