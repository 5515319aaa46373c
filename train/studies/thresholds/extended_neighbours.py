"""The command `python -m train.studies.thresholds.extended_neighbours`: among other galaxies.

In most simulations the neighbours of a source are points. Here they are radio galaxies at random
places too, which the software can take for a part of the source. Nothing here is used to choose
thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation import (
    NOISE,
    Components,
    SourceModel,
    draw_source,
    generator,
    log_uniform,
    observe,
    point_source,
    render,
    scaled_flux,
    scaled_size,
)
from keras_astroattn.datasets.simulation.source import join
from keras_astroattn.edge import Classifier
from keras_astroattn.files import write_text
from keras_astroattn.images import BEAM, CLASS_NAMES, PIXEL_SCALE, Cutout, cutout_from_field
from keras_astroattn.images.widening import WIDENINGS
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.report import markdown_table

from .large_sources import Trial, given_and_correct, trial_of
from .populations import POINT, POSITION_ERROR, RATIOS, SIZES, draw_neighbours

DENSITIES = (0.2, 0.7, 1.4)
"""Mean numbers of galaxies in a square of 100 beams."""

GALAXY_SIZES = (3.0, 40.0)
"""Least and largest size of a neighbouring galaxy, beams; drawn uniformly in the logarithm."""

POINTS_PER_FRAME = 0.5
"""Mean number of point neighbours above 5 sigma in a frame of 50 beams, as in FIRST."""

SEED = 42

_PIXELS = 360  # width of a map: the 300 pixels about a frame, which may be moved by 20 pixels
_WIDTH = _PIXELS * WIDENINGS[-1] * PIXEL_SCALE / BEAM  # of the area with neighbours, beams
_SQUARE = 100.0  # beams
_STAMP = 150  # pixels, on which the peak of a galaxy is found
_LABELS = (0, 1, POINT)  # of sources 0, 1, 2, and so on
_PURPOSE, _POSITION = 10, 11  # of `generator`
_NOISES = {widening: 12 + widening for widening in (1, *WIDENINGS)}  # of `generator`
_SPARE = 2**20  # number of the first neighbour of a source, of all that `draw_source` draws

app = new_app(
    name="python -m train.studies.thresholds.extended_neighbours",
    help="Measure the labels of sources among other radio galaxies.",
)


@app.default
def extended_neighbours(
    model: str,
    /,
    *,
    output: Path | None = None,
    sources: Annotated[int, Parameter(validator=Number(gte=3))] = 900,
    density: Annotated[tuple[float, ...], Parameter(validator=Number(gte=0))] = DENSITIES,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = SEED,
) -> None:
    """Measure the labels of sources among other radio galaxies.

    Args:
        model: Name of a preset, or path of a .tflite file.
        output: Markdown file for the table; by default it is only printed.
        sources: Number of simulated sources of each density: as many FRI, FRII and points.
        density: Mean number of galaxies in a square of 100 beams; give it several times.
        seed: Seed of the sources and their neighbours.
    """
    from rich.progress import track

    with quiet_native_logs():
        classifier = Classifier(model)
    rows = []
    for number in density:
        indices = track(range(sources), f"{number:g} galaxies")
        trials = [source_among_galaxies(classifier, seed, index, number) for index in indices]
        rows += table_rows(number, trials)
    headers = ["galaxies a square", "sources", "shown", "number", "given a class", "correct"]
    text = markdown_table(headers, rows)
    if output is not None:
        write_text(output, text)
    print(text)


def source_among_galaxies(classifier: Classifier, seed: int, index: int, density: float) -> Trial:
    """Classify source `index` of `source_with_galaxies` in the frame that holds it."""
    model = source_with_galaxies(seed, index, density)

    def cut(widening: int) -> Cutout:
        return observed(model, seed, index, widening)

    size = 0.0 if model.label == POINT else model.angular_size / BEAM
    return trial_of(classifier, cut, model.label, size, float("nan"))


def source_with_galaxies(seed: int, index: int, density: float) -> SourceModel:
    """Return source `index`, with radio galaxies and points at random places as neighbours.

    Galaxies, the source and its neighbours, have sizes and peaks that are uniform in the logarithm
    (`SIZES`, `GALAXY_SIZES`, `RATIOS`). The source and the first neighbours are the same at each
    density.

    Args:
        seed: seed of the set.
        index: number of the source; the remainder by 3 is 0 for an FRI, 1 for an FRII, 2 for
            a point source.
        density: mean number of galaxies in a square of 100 beams.
    """
    rng = generator(seed, index, _PURPOSE)
    label = _LABELS[index % len(_LABELS)]
    size, ratio = log_uniform(rng, *SIZES), log_uniform(rng, *RATIOS)
    model = point_source(1.0) if label == POINT else draw_source(seed, index, label)
    model = model if label == POINT else scaled_size(model, size * BEAM)
    model = _with_peak(model, ratio)
    neighbours = draw_neighbours(rng, POINTS_PER_FRAME, _WIDTH)
    count = rng.poisson(density * (_WIDTH / _SQUARE) ** 2)
    galaxies = [_galaxy(rng, seed, _SPARE * (index + 1) + number) for number in range(count)]
    return replace(model, neighbours=join(neighbours, *galaxies))


def observed(model: SourceModel, seed: int, index: int, widening: int) -> Cutout:
    """Return a source on a map with FIRST's beam and pixels, cut with its beam widened.

    The map is as large as the frame needs. So each widening has noise of its own, which takes a
    tenth of the time of one large map.
    """
    error = generator(seed, index, _POSITION).normal(0, POSITION_ERROR, 2)
    pixels = _PIXELS * widening
    middle = (pixels - 1) / 2
    rng = generator(seed, index, _NOISES[widening])
    field = observe(model, rng, (pixels, pixels), centre=(middle, middle))
    return cutout_from_field(
        field,
        PIXEL_SCALE,
        BEAM,
        centre=(middle + error[0], middle + error[1]),
        recentre=True,
        as_is=True,
        widening=widening,
    )


def _galaxy(rng: np.random.Generator, seed: int, index: int) -> Components:
    """Return the components of a galaxy at a random place of the map."""
    model = scaled_size(draw_source(seed, index), log_uniform(rng, *GALAXY_SIZES) * BEAM)
    components = _with_peak(model, log_uniform(rng, *RATIOS)).components
    east, north = rng.uniform(-_WIDTH / 2, _WIDTH / 2, 2) * BEAM
    return replace(components, east=components.east + east, north=components.north + north)


def _with_peak(model: SourceModel, ratio: float) -> SourceModel:
    """Return a source with a peak in units of the noise on the map."""
    peak = float(render(model, (_STAMP, _STAMP), neighbours=False).max())
    return scaled_flux(model, ratio * NOISE / peak)


def table_rows(density: float, trials: Sequence[Trial]) -> Iterator[list[object]]:
    """Yield the rows of the table for the sources of a density.

    A row holds density, kind of source, frame, number of sources, how many of them are given a
    class, and correctly. The frame is `first`, `wider`, or `outer_lobes` for a first frame with
    this flag.
    """
    kinds = [("all", trials)]
    for truth, kind in ((0, CLASS_NAMES[0]), (1, CLASS_NAMES[1]), (POINT, "point")):
        kinds.append((kind, [one for one in trials if one.truth == truth]))
    for kind, chosen in kinds:
        for frame in ("first", "wider", "outer_lobes"):
            shown = [one for one in chosen if frame_of(one) == frame]
            pairs = [(one.truth, one.label) for one in shown]
            yield [f"{density:g}", kind, frame, len(shown), *given_and_correct(pairs)]


def frame_of(trial: Trial) -> str:
    """Return the frame of a source: `first`, `wider`, or `outer_lobes`."""
    if trial.factor > 1:
        return "wider"
    return "outer_lobes" if trial.has_lobes_beyond else "first"


if __name__ == "__main__":
    raise SystemExit(run_app(app))
