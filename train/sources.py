"""Which sources a run trains on, validates on and is tested on."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from keras_astroattn.datasets import Sources, how_to_get, is_at_hand, load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES

from .configuration import TrainConfig

DATA_TITLES = {
    "mirabest": "MiraBest",
    "mirabest-confident": "MiraBest*",
    "frdeep": "FR-DEEP-F",
    "simulated": "simulated",
}
"""What the paper calls the data sets."""


@dataclass(frozen=True)
class TrainingSources:
    """The sources of a run; `validation` is None where none are held out."""

    name: str
    training: Sources
    validation: Sources | None


def choose_data(config: TrainConfig) -> tuple[str, str | None]:
    """The data set that `--data auto` means, and one line to say so (None if named)."""
    if config.data != "auto":
        return config.data, None
    if is_at_hand("mirabest", config.data_dir):
        return "mirabest", None
    return "simulated", f"training on simulated sources; {how_to_get('mirabest')}"


def split_sources(config: TrainConfig, name: str) -> TrainingSources:
    """Read a data set's training sources and hold the validation sources out.

    `config.split="all"` counts the test sources among those to train on. What is held out is
    stratified by class and depends on the seed alone.

    Raises:
        InputError: as `load_sources`; a class is missing or too small to be split.
    """
    sources = load_sources(
        name, config.split, config.data_dir, simulated_sources=config.simulated_sources
    )
    rows = np.arange(len(sources))
    if config.train_limit is not None and config.train_limit < len(rows):
        rows = _drawn(rows, sources.label, config.train_limit, config.seed)
    if config.validation_fraction == 0:
        training, validation = rows, None
    else:
        held_out = max(2, round(config.validation_fraction * len(rows)))
        validation = _drawn(rows, sources.label, held_out, config.seed)
        training = np.setdiff1d(rows, validation)
    for what, chosen in (("training", training), ("validation", validation)):
        if chosen is not None:
            _require_both_classes(sources.label[chosen], f"{what} sources of {name}")
    return TrainingSources(
        name, sources.select(training), None if validation is None else sources.select(validation)
    )


def target_probabilities(sources: Sources, uncertain_confidence: float) -> np.ndarray:
    """What a network is taught: P(class) of each source, (n, classes) float32.

    1 for the class of a confident label, `uncertain_confidence` for that of an uncertain one.
    """
    given = np.where(sources.confident, 1.0, uncertain_confidence)
    targets = np.repeat((1 - given)[:, np.newaxis], len(CLASS_NAMES), axis=1)
    targets[np.arange(len(sources)), sources.label] = given
    return targets.astype(np.float32)


def load_evaluation_sources(config: TrainConfig, sources: TrainingSources) -> tuple[str, Sources]:
    """What the table at the end is made on, with its name.

    Where validation is asked for and nothing was held out, it is the training sources.

    Raises:
        InputError: as `load_sources`; the test sources are of one class.
    """
    if config.evaluate == "test":
        test = load_sources(
            sources.name, "test", config.data_dir, simulated_sources=config.simulated_sources
        )
        _require_both_classes(test.label, f"test sources of {sources.name}")
        return "test", test
    if sources.validation is None:
        return "training", sources.training
    return "validation", sources.validation


def _drawn(rows: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of the rows, classes in proportion, in the order of the file."""
    try:
        drawn, _ = train_test_split(
            rows, train_size=count, random_state=seed, stratify=labels[rows]
        )
    except ValueError as error:
        raise InputError(f"cannot draw {count} of {len(rows)} sources by class: {error}") from None
    return np.sort(drawn)


def _require_both_classes(labels: np.ndarray, what: str) -> None:
    counts = np.bincount(labels, minlength=len(CLASS_NAMES))
    if not counts.all():
        missing = CLASS_NAMES[int(counts.argmin())]
        raise InputError(f"the {what} hold no {missing}: both classes are needed; take more")
