"""Sources for the training, validation and evaluation of a run."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from keras_astroattn.datasets import Sources, how_to_get, is_at_hand, join, load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, source_alone
from keras_astroattn.images.beam import PIXELS_PER_BEAM
from keras_astroattn.images.cutout import blanked_threshold
from keras_astroattn.images.extent import measure_extent

from .configuration import TrainConfig

DATA_TITLES = {
    "mirabest": "MiraBest",
    "mirabest-confident": "MiraBest*",
    "frdeep": "FR-DEEP-F",
    "simulated": "simulated",
}
"""Names of the data sets in the paper."""

SIZE_EDGES = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
"""Measured sizes that divide the images whose classes `size_weights` balances, beams."""

LARGEST_WEIGHT = 4.0


@dataclass(frozen=True)
class TrainingSources:
    """The sources of a run.

    Attributes:
        name: name of the data set.
        training: training sources.
        validation: validation sources; None if there are none.
    """

    name: str
    training: Sources
    validation: Sources | None


def choose_data(config: TrainConfig) -> tuple[str, str | None]:
    """Return the data set of a run, and how `auto` chose it (None if it was named)."""
    if config.data != "auto":
        return config.data, None
    if is_at_hand("mirabest", config.data_dir):
        return "mirabest", None
    return "simulated", f"training on simulated sources; {how_to_get('mirabest')}"


def split_sources(config: TrainConfig, name: str) -> TrainingSources:
    """Read the training sources of a data set, and hold out validation sources.

    With `config.split="all"`, the test sources are training sources too. The validation sources
    are stratified by class and depend only on the seed.

    Args:
        config: options of the run.
        name: name of the data set.

    Returns:
        The sources.

    Raises:
        InputError: The sources cannot be loaded, or a class is missing or too small to split.
    """
    sources = _load(config, name, config.split)
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
        name,
        training_images(config, sources.select(training)),
        None if validation is None else seen_images(config, sources.select(validation)),
    )


def training_images(config: TrainConfig, sources: Sources) -> Sources:
    """Return the images that a run trains on.

    Args:
        config: options of the run.
        sources: the training sources, with images of the whole frame.

    Returns:
        The sources; degraded copies of them and simulated sources follow if the options ask for
        them. All are as the network sees them (`seen_images`).
    """
    if config.degraded_copies:
        from .degradation import with_copies

        sources = with_copies(sources, config.degraded_copies, config.seed)
    if config.mixed_simulated:
        options = dataclasses.replace(config, simulated_sources=config.mixed_simulated)
        sources = join([sources, _load(options, "simulated", "train")])
    return seen_images(config, sources)


def seen_images(config: TrainConfig, sources: Sources) -> Sources:
    """Return sources with the images that the network of a run sees.

    Args:
        config: options of the run.
        sources: sources with images of the whole frame.
    """
    if not config.source_alone:
        return sources
    return dataclasses.replace(sources, image=source_alone(sources.image))


def _load(config: TrainConfig, name: str, split: str) -> Sources:
    return load_sources(
        name,
        split,
        config.data_dir,
        simulated_sources=config.simulated_sources,
        observation=config.observation,
    )


def target_probabilities(sources: Sources, uncertain_confidence: float) -> np.ndarray:
    """Return the target probability of each class.

    It is 1 for the class of a confident label, and `uncertain_confidence` for an uncertain one.

    Args:
        sources: the sources.
        uncertain_confidence: target probability of an uncertain label.

    Returns:
        (n, classes) float32.
    """
    given = np.where(sources.confident, 1.0, uncertain_confidence)
    targets = np.repeat((1 - given)[:, np.newaxis], len(CLASS_NAMES), axis=1)
    targets[np.arange(len(sources)), sources.label] = given
    return targets.astype(np.float32)


def size_weights(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return weights with which both classes count equally among images of each size.

    Sizes are measured on the images, in beams, as those of a user's maps. In MiraBest, nine of
    ten sources of one to four beams are FRII. A network that learns this gives the class of a
    small source of any survey by its size.

    Args:
        images: uint8 (n, 150, 150).
        labels: (n,) classes.

    Returns:
        (n,) float32, at most `LARGEST_WEIGHT`; their mean is about 1.
    """
    part = np.digitize([_size_in_beams(image) for image in images], SIZE_EDGES)
    weights = np.ones(len(labels), np.float32)
    for number in np.unique(part):
        counts = np.bincount(labels[part == number], minlength=len(CLASS_NAMES))
        for label in np.flatnonzero(counts):
            mine = (part == number) & (labels == label)
            weights[mine] = counts.sum() / len(CLASS_NAMES) / counts[label]
    return np.minimum(weights, LARGEST_WEIGHT)


def _size_in_beams(image: np.ndarray) -> float:
    """Return the measured size of the source on an image whose noise was blanked; 0 without."""
    level = blanked_threshold(image.astype(np.float32), image)
    return measure_extent(image / level).size / PIXELS_PER_BEAM


def load_evaluation_sources(config: TrainConfig, sources: TrainingSources) -> tuple[str, Sources]:
    """Return the sources of the final evaluation, with their name.

    These are the training sources if no validation sources were held out.

    Raises:
        InputError: The sources cannot be loaded, or the test sources have one class.
    """
    if config.evaluate == "test":
        test = _load(config, sources.name, "test")
        _require_both_classes(test.label, f"test sources of {sources.name}")
        return "test", seen_images(config, test)
    if sources.validation is None:
        return "training", sources.training
    return "validation", sources.validation


def _drawn(rows: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw `count` of the rows, stratified by class, in the order of the file."""
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
