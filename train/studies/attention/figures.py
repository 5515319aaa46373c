"""Figures of the measurements of attention."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.evaluation.intervals import bootstrap_weights, percentile_interval
from keras_astroattn.images import CLASS_NAMES, flux_patches
from keras_astroattn.models import attention_model
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
    GRAD_CAM,
    RANDOM,
    SEED,
    deletion_orders,
    rank_patches,
    read_gradients,
    read_maps,
)
from .measure import Measured, TitledNetwork
from .records import accuracy, groups, same_class

SHARES = np.linspace(0, 1, 41)

SHOWN = slice(40, 110)
"""Rows and columns of an image in the figures of patches."""

SIMULATED = 7
"""First simulated source in the figures; each class shows two."""

DOCUMENTED = ("moves", "deletion", "simulated_patches", "simulated_maps")
"""Figures that show no real source, and may go into a document."""


def save_figures(measured: Measured, images: np.ndarray, output: Path) -> None:
    """Write all figures of a network.

    Args:
        measured: its measurements.
        images: (n, h, w) uint8, the images that were measured.
        output: folder of the figures.
    """
    network = measured.network
    rows = [np.flatnonzero(measured.labels == label)[:2] for label in range(len(CLASS_NAMES))]
    rows = np.concatenate(rows)
    shown = _examples(network, images[rows], measured.labels[rows])
    for name, figure in (_figures(measured) | shown).items():
        save_figure(figure, output / f"{network.slug}_{name}")


def _figures(measured: Measured) -> dict[str, Figure]:
    """Return the figures that show no real source, by name."""
    made = [simulate(2, SEED, SIMULATED, label) for label in range(len(CLASS_NAMES))]
    images, labels = (
        np.concatenate([getattr(one, what) for one in made]) for what in ("image", "label")
    )
    examples = _examples(measured.network, images, labels)
    return {
        "moves": _moves(measured),
        "deletion": _deletion(measured),
        "simulated_patches": examples["patches"],
        "simulated_maps": examples["maps"],
    }


def _moves(measured: Measured) -> Figure:
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
        "right": [accuracy(measured, several) for several in by_group.values()],
        "the same as unmoved": [same_class(measured, several) for several in by_group.values()],
    }
    return equivariance_figure(list(by_group), followed, stayed, shares)


def _deletion(measured: Measured) -> Figure:
    panels = {}
    chosen = {"all": np.ones(len(measured.labels), bool)}
    chosen |= {
        f"called {name}": measured.predicted == label for label, name in enumerate(CLASS_NAMES)
    }
    for title, rows in chosen.items():
        if not rows.any():
            continue
        weights = bootstrap_weights(measured.labels[rows], 1000, SEED)
        curves = {}
        for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM):
            values = measured.curves(order, SHARES)[rows]
            samples = weights @ values / rows.sum()
            low, high = np.array([percentile_interval(one) for one in samples.T]).T
            curves[order] = (values.mean(axis=0), low, high)
        panels[f"{title} ({rows.sum()})"] = curves
    return deletion_figure(SHARES, panels)


def _examples(network: TitledNetwork, images: np.ndarray, labels: np.ndarray) -> dict[str, Figure]:
    """Draw maps of some sources, and the orders in which their patches are deleted."""
    classes, maps = read_maps(attention_model(network.model), images)
    maps |= read_gradients(network.model, images, classes)
    parts = np.stack([flux_patches(image) for image in images])
    orders = deletion_orders(rank_patches(images, parts, maps))
    cut = (slice(None), SHOWN, SHOWN)
    shown = {title: orders[title] for title in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS)}
    return {
        "patches": patches_figure(images[cut], parts[cut], shown, labels),
        "maps": source_maps_figure(images, maps, labels),
    }
