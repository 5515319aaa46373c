"""Figures of the measurements of attention."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.evaluation import deletion_order
from keras_astroattn.evaluation.intervals import bootstrap_weights, percentile_interval
from keras_astroattn.images import CLASS_NAMES, flux_patches
from keras_astroattn.models import images_seen_by
from keras_astroattn.models.wrappers import full_model
from keras_astroattn.plots import (
    deletion_figure,
    equivariance_figure,
    patches_figure,
    save_figure,
    source_maps_figure,
)

from .maps import (
    ATTENTION,
    BRIGHTNESS,
    EVIDENCE,
    EVIDENCE_SUMS,
    GRAD_CAM,
    GRADIENT,
    RANDOM,
    SEED,
    for_class,
    read_gradients,
    read_maps,
    value_patches,
)
from .measure import TitledNetwork
from .measured import Measured
from .records import accuracy, by_source, groups, same_class

SHARES = np.linspace(0, 1, 41)

SHOWN = slice(40, 110)
"""Rows and columns of an image in the figures of patches."""

SIMULATED = 7
"""First simulated source in the figures; each class shows two."""

DOCUMENTED = ("equivariance", "deletion", "simulated_patches", "simulated_maps")
"""Figures that show no real source, and may go into a document."""


def save_figures(
    measured: Measured,
    network: TitledNetwork,
    images: np.ndarray,
    labels: np.ndarray,
    stem: str,
    output: Path,
) -> None:
    """Write all figures of a network, or of several of one title.

    Args:
        measured: their measurements.
        network: the network, or the first, whose maps are drawn.
        images: (n, h, w) uint8, images that it measured, as it sees them.
        labels: (n,) their classes.
        stem: beginning of the names of the files.
        output: folder of the figures.
    """
    rows = [np.flatnonzero(labels == label)[:2] for label in range(len(CLASS_NAMES))]
    rows = np.concatenate(rows)
    shown = _examples(network, images[rows], labels[rows])
    for name, figure in (_figures(measured, network) | shown).items():
        save_figure(figure, output / f"{stem}_{name}")


def _figures(measured: Measured, network: TitledNetwork) -> dict[str, Figure]:
    """Return the figures that show no real source, by name."""
    made = [simulate(2, SEED, SIMULATED, label) for label in range(len(CLASS_NAMES))]
    images, labels = (
        np.concatenate([getattr(one, what) for one in made]) for what in ("image", "label")
    )
    examples = _examples(network, images_seen_by(network.model, images), labels)
    return {
        "equivariance": _equivariance(measured),
        "deletion": _deletion(measured),
        "simulated_patches": examples["patches"],
        "simulated_maps": examples["maps"],
    }


def _equivariance(measured: Measured) -> Figure:
    by_group = groups(measured)
    followed, stayed = (
        {
            name: [
                np.mean([getattr(one, what)[name] for one in several])
                for several in by_group.values()
            ]
            for name in measured.maps
        }
        for what in ("followed", "stayed")
    )
    shares = {
        "correct class": [accuracy(measured, several) for several in by_group.values()],
        "same class": [same_class(measured, several) for several in by_group.values()],
    }
    return equivariance_figure(list(by_group), followed, stayed, shares)


def _deletion(measured: Measured) -> Figure:
    panels = {}
    chosen = {"all": np.ones(len(measured.labels), bool)}
    chosen |= {
        f"predicted {name}": measured.predicted == label for label, name in enumerate(CLASS_NAMES)
    }
    for title, rows in chosen.items():
        if not rows.any():
            continue
        names, labels = measured.names[rows], measured.labels[rows]
        curves = {}
        for order in (*_drawn(measured.highest), RANDOM):
            columns = measured.curves(order, SHARES)[rows].T
            # The mean over the networks that measured a source.
            values = np.stack([by_source(one, names)[0] for one in columns], axis=-1)
            first = by_source(columns[0], names)[1]
            weights = bootstrap_weights(labels[first], 1000, SEED)
            samples = weights @ values / len(first)
            low, high = np.array([percentile_interval(one) for one in samples.T]).T
            curves[order] = (values.mean(axis=0), low, high)
        panels[f"{title} ({len(first)})"] = curves
    return deletion_figure(SHARES, panels)


def _examples(network: TitledNetwork, images: np.ndarray, labels: np.ndarray) -> dict[str, Figure]:
    """Draw maps of some sources, and the orders in which their patches are deleted."""
    classes, maps = read_maps(full_model(network.model), images)
    gradients = read_gradients(network.model, images, classes)
    parts = np.stack([flux_patches(image) for image in images])
    random = np.random.default_rng(SEED)
    values = value_patches(images, parts, for_class(maps, classes) | gradients)
    orders = {
        name: [deletion_order(one, random) for one in values[name]] for name in _drawn(values)
    }
    cut = (slice(None), SHOWN, SHOWN)
    return {
        "patches": patches_figure(images[cut], parts[cut], orders, labels),
        "maps": source_maps_figure(images, maps | gradients, labels, signed=(EVIDENCE,)),
    }


def _drawn(orders: Iterable[str]) -> list[str]:
    """Return the orders that figures show."""
    shown = (ATTENTION, EVIDENCE_SUMS, GRADIENT, GRAD_CAM, BRIGHTNESS)
    return [name for name in shown if name in orders]
