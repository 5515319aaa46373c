"""Labels against errors of the position, and with the frame at the position or at the source."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from keras_astroattn.datasets import load_sources
from keras_astroattn.edge import Classifier
from keras_astroattn.images import (
    BEAM,
    CLASS_NAMES,
    FIELD_SIZE,
    IMAGE_SIZE,
    PIXEL_SCALE,
    Cutout,
    FitsMap,
    cutout_from_field,
)
from keras_astroattn.images.pixel_position import pixel_position
from keras_astroattn.report import markdown_table

from .tables import share

ERRORS = (1, 3, 10)
"""Errors of the position, pixels of 1.8 arcsec."""

DIRECTIONS = 8
"""Directions of each error."""

_MARGIN = (FIELD_SIZE - IMAGE_SIZE) // 2
_FIRST_ANGLE = 0.3  # of the step between directions: no error lies along an axis of the pixels

Frame = Literal["position", "source", "source alone"]
"""Place of the frame; "source alone" also blanks the islands that do not belong to the source."""

Cut = Callable[[float, float, bool], Cutout]
"""From the error of the position (x, y; pixels), and whether to centre on the source, a cutout."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Answer of a model for one cutout.

    Attributes:
        label: one of `edge.labels.LABELS`.
        probabilities: (2,) of FRI and FRII, before the label rules.
    """

    label: str
    probabilities: np.ndarray


def frames_for(classifier: Classifier) -> tuple[Frame, ...]:
    """Return the frames to measure.

    A network that sees the source alone gives one answer for "source" and "source alone".
    """
    if classifier.sees_source_alone:
        return ("position", "source alone")
    return ("position", "source", "source alone")


def position_table(classifier: Classifier, data_dir: Path) -> str:
    """Return the labels that change with an error of the position, and accuracy without one.

    Args:
        classifier: the model.
        data_dir: folder with `fits/` and `mirabest/`.

    Returns:
        A Markdown section.
    """
    frames = frames_for(classifier)
    maps = sorted((data_dir / "fits").glob("*.fits"))
    test = load_sources("mirabest-confident", "test", data_dir)
    cuts = {
        f"{len(maps)} FIRST fields": [_map_cut(path) for path in maps],
        f"{len(test.label)} images of MiraBest*": [_image_cut(image) for image in test.image],
    }
    headers = ["sources", "frame at", *(f"changed, {e} px" for e in ERRORS)]
    headers += [*(f"FRI <-> FRII, {e} px" for e in ERRORS), "correct", "log loss"]
    rows = []
    for name, some in cuts.items():
        labels = test.label if len(some) == len(test.label) else None
        for frame in frames:
            exact = [answer(classifier, cut, frame) for cut in some]
            row = [name, frame, *_changes(classifier, some, exact, frame)]
            rows.append([*row, *(_scores(exact, labels) if labels is not None else ("-", "-"))])
    return (
        f"## Position ({DIRECTIONS} directions for each error)\n\n{_meanings(frames)} A label is "
        "*changed* if it differs from that of the same source without an error. The images of "
        "MiraBest* (its confident test sources) are placed in an empty map, so that their frames "
        "can be moved; beyond the image the sky is black. *Correct* and *log loss* are those of "
        f"the network without the label rules.\n\n{markdown_table(headers, rows)}"
    )


def _meanings(frames: Sequence[Frame]) -> str:
    """Return sentences that explain the frames."""
    moved = "the default of `read_fits`: the frame is moved to the flux centroid"
    if "source" in frames:
        rest = f"*Source* is {moved}. *Source alone* also blanks all other islands."
    else:
        rest = f"*Source alone* is {moved}. In both frames the network sees the source alone."
    return f"*Position* is MiraBest's own frame. {rest}"


def answer(
    classifier: Classifier, cut: Cut, frame: Frame, error: tuple[float, float] = (0.0, 0.0)
) -> Answer:
    """Classify one source whose position has an error.

    Args:
        classifier: the model.
        cut: function that cuts the source.
        frame: place of the frame.
        error: (x, y) error of the position, pixels.
    """
    cutout = cut(*error, frame != "position")
    cutout = cutout.source_alone() if frame == "source alone" else cutout
    outputs = classifier.predict(classifier.network_input(cutout))
    label = classifier.describe(cutout, outputs).label
    return Answer(label, outputs["probabilities"][0].astype(float))


def _map_cut(path: Path) -> Cut:
    def cut(x: float, y: float, recentre: bool) -> Cutout:
        with FitsMap(path, centre="source" if recentre else "position") as sky:
            middle = (np.array(sky.shape[::-1]) - 1) / 2 + (x, y)
            position = pixel_position(sky.keywords, tuple(middle))
            return sky.cutout(position, pixel=middle)

    return cut


def _image_cut(image: np.ndarray) -> Cut:
    field = np.zeros((FIELD_SIZE, FIELD_SIZE), np.float32)
    field[_MARGIN : _MARGIN + IMAGE_SIZE, _MARGIN : _MARGIN + IMAGE_SIZE] = np.squeeze(image)
    middle = (FIELD_SIZE - 1) / 2

    def cut(x: float, y: float, recentre: bool) -> Cutout:
        centre = (middle + x, middle + y)
        return cutout_from_field(
            field, PIXEL_SCALE, BEAM, centre=centre, recentre=recentre, as_is=True
        )

    return cut


def _changes(
    classifier: Classifier, cuts: Sequence[Cut], exact: Sequence[Answer], frame: Frame
) -> list[str]:
    """Return the shares of changed labels for each error, then those of FRI <-> FRII."""
    changed, flipped = [], []
    for error in ERRORS:
        pairs = [
            (before.label, answer(classifier, cut, frame, offset).label)
            for cut, before in zip(cuts, exact, strict=True)
            for offset in _offsets(error)
        ]
        changed.append(share(pairs, lambda pair: pair[0] != pair[1]))
        flipped.append(share(pairs, lambda pair: set(pair) == set(CLASS_NAMES)))
    return [*changed, *flipped]


def _offsets(error: float) -> Iterator[tuple[float, float]]:
    for number in range(DIRECTIONS):
        angle = 2 * math.pi * (number + _FIRST_ANGLE) / DIRECTIONS
        yield error * math.cos(angle), error * math.sin(angle)


def _scores(answers: Sequence[Answer], labels: np.ndarray) -> tuple[str, str]:
    """Return the share of correct predictions and the mean log loss."""
    probabilities = np.stack([one.probabilities for one in answers])
    correct = float((probabilities.argmax(axis=1) == labels).mean())
    loss = -np.log(probabilities[np.arange(len(labels)), labels]).mean()
    return f"{100 * correct:.1f} %", f"{loss:.3f}"
