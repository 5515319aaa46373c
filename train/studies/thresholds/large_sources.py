"""The command `python -m train.studies.thresholds.large_sources`: sources larger than the frame.

Such a source is shown as a beam two or four times as wide shows it (`images.widening`). Nothing
here is used to choose thresholds.
"""

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
    help="Measure the labels of sources that reach the edge of the frame.",
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
    """

    truth: int
    size: float
    ratio: float
    first: str
    label: str
    factor: int

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
    """Measure the labels of sources that reach the edge of the frame.

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
    headers = ["sources", "number", "reach the edge", "then given a class", "correct"]
    text = markdown_table(headers, [table_row(name, rows) for name, rows in groups(large, small)])
    within = [one for one in large if not one.reaches_edge]
    text += "\nLarge galaxies that do not reach the edge of the first frame:\n\n"
    text += markdown_table(
        ["sources", "given a class", "correct"],
        [[len(within), *_given([(t.truth, t.first) for t in within])]],
    )
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

    return _trial(classifier, cut, model.label, size, ratio)


def smaller_source(classifier: Classifier, index: int) -> Trial:
    """Classify source `index` of 0 to 40 beams among neighbours (`populations.simulated_map`)."""
    model, field, scale, centre = simulated_map(SEED, index, FIELD * WIDENINGS[-1])

    def cut(widening: int) -> Cutout:
        return cutout_from_field(
            field, scale, BEAM, centre=centre, recentre=True, widening=widening
        )

    size = 0.0 if model.label == POINT else model.angular_size / BEAM
    return _trial(classifier, cut, model.label, size, float("nan"))


def _trial(
    classifier: Classifier, cut: Callable[[int], Cutout], truth: int, size: float, ratio: float
) -> Trial:
    first = classifier.classify(cut(1)).label
    if first != BEYOND_FRAME:
        return Trial(truth, size, ratio, first, first, 1)
    found = widened(cut)
    factor = round(found.pixel_scale / cut(1).pixel_scale)
    return Trial(truth, size, ratio, first, classifier.classify(found).label, factor)


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


def table_row(name: str, trials: Sequence[Trial]) -> list[object]:
    """Return a row of the table.

    Args:
        name: name of the sources.
        trials: the sources.

    Returns:
        Name, number, number that reaches the edge of the first frame, and how many of these are
        given a class, and correctly, in a wider frame.
    """
    reach = [one for one in trials if one.reaches_edge]
    return [name, len(trials), len(reach), *_given([(t.truth, t.label) for t in reach])]


def _given(pairs: Sequence[tuple[int, str]]) -> tuple[str, str]:
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
