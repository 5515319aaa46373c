"""Degraded copies of MiraBest, and what networks say of them, out of fold or not."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

import numpy as np

from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.edge import LabelRules
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import calibrated
from train.cross_validation import FOLDS, fold_path, folds
from train.degradation import degraded_cutout
from train.named_configurations import epochs_of

from .populations import Population, may_have_class

COPIES = 6
"""Copies of each confident source of MiraBest."""

_SEED = 20_000  # the copies that a network trains on have the seed of its run
_BATCH = 64


def fold_networks(output: Path, configuration: str, parts: int = FOLDS) -> list[Path]:
    """Return the networks that `train.cross_validation` saved, one for each part, with seed 0.

    Args:
        output: folder of its predictions.
        configuration: name of the configuration.
        parts: number of parts, from the first.

    Raises:
        InputError: A network is missing.
    """
    epochs = epochs_of(configuration, None)
    paths = [
        fold_path(output, configuration, epochs, 0, part).with_suffix(".keras")
        for part in range(parts)
    ]
    for path in paths:
        if not path.exists():
            raise InputError(
                f"{path} is missing: run python -m train.cross_validation --configuration "
                f"{configuration} first"
            )
    return paths


def degraded_copies(
    sources: Sources,
    rows: Iterable[int],
    copies: int = COPIES,
    source_done: Callable[[], object] = lambda: None,
) -> Population:
    """Degrade sources of MiraBest, each several times.

    A copy has a wider beam and, for most copies, more noise (`degraded_cutout`).

    Args:
        sources: the sources.
        rows: those to degrade.
        copies: copies of each source.
        source_done: called after each source.

    Returns:
        The copies that may have a class.
    """
    rules, kept = LabelRules(), []
    for source in rows:
        for copy in range(copies):
            name = str(sources.name[source]).encode()
            cutout = degraded_cutout(
                sources.image[source], np.random.default_rng([_SEED, copy, *name])
            )
            if cutout is not None and may_have_class(cutout, rules):
                kept.append(_row(cutout, int(sources.label[source])))
        source_done()
    return _population(kept)


def classified_copies(
    networks: list[Path],
    temperature: float,
    data_dir: Path | None,
    report_progress: Callable[[int, int], object] = lambda done, total: None,
    copies: int = COPIES,
) -> tuple[np.ndarray, Population]:
    """Degrade the confident sources of MiraBest, and classify each out of fold.

    Args:
        networks: .keras files, one for each of the first parts of the sources, that it was not
            trained on. The copies are those of the sources in these parts.
        temperature: temperature of their logits.
        data_dir: folder with the archives of the data sets.
        report_progress: called with the number of finished sources and that of all.
        copies: copies of each source.

    Returns:
        (n, 2) probabilities, and the n copies that may have a class.
    """
    from keras_astroattn.models import sees_source_alone
    from keras_astroattn.models.loading import load_network

    sources = load_sources("mirabest-confident", "all", data_dir)
    parts = folds(sources.label)[: len(networks)]
    done, total = itertools.count(1), sum(map(len, parts))
    said, populations = [], []
    for path, held_out in zip(networks, parts, strict=True):
        population = degraded_copies(
            sources, held_out, copies, lambda: report_progress(next(done), total)
        )
        network = load_network(str(path))
        for images in population.images(_BATCH, sees_source_alone(network)):
            said.append(calibrated(np.asarray(network.predict_on_batch(images)), temperature))
        populations.append(population)
    return np.concatenate(said), _joined(populations)


def _row(cutout, label: int) -> tuple:
    size, ratio = cutout.certain_size_in_beams, cutout.contrast
    return cutout.pixels, cutout.source_alone().pixels, label, size, ratio


def _joined(parts: list[Population]) -> Population:
    columns = ([getattr(one, field.name) for one in parts] for field in fields(Population))
    return Population(*(None if one[0] is None else np.concatenate(one) for one in columns))


def _population(rows: list[tuple]) -> Population:
    pixels, alone, label, size, ratio = map(np.array, zip(*rows, strict=True))
    return Population(pixels, alone, label, None, size, ratio, None)
