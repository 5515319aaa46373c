"""The command `python -m train.studies.round_sources`.

Sources with the flag `round` get no class. The command counts the classes that this takes from
radio galaxies, and the rings and ellipses that have a class in spite of it. `--choosing` measures
the sources with which the limits of `images.roundness` were chosen, instead of others.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import load_sources
from keras_astroattn.datasets.simulation import draw_source, simulate_field
from keras_astroattn.datasets.simulation.many_beams import observe_with_any_beam
from keras_astroattn.edge import Classifier
from keras_astroattn.files import write_text
from keras_astroattn.images import (
    BEAM,
    CLASS_NAMES,
    PIXEL_SCALE,
    Cutout,
    cutout_from_array,
    cutout_from_field,
)
from keras_astroattn.images.flags import ROUND
from keras_astroattn.presets import DEFAULT_PRESET
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.report import markdown_table
from train.studies.accuracy.test_sets import UNSEEN_FRDEEP, load_test_set
from train.studies.robustness.trials import first_fields
from train.studies.thresholds.populations import simulated_cutout

from .shapes import KINDS, Shape, observe_shape

SEEDS = {True: (611, 900), False: (711, 1900)}
"""Seeds of simulated galaxies and of other shapes: those with which the limits were chosen (True),
and others."""

LEAST_RATIO = 10.0
"""Least peak over noise of the rings and ellipses in the table."""

app = new_app(
    name="python -m train.studies.round_sources",
    help="Count the radio galaxies that lose their class as round, and the rings that keep one.",
)


@dataclass(frozen=True)
class Trial:
    """A source, whether it is flagged, and the labels of several models without the flag.

    Attributes:
        is_flagged: whether the source has the flag `round`.
        labels: label of each model if the flag is removed.
    """

    is_flagged: bool
    labels: tuple[str, ...]

    def has_class(self, model: int) -> bool:
        """Whether a model (its number) gives a class without the flag."""
        return self.labels[model] in CLASS_NAMES


@app.default
def round_sources(
    *models: str,
    data_dir: Path,
    choosing: Annotated[bool, Parameter(negative="")] = False,
    galaxies: Annotated[int, Parameter(validator=Number(gte=1))] = 1500,
    shapes: Annotated[int, Parameter(validator=Number(gte=1))] = 150,
    output: Path | None = None,
) -> None:
    """Count the classes that the flag `round` takes from radio galaxies and from other sources.

    Args:
        models: Names of presets, or paths of .tflite files; by default the default preset.
        data_dir: Folder with `mirabest/`, `frdeep/` and `fits/`, FIRST fields named by their class.
        choosing: Measure the sources with which the limits were chosen: MiraBest's training images
            and other simulated sources, instead of the test images, FR-DEEP and FIRST fields.
        galaxies: Number of simulated sources of each population.
        shapes: Number of rings and ellipses of each kind.
        output: Markdown file for the tables; by default they are only printed.
    """
    models = models or (DEFAULT_PRESET,)
    with quiet_native_logs():
        classifiers = [Classifier(model) for model in models]
    rows = []
    with Console(stderr=True).status("") as status:
        for name, cutouts in _galaxies(data_dir, galaxies, choosing):
            status.update(name)
            found = [trial(classifiers, cutout) for cutout in cutouts]
            rows += lost_rows(name, models, found)
        text = markdown_table(
            ("radio galaxies", "model", "given a class", "lost", ""), rows, text=2
        )
        rows = []
        for kind in KINDS:
            status.update(kind)
            drawn = (observe_shape(kind, SEEDS[choosing][1], index) for index in range(shapes))
            rows.append(shape_row(kind, drawn, classifiers))
    columns = [f"{model}: no class before, now" for model in models]
    heads = ("source", "number", "flagged", *columns)
    text += "\n" + markdown_table(heads, rows)
    if output is not None:
        write_text(output, text)
    print(text)


def trial(classifiers: Sequence[Classifier], cutout: Cutout) -> Trial:
    """Return the labels of a source without the flag `round`."""
    others = tuple(one for one in cutout.flags if one != ROUND)
    unflagged = replace(cutout, flags=others)
    labels = tuple(classifier.classify(unflagged).label for classifier in classifiers)
    return Trial(ROUND in cutout.flags, labels)


def lost_rows(
    name: str, models: Sequence[str], trials: Sequence[Trial]
) -> Iterator[tuple[str, str, int, int, str]]:
    """Yield a row for each model: how many classes it gives, and how many the flag takes."""
    for number, model in enumerate(models):
        given = [one for one in trials if one.has_class(number)]
        lost = sum(one.is_flagged for one in given)
        share = f"{100 * lost / len(given):.2f} %" if given else "-"
        yield name, model, len(given), lost, share


def shape_row(
    kind: str, drawn: Iterable[Shape], classifiers: Sequence[Classifier]
) -> tuple[str | int, ...]:
    """Return a row: number over `LEAST_RATIO`, flagged, and without a class before and now."""
    found = [trial(classifiers, one.cutout) for one in drawn if one.ratio > LEAST_RATIO]
    shares = []
    for number in range(len(classifiers)):
        classed = np.array([one.has_class(number) for one in found], bool)
        flagged = np.array([one.is_flagged for one in found], bool)
        shares.append(f"{_percent(~classed)}, {_percent(~classed | flagged)}")
    return kind, len(found), _percent([one.is_flagged for one in found]), *shares


def _percent(chosen: Sequence[bool] | np.ndarray) -> str:
    return f"{100 * np.mean(chosen):.0f} %" if len(chosen) else "-"


def _galaxies(data_dir: Path, count: int, choosing: bool) -> Iterator[tuple[str, Iterable[Cutout]]]:
    if choosing:
        yield "MiraBest, training images", _images(load_sources("mirabest", "train", data_dir))
    else:
        yield "MiraBest, test images", _images(load_sources("mirabest", "test", data_dir))
        yield "FR-DEEP, not in MiraBest", _images(load_test_set(UNSEEN_FRDEEP, data_dir))
        fields = first_fields(data_dir / "fits")
        yield "FIRST fields", (_first(field) for field, _ in fields)
    seed = SEEDS[choosing][0]
    simulations: dict[str, Callable[[int], Cutout]] = {
        "simulated, FIRST": lambda index: _first(
            simulate_field(draw_source(seed, index), seed, index)
        ),
        "simulated, 1 to 40 beams, few to many neighbours": lambda index: _galaxy(seed + 1, index),
        "simulated, many beams": lambda index: observe_with_any_beam(seed + 2, index).cutout,
    }
    for name, draw in simulations.items():
        yield name, map(draw, range(count))


def _images(sources) -> Iterator[Cutout]:
    return (cutout_from_array(image) for image in sources.image)


def _first(field: np.ndarray) -> Cutout:
    return cutout_from_field(field, PIXEL_SCALE, BEAM, as_is=True, recentre=True)


def _galaxy(seed: int, number: int) -> Cutout:
    """Return a galaxy of `simulated_cutout`, of whose sources every third is a point."""
    return simulated_cutout(seed, 3 * (number // 2) + number % 2)[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
