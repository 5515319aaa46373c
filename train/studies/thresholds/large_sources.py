"""The command `python -m train.studies.thresholds.large_sources`: sources larger than the frame.

Such a source is shown as a beam two or four times as wide shows it (`images.widening`), if it
reaches the edge of the frame. If it may have lobes beyond the frame, it is flagged. Nothing here
is used to choose thresholds.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation import (
    NOISE,
    draw_source,
    generator,
    log_uniform,
    observe,
    render,
    scaled_flux,
    scaled_size,
)
from keras_astroattn.datasets.simulation.radio_galaxies import (
    NEIGHBOURS_PER_FIELD,
    draw_neighbours,
)
from keras_astroattn.edge import Classifier
from keras_astroattn.edge.labels import BEYOND_FRAME
from keras_astroattn.files import write_text
from keras_astroattn.images import (
    BEAM,
    CLASS_NAMES,
    FIELD_SIZE,
    PIXEL_SCALE,
    Cutout,
    cutout_from_field,
    flags,
)
from keras_astroattn.images.widening import WIDENINGS, widened
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.report import markdown_table
from keras_astroattn.wilson import wilson_interval

from .populations import FIELD, POINT, simulated_map

SIZES = (45.0, 75.0, 120.0, 180.0)
"""Edges of the ranges of true size, beams; sizes are drawn uniformly in the logarithm."""

RATIOS = (20.0, 100.0, 300.0, 1000.0)
"""Edges of the ranges of peak over noise on the map; drawn uniformly in the logarithm."""

SEED = 41

_WIDTH = FIELD_SIZE * WIDENINGS[-1] + 40  # pixels: a frame may be moved by 20 pixels
_PURPOSE = 9  # of `generator`
_NEIGHBOURS = 8  # of `generator`
_POSITION_ERROR = 1.0  # rms along each axis, pixels

app = new_app(
    name="python -m train.studies.thresholds.large_sources",
    help="Measure the labels of sources larger than the frame.",
)


@dataclass(frozen=True)
class Trial:
    """A source in its first frame, and in the frame that holds it.

    Attributes:
        truth: 0 FRI, 1 FRII, `POINT`.
        size: true size, beams of the map; 0 for a point source.
        ratio: peak over noise on the map.
        first: label of the first frame.
        label: label of the frame that holds the source.
        factor: factor by which that frame is wider.
        has_lobes_beyond: whether lobes may lie beyond the first frame (flag `outer_lobes`).
    """

    truth: int
    size: float
    ratio: float
    first: str
    label: str
    factor: int
    has_lobes_beyond: bool = False

    @property
    def reaches_edge(self) -> bool:
        """Whether the source reaches the edge of the first frame."""
        return self.first == BEYOND_FRAME


@app.default
def large_sources(
    model: str,
    /,
    *,
    output: Path | None = None,
    sources: Annotated[int, Parameter(validator=Number(gte=2))] = 600,
) -> None:
    """Measure the labels of sources larger than the frame.

    Args:
        model: Name of a preset, or path of a .tflite file.
        output: Markdown file for the tables; by default they are only printed.
        sources: Number of simulated sources, of large galaxies and of smaller sources each.
    """
    from rich.progress import track

    with quiet_native_logs():
        classifier = Classifier(model)
    numbers = track(range(sources), "large galaxies")
    large = [large_galaxy(classifier, index) for index in numbers]
    numbers = track(range(sources), "smaller sources")
    small = [smaller_source(classifier, index) for index in numbers]
    headers = ["sources", "number", "in the first frame", "then given a class", "correct"]
    rows = [row for name, trials in groups(large, small) for row in table_rows(name, trials)]
    text = markdown_table(headers, rows)
    if output is not None:
        write_text(output, text)
    print(text)


def large_galaxy(classifier: Classifier, index: int) -> Trial:
    """Classify galaxy `index` of more than 45 beams; FRI and FRII alternate."""
    rng = generator(SEED, index, _PURPOSE)
    size, ratio = log_uniform(rng, SIZES[0], SIZES[-1]), log_uniform(rng, RATIOS[0], RATIOS[-1])
    model = scaled_size(draw_source(SEED, index, index % 2), size * BEAM)
    model = scaled_flux(model, ratio * NOISE / float(render(model, (_WIDTH, _WIDTH)).max()))
    neighbours = draw_neighbours(
        generator(SEED, index, _NEIGHBOURS),
        NEIGHBOURS_PER_FIELD * (_WIDTH / FIELD_SIZE) ** 2,
        _WIDTH * PIXEL_SCALE,
    )
    middle = (_WIDTH - 1) / 2
    field = observe(
        replace(model, neighbours=neighbours), rng, (_WIDTH, _WIDTH), centre=(middle, middle)
    )
    error = rng.normal(0, _POSITION_ERROR, 2)
    centre = (middle + error[0], middle + error[1])

    def cut(widening: int) -> Cutout:
        return cutout_from_field(
            field, PIXEL_SCALE, BEAM, centre=centre, recentre=True, as_is=True, widening=widening
        )

    return trial_of(classifier, cut, model.label, size, ratio)


def smaller_source(classifier: Classifier, index: int) -> Trial:
    """Classify source `index` of 0 to 40 beams among neighbours (`populations.simulated_map`)."""
    model, field, scale, centre = simulated_map(SEED, index, FIELD * WIDENINGS[-1])

    def cut(widening: int) -> Cutout:
        return cutout_from_field(
            field, scale, BEAM, centre=centre, recentre=True, widening=widening
        )

    size = 0.0 if model.label == POINT else model.angular_size / BEAM
    return trial_of(classifier, cut, model.label, size, float("nan"))


def trial_of(
    classifier: Classifier, cut: Callable[[int], Cutout], truth: int, size: float, ratio: float
) -> Trial:
    """Classify a source in its first frame, and in the frame that holds it.

    Args:
        classifier: the model.
        cut: function that cuts the source with its beam widened by a factor.
        truth: 0 FRI, 1 FRII, `POINT`.
        size: true size, beams of the map.
        ratio: peak over noise on the map.
    """
    cut = functools.cache(cut)
    first, found = cut(1), widened(cut)
    labels = [classifier.classify(one).label for one in (first, found)]
    factor = round(found.pixel_scale / first.pixel_scale)
    return Trial(truth, size, ratio, *labels, factor, flags.OUTER_LOBES in first.flags)


def groups(large: Sequence[Trial], small: Sequence[Trial]) -> Iterator[tuple[str, list[Trial]]]:
    """Yield name and trials of each row of the table."""
    yield "large galaxies", list(large)
    for number, name in enumerate(CLASS_NAMES):
        yield f"large {name}", [one for one in large if one.truth == number]
    for low, high in pairwise(SIZES):
        yield f"{low:g} to {high:g} beams", [one for one in large if low <= one.size < high]
    for low, high in pairwise(RATIOS):
        yield f"peak {low:g} to {high:g} sigma", [one for one in large if low <= one.ratio < high]
    yield "galaxies of 1 to 40 beams", [one for one in small if one.truth != POINT]
    yield "point sources", [one for one in small if one.truth == POINT]


def table_rows(name: str, trials: Sequence[Trial]) -> Iterator[list[object]]:
    """Yield the rows of the table for some sources.

    A row holds name, number, what the first frame shows, and how many of these are given a class
    in the end, and correctly.

    Args:
        name: name of the sources.
        trials: the sources.
    """
    edge = [one for one in trials if one.reaches_edge]
    lobes = [one for one in trials if one.has_lobes_beyond]
    other = [one for one in trials if not (one.reaches_edge or one.has_lobes_beyond)]
    for what, chosen in (
        ("reach the edge", edge),
        ("have lobes beyond", lobes),
        ("neither", other),
    ):
        given = given_and_correct([(one.truth, one.label) for one in chosen])
        yield [name, len(trials), f"{what}: {len(chosen)}", *given]


def given_and_correct(pairs: Sequence[tuple[int, str]]) -> tuple[str, str]:
    """Return how many sources are given a class, and correctly, as two cells of a table.

    Args:
        pairs: truth and label of each source; a class of a point source is wrong.
    """
    given = [
        truth != POINT and label == CLASS_NAMES[truth]
        for truth, label in pairs
        if label in CLASS_NAMES
    ]
    if not given:
        return "0", "-"
    low, high = wilson_interval(float(np.mean(given)), len(given))
    share = f"{100 * np.mean(given):.0f} % ({100 * low:.0f}-{100 * high:.0f})"
    return f"{len(given)} ({100 * len(given) / len(pairs):.0f} %)", f"{sum(given)}: {share}"


if __name__ == "__main__":
    raise SystemExit(run_app(app))
