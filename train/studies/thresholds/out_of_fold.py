"""Degraded copies of MiraBest, and what networks that did not see their sources say of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_astroattn.datasets import load_sources
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


def classified_copies(
    networks: list[Path],
    temperature: float,
    data_dir: Path | None,
    report_progress: Callable[[int, int], object] = lambda done, total: None,
    copies: int = COPIES,
) -> tuple[np.ndarray, Population]:
    """Degrade the confident sources of MiraBest, and classify each out of fold.

    A copy has a wider beam and, for most copies, more noise (`degraded_cutout`).

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
    rules, said, rows, done, total = LabelRules(), [], [], 0, sum(map(len, parts))
    for path, held_out in zip(networks, parts, strict=True):
        kept = []
        for source in held_out:
            for copy in range(copies):
                name = str(sources.name[source]).encode()
                cutout = degraded_cutout(
                    sources.image[source], np.random.default_rng([_SEED, copy, *name])
                )
                if cutout is not None and may_have_class(cutout, rules):
                    kept.append(_row(cutout, int(sources.label[source])))
            done += 1
            report_progress(done, total)
        population = _population(kept)
        network = load_network(str(path))
        for images in population.images(_BATCH, sees_source_alone(network)):
            said.append(calibrated(np.asarray(network.predict_on_batch(images)), temperature))
        rows += kept
    return np.concatenate(said), _population(rows)


def _row(cutout, label: int) -> tuple:
    size, ratio = cutout.certain_size_in_beams, cutout.contrast
    return cutout.pixels, cutout.source_alone().pixels, label, size, ratio


def _population(rows: list[tuple]) -> Population:
    pixels, alone, label, size, ratio = map(np.array, zip(*rows, strict=True))
    return Population(pixels, alone, label, None, size, ratio, None)
