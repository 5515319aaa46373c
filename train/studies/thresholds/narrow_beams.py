"""The command `python -m train.studies.thresholds.narrow_beams`: maps of finer beams than FIRST's.

A source that is small with 5.4 arcsec is shown with a narrower beam (`images.narrowing`). The
labels are compared with those of the same maps smoothed to 5.4 arcsec, and with those of maps that
always keep their own beam. Nothing here is used to choose thresholds.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation import (
    NOISE,
    draw_source,
    generator,
    log_uniform,
    observe,
    point_source,
    render,
    scaled_flux,
    scaled_size,
)
from keras_astroattn.datasets.simulation.radio_galaxies import (
    NEIGHBOURS_PER_FIELD,
    draw_neighbours,
)
from keras_astroattn.edge import Classifier
from keras_astroattn.files import write_text
from keras_astroattn.images import FIELD_SIZE, PIXEL_SCALE, Beam, Cutout, cutout_from_field
from keras_astroattn.images.beam import narrowings
from keras_astroattn.images.narrowing import narrowed
from keras_astroattn.images.widening import widened
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.report import markdown_table

from .large_sources import given_and_correct
from .populations import POINT

BEAMS = (2.5, 1.0, 0.3)
"""Beams, arcsec: VLASS; the VLA at 1.5 GHz in its widest array; LOFAR with all its stations."""

SIZES = (1.5, 5.0, 15.0, 40.0, 100.0)
"""Edges of the ranges of true size, beams of the map; drawn uniformly in the logarithm."""

RATIOS = (10.0, 300.0)
"""Least and largest peak over noise on the map, drawn uniformly in the logarithm."""

SEED = 79

_WIDTHS = {2.5: 640.0, 1.0: 400.0, 0.3: 290.0}  # of the maps, arcsec: 5.4 arcsec need 270
_PIXELS_PER_BEAM = 2.5  # VLASS's
_POSITION_ERROR = 0.5  # rms along each axis, arcsec
_PURPOSE = 18  # of `generator`

app = new_app(
    name="python -m train.studies.thresholds.narrow_beams",
    help="Measure the labels of maps with a finer beam than FIRST's.",
)


@dataclass(frozen=True)
class Trial:
    """A source on a map with a fine beam.

    Attributes:
        truth: 0 FRI, 1 FRII, `POINT`.
        size: true size, beams of the map; 0 for a point source.
        smoothed: label of the map smoothed to 5.4 arcsec.
        own: label of the map with its own beam.
        label: label of the frame that is chosen.
    """

    truth: int
    size: float
    smoothed: str
    own: str
    label: str


@app.default
def narrow_beams(
    model: str,
    /,
    *,
    output: Path | None = None,
    sources: Annotated[int, Parameter(validator=Number(gte=3))] = 300,
) -> None:
    """Measure the labels of maps with a finer beam than FIRST's.

    Args:
        model: Name of a preset, or path of a .tflite file.
        output: Markdown file for the table; by default it is only printed.
        sources: Number of simulated sources of each beam: a third each FRI, FRII and points.
    """
    from rich.progress import track

    with quiet_native_logs():
        classifier = Classifier(model)
    rows = []
    for beam in BEAMS:
        numbers = track(range(sources), f"{beam:g} arcsec")
        trials = [trial_of(classifier, beam, index) for index in numbers]
        rows += [table_row(beam, name, chosen) for name, chosen in groups(trials)]
    headers = ["beam, arcsec", "sources", "number"]
    headers += [f"{way}: {what}" for way in WAYS for what in ("given a class", "correct")]
    text = markdown_table(headers, rows)
    if output is not None:
        write_text(output, text)
    print(text)


WAYS = {"smoothed to 5.4 arcsec": "smoothed", "own beam": "own", "chosen": "label"}
"""Attributes of `Trial` by the words of the table."""


def trial_of(classifier: Classifier, beam: float, index: int) -> Trial:
    """Classify source `index` on a map with a beam (arcsec); FRI, FRII and points alternate."""
    rng = generator(SEED, index, _PURPOSE)
    scale = beam / _PIXELS_PER_BEAM
    pixels = round(_WIDTHS[beam] / scale)
    shape, middle = (pixels, pixels), (pixels - 1) / 2
    truth, size = (0, 1, POINT)[index % 3], log_uniform(rng, SIZES[0], SIZES[-1])
    if truth == POINT:
        model, size = point_source(1.0), 0.0
    else:
        model = scaled_size(draw_source(SEED, index, truth), size * beam)
    peak = float(render(model, shape, scale, beam, neighbours=False).max())
    density = NEIGHBOURS_PER_FIELD * (_WIDTHS[beam] / (FIELD_SIZE * PIXEL_SCALE)) ** 2
    model = replace(
        scaled_flux(model, log_uniform(rng, *RATIOS) * NOISE / peak),
        neighbours=draw_neighbours(rng, density, _WIDTHS[beam]),
    )
    field = observe(model, rng, shape, scale, beam, centre=(middle, middle))
    error = rng.normal(0, _POSITION_ERROR / scale, 2)
    centre = (middle + error[0], middle + error[1])

    @functools.cache
    def cut(widening: float) -> Cutout:
        return cutout_from_field(
            field, scale, beam, centre=centre, recentre=True, widening=widening
        )

    least = narrowings(Beam.of(beam))[-1]
    own = widened(lambda factor: cut(factor * least))
    views = (widened(cut), own, narrowed(cut, Beam.of(beam)))
    return Trial(truth, size, *(classifier.classify(one).label for one in views))


def groups(trials: Sequence[Trial]) -> Iterator[tuple[str, list[Trial]]]:
    """Yield name and trials of each row of the table of one beam."""
    yield "galaxies", [one for one in trials if one.truth != POINT]
    for low, high in pairwise(SIZES):
        yield f"{low:g} to {high:g} beams", [one for one in trials if low <= one.size < high]
    yield "points", [one for one in trials if one.truth == POINT]


def table_row(beam: float, name: str, trials: Sequence[Trial]) -> list[object]:
    """Return a row of the table: sources given a class, and correctly, in each of the `WAYS`."""
    cells = []
    for attribute in WAYS.values():
        cells += given_and_correct([(one.truth, getattr(one, attribute)) for one in trials])
    return [f"{beam:g}", name, len(trials), *cells]


if __name__ == "__main__":
    raise SystemExit(run_app(app))
