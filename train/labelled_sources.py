"""Labelled sources of a table: their images, cut again, and the probabilities of the table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track

from keras_astroattn.edge import Result
from keras_astroattn.edge.calibration import log_odds
from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import Agreed
from keras_astroattn.recalibration.labels import FRI, FRII, NO_GALAXY, UNSURE, GivenLabel
from keras_astroattn.survey.result_cutouts import cut_of, survey_summary

FEWEST = 60
"""Fewest sources labelled FRI or FRII that a network is fine-tuned on."""

FEWEST_OF_A_CLASS = 10
"""Fewest of them in each class: two for each of five folds."""

_WORDS = {UNSURE: "unsure", NO_GALAXY: "not a radio galaxy"}
_STATED = 5  # reasons in a message: each unreadable file is one of its own
_SAME_SIZE = 0.01  # as in a report: rounding in the table


@dataclass(frozen=True, eq=False)
class LabelledSources:
    """Sources of a table that people labelled FRI or FRII.

    Attributes:
        image: (n, 150, 150) uint8.
        is_frii: (n,) bool, the labels.
        odds: (n,) ln P(FRII) / P(FRI) of the table.
        inclusion: (n,) probability with which the random part includes the source; NaN in no
            random part.
    """

    image: np.ndarray
    is_frii: np.ndarray
    odds: np.ndarray
    inclusion: np.ndarray

    def __len__(self) -> int:
        return len(self.is_frii)

    @property
    def counted(self) -> np.ndarray:
        """(n,) weights of an estimate for the table, with the sum n.

        If sources are of the random part, only these count, 1 / inclusion probability times;
        otherwise all count equally.
        """
        weights = np.ones(len(self))
        if np.isfinite(self.inclusion).any():
            weights = np.nan_to_num(1 / self.inclusion, nan=0.0)
        return weights * len(self) / weights.sum()


def usable_labels(result: Result, agreed: Agreed) -> tuple[list[GivenLabel], Counter[str]]:
    """Return the labels FRI and FRII of sources with a probability.

    Args:
        result: the table.
        agreed: one label for each source.

    Returns:
        The labels, and the number of others by the reason for which they are left out.

    Raises:
        InputError: There are too few of them.
    """
    known = np.isfinite(result.probabilities).all(axis=1)
    has_class = {source for source, one in zip(result.sources, known, strict=True) if one}
    used, left_out = [], Counter({"the labellers disagree": len(agreed.disagreed)})
    for one in agreed.labels.values():
        if one.label not in (FRI, FRII):
            left_out[_WORDS[one.label]] += 1
        elif one.source not in has_class:
            left_out["no class in the table"] += 1
        else:
            used.append(one)
    require_enough(used, "the labels are too few to fine-tune a network")
    return used, +left_out


def read_labelled(
    result: Result,
    labels: Sequence[GivenLabel],
    left_out: Counter[str],
    console: Console,
    source_alone: bool = False,
) -> LabelledSources:
    """Cut out labelled sources.

    Args:
        result: the table.
        labels: labels of `usable_labels`.
        left_out: number of labels by the reason for which they are left out; those without an
            image are added.
        console: console for the progress.
        source_alone: whether the images show the source alone (`Cutout.source_alone`).

    Returns:
        The sources that have an image.

    Raises:
        InputError: There are too few of them.
    """
    place = {source: row for row, source in enumerate(result.sources)}
    rows = [place[one.source] for one in labels]
    pairs = list(zip(labels, rows, strict=True))
    found = list(_with_images(result, pairs, left_out, console, source_alone))
    problem = "too few labelled sources have an image"
    if left_out:
        problem += f" (left out: {stated(left_out)})"
    require_enough([one for one, _, _ in found], problem)
    inclusion = [np.nan if one.inclusion is None else one.inclusion for one, _, _ in found]
    return LabelledSources(
        np.stack([image for _, _, image in found]),
        np.array([one.label == FRII for one, _, _ in found]),
        log_odds(result.probabilities[[row for _, row, _ in found]]),
        np.array(inclusion),
    )


def stated(left_out: Counter[str]) -> str:
    """Return the most frequent reasons for which labels are left out, with their numbers."""
    parts = [f"{count} {reason}" for reason, count in left_out.most_common(_STATED)]
    others = sum(count for _, count in left_out.most_common()[_STATED:])
    return "; ".join([*parts, f"{others} for other reasons"] if others else parts)


def require_enough(labels: Sequence[GivenLabel], problem: str) -> None:
    """Refuse too few labels.

    Raises:
        InputError: There are fewer than `FEWEST`, or than `FEWEST_OF_A_CLASS` in one class.
    """
    frii = sum(one.label == FRII for one in labels)
    fri = len(labels) - frii
    if len(labels) < FEWEST or min(fri, frii) < FEWEST_OF_A_CLASS:
        raise InputError(
            f"{problem}: {fri} FRI and {frii} FRII; at least {FEWEST}, and {FEWEST_OF_A_CLASS} of "
            "each, are needed; label more sources, or use astroattn recalibrate"
        )


def _with_images(
    result: Result,
    labels: Sequence[tuple[GivenLabel, int]],
    left_out: Counter[str],
    console: Console,
    source_alone: bool,
) -> Iterator[tuple[GivenLabel, int, np.ndarray]]:
    """Yield labels with row and image of the source; count those without one in `left_out`."""
    cut = cut_of(result, {}, survey_summary(result.path))
    sizes = result.numbers("largest_angular_size_arcsec")
    bar = {"console": console, "transient": True, "disable": not console.is_terminal}
    for one, row in track(labels, "reading images", **bar):
        try:
            cutout = cut(row)
        except InputError as error:
            left_out[f"without an image ({' '.join(str(error).split())[:120]})"] += 1
            continue
        size = cutout.largest_angular_size
        if np.isfinite(sizes[row]) and abs(size - sizes[row]) > _SAME_SIZE * (1 + size):
            left_out["with another image than in the table"] += 1
            continue
        yield one, row, (cutout.source_alone() if source_alone else cutout).pixels
