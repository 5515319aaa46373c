"""Measurements of attention as records, with intervals over the sources."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_astroattn.evaluation import REGIONS, bootstrap_interval, oracle_share
from keras_astroattn.evaluation.intervals import clustered_wilson_interval
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.report import Record

from .maps import MAP_OF_ORDER, ORACLE, RANDOM
from .measured import Measured, Transformed

Interval = tuple[float, float, float]
"""A value with its lower and upper bound."""

WHOLE = "whole"
"""Both classes together."""


def groups(measured: Measured) -> dict[str, list[Transformed]]:
    """Return the equivariance tests by their group, in the order of the tests."""
    found: dict[str, list[Transformed]] = {}
    for one in measured.transformed:
        found.setdefault(one.test.group, []).append(one)
    return found


def by_source(values: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the networks that measured the same source.

    Args:
        values: (n,) one for each network and source; those that are not finite are left out.
        names: (n,) of the sources.

    Returns:
        The means (m,), and the first row of each of these sources (m,).
    """
    known = np.flatnonzero(np.isfinite(values))
    _, first, source = np.unique(names[known], return_index=True, return_inverse=True)
    means = np.bincount(source, values[known]) / np.bincount(source)
    return means, known[first]


def mean_interval(
    values: np.ndarray,
    measured: Measured,
    chosen: np.ndarray | None = None,
    statistic: Literal["mean", "median"] = "mean",
) -> Interval:
    """Return a statistic over the sources with a finite value, and its bootstrap interval.

    Args:
        values: (n,) for the rows of `measured`. Several networks' values of a source are averaged.
        measured: holds the names and labels of the rows.
        chosen: (n,) bool, the rows that count; by default all.
        statistic: over the sources.
    """
    rows = np.arange(len(values)) if chosen is None else np.flatnonzero(chosen)
    means, first = by_source(values[rows], measured.names[rows])
    if not len(means):
        return (np.nan, np.nan, np.nan)
    value = np.mean(means) if statistic == "mean" else np.median(means)
    return (float(value), *bootstrap_interval(means, measured.labels[rows][first], statistic))


def accuracy(measured: Measured, several: list[Transformed]) -> Interval:
    """Return the accuracy on the transformed images of a group of tests."""
    return _share(measured, [one.predicted == measured.labels for one in several])


def same_class(measured: Measured, several: list[Transformed]) -> Interval:
    """Return the share of the transformed images that keep the predicted class of the original."""
    return _share(measured, [one.predicted == measured.predicted for one in several])


def _share(measured: Measured, several: list[np.ndarray]) -> Interval:
    shares, _ = by_source(np.mean(several, axis=0), measured.names)
    views = len(several) * len(measured.names) // len(shares)
    return (float(shares.mean()), *clustered_wilson_interval(shares, views))


def equivariance_rows(measured: Measured) -> list[Record]:
    """Return one record for each group of tests and map."""
    rows = []
    for group, several in groups(measured).items():
        for name in measured.maps:
            followed, stayed = (
                np.mean([getattr(one, what)[name] for one in several], axis=0)
                for what in ("followed", "stayed")
            )
            rows.append(
                _named(measured)
                | {"test": group, "map": name}
                | _bounds("followed", mean_interval(followed, measured))
                | _bounds("stayed", mean_interval(stayed, measured))
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
                "sources": len(set(measured.names[chosen])),
            }
            row |= _bounds("share", mean_interval(measured.share[name], measured, chosen))
            row["area"] = float(measured.area[chosen].mean())
            for region in REGIONS:
                values = measured.regions[name][region]
                row |= _bounds(region, mean_interval(values, measured, chosen, "median"))
            rows.append(row)
    return rows


def faithfulness_rows(measured: Measured) -> list[Record]:
    """Return one record for each order and predicted class.

    `random` has the measures by pixels alone. See `Faithfulness`, `oracle_share`,
    `flipping_area` and `region_perturbation` for the columns.
    """
    rows = []
    oracle = measured.faithfulness[ORACLE]
    for class_name in (WHOLE, *CLASS_NAMES):
        chosen = _of_class(measured.predicted, class_name)
        if not chosen.any():
            continue
        best, first = by_source(np.where(chosen, oracle.deletion, np.nan), measured.names)
        for order in (*measured.faithfulness, RANDOM):
            row = _named(measured) | {
                "class": class_name,
                "sources": len(set(measured.names[chosen])),
                "order": order,
            }
            columns = {}
            found = measured.faithfulness.get(order)
            if found is not None:
                names = ("deletion", "insertion", "gain", "rank", "sufficiency")
                columns = {name: getattr(found, name) for name in names}
                own, _ = by_source(np.where(chosen, found.deletion, np.nan), measured.names)
                row |= _bounds("of_oracle", oracle_share(own, best, measured.labels[first]))
            followed = measured.followed_far(order)
            if followed is not None:
                columns["followed"] = followed
            name = MAP_OF_ORDER.get(order, order)
            if name in measured.flipping:
                columns["flipping"] = measured.flipping[name]
            if name in measured.perturbation:
                columns["perturbation"] = measured.perturbation[name]
            for column, values in columns.items():
                row |= _bounds(column, mean_interval(values, measured, chosen))
            rows.append(row)
    return rows


@dataclass(frozen=True)
class Tables:
    """The results of one network, as numbers and words that JSON can hold.

    Attributes:
        title: of the network, or of several networks.
        networks: number of networks that are averaged.
        sources: number of sources.
        right: accuracy on the original images.
        has_evidence: whether the network has votes, and so evidence.
        black: probabilities of the classes for an empty image.
        cam_blind: share of the images in which Grad-CAM is 0 on the whole source.
        equivariance: see `equivariance_rows`.
        regions: see `region_rows`.
        faithfulness: see `faithfulness_rows`.
    """

    title: str
    networks: int
    sources: int
    right: float
    has_evidence: bool
    black: list[float]
    cam_blind: float
    equivariance: list[Record]
    regions: list[Record]
    faithfulness: list[Record]


def tabulate(measured: Measured) -> Tables:
    """Summarize measurements as records with intervals."""
    return Tables(
        title=measured.title,
        networks=measured.networks,
        sources=len(set(measured.names)),
        right=float(np.mean(measured.predicted == measured.labels)),
        has_evidence=measured.has_evidence,
        black=measured.black.tolist(),
        cam_blind=float(measured.cam_blind.mean()),
        equivariance=equivariance_rows(measured),
        regions=region_rows(measured),
        faithfulness=faithfulness_rows(measured),
    )


def _named(measured: Measured) -> Record:
    return {"network": measured.title}


def _bounds(name: str, interval: Interval) -> Record:
    value, low, high = interval
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _of_class(classes: np.ndarray, name: str) -> np.ndarray:
    if name == WHOLE:
        return np.ones(len(classes), bool)
    return classes == CLASS_NAMES.index(name)
