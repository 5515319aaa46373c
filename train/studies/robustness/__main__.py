"""Labels against beam, size, signal-to-noise and artefacts: `python -m train.studies.robustness`.

Real sources are the FIRST fields of `DATA_DIR/fits`, smoothed to coarser beams or drowned
in noise; simulated ones are observed with any beam to begin with. All go through the rules
of `keras_astroattn.edge` as a user's maps do. The tables are written as Markdown.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import run_app
from keras_astroattn.datasets.simulation import (
    draw_noise,
    draw_source,
    generator,
    observe,
    point_source,
)
from keras_astroattn.datasets.simulation.telescope import NOISE
from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.edge.labels import BEYOND_FRAME, COMPACT, INCOMPLETE, NO_SOURCE, UNCERTAIN
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation.intervals import wilson_interval
from keras_astroattn.files import write_text
from keras_astroattn.images import (
    BEAM,
    CLASS_NAMES,
    PIXEL_SCALE,
    Beam,
    Cutout,
    cutout_from_field,
    measure_noise,
)
from keras_astroattn.images.flags import ARTEFACTS
from keras_astroattn.images.resampling import smooth
from keras_astroattn.process import quiet_native_logs

from . import artefacts

BEAMS = (5.4, 6.0, 8.0, 10.0, 15.0, 25.0, 45.0)
"""Full widths at half maximum, arcsec: FIRST's to NVSS's."""

RATIOS = (200.0, 100.0, 50.0, 20.0, 10.0, 6.0)
"""Signal-to-noise that noise is added for."""

POINT_BINS = (5, 10, 30, 100, 300, 1000)
SIZE_BINS = (1, 2, 3, 5, 10, 20, 40)

SEED = 20

app = cyclopts.App(name="python -m train.studies.robustness", version_flags=[])


@dataclass(frozen=True)
class Trial:
    """One image: its true class (-1: none), what was said of it, and what it is like.

    Attributes:
        truth: 0 FRI, 1 FRII, -1 a point source.
        label: Of `edge.LABELS`.
        network: Class that the network by itself gives.
        size: In beams.
        ratio: Signal-to-noise.
    """

    truth: int
    label: str
    network: int
    size: float
    ratio: float

    @property
    def classified(self) -> bool:
        """Whether a class was given."""
        return self.label in CLASS_NAMES

    @property
    def right(self) -> bool:
        """Whether it is the true one."""
        return self.label == CLASS_NAMES[self.truth]


def trial(classifier: Classifier, cutout: Cutout, truth: int, ratio: float | None = None) -> Trial:
    """Classify a cutout, with and without the rules."""
    outputs = classifier.predict(cutout.network_input[np.newaxis])
    found = classifier.describe(cutout, outputs)
    return Trial(
        truth,
        found.label,
        int(outputs["probabilities"][0].argmax()),
        cutout.size_in_beams,
        cutout.peak_snr if ratio is None else ratio,
    )


@app.default
def benchmark(
    model: str = DEFAULT_PRESET,
    /,
    *,
    data_dir: Path | None = None,
    count: Annotated[int, Parameter(validator=Number(gte=10))] = 200,
    output: Path = Path("docs/robustness.md"),
) -> None:
    """Measure the labels of a model against beam, size and signal-to-noise.

    Parameters
    ----------
    model
        Name of a preset, or path of a .tflite file.
    data_dir
        Folder with `fits/`, FIRST fields named as MiraBest's images are; without it
        simulated sources alone are measured.
    count
        Simulated sources of each kind.
    output
        Markdown file to write.
    """
    with quiet_native_logs():
        classifier = Classifier(model)
        classifier.predict(np.full((1, 150, 150, 1), -1, np.float32))
    fields = [] if data_dir is None else first_fields(data_dir / "fits")
    console = Console(stderr=True)
    parts = [_HEAD.format(model=classifier.model.name, count=count)]
    with console.status("point sources"):
        parts.append(_point_table(classifier, 5 * count))
    with console.status("artefacts"):
        parts.append(_artefact_table(classifier, count))
    with console.status("beams"):
        simulated = _simulated(classifier, count)
        parts.append(_beam_table(classifier, fields, simulated))
    parts.append(_size_table(simulated))
    with console.status("signal-to-noise"):
        parts.append(_ratio_table(classifier, fields, count))
    text = "\n".join(parts)
    write_text(output, text)
    console.print(f"{output} written", highlight=False)


def first_fields(folder: Path) -> list[tuple[np.ndarray, int]]:
    """(300, 300) maps in Jy/beam and classes of the sources that are no hybrids.

    Raises:
        InputError: There is none.
    """
    from astropy.io import fits

    classes = {"1": 0, "2": 1}
    paths = [path for path in sorted(folder.glob("*.fits")) if path.name[0] in classes]
    if not paths:
        raise InputError(f"{folder} holds no FIRST field whose name begins with its class")
    return [(np.squeeze(fits.getdata(path)), classes[path.name[0]]) for path in paths]


def smoothed(field: np.ndarray, beam: float) -> np.ndarray:
    """A FIRST field as an instrument with this beam (arcsec) would map it, Jy/beam."""
    if beam <= BEAM:
        return field
    covariance = (Beam.of(beam).covariance - Beam.of(BEAM).covariance) / PIXEL_SCALE**2
    return smooth(field, covariance) * np.float32((beam / BEAM) ** 2)


def drowned(field: np.ndarray, ratio: float, rng: np.random.Generator) -> np.ndarray | None:
    """A field with noise added until its peak is `ratio` times it; None if it is fainter."""
    noise, peak = measure_noise(field), float(np.nanmax(field[75:225, 75:225]))
    wanted = peak / ratio
    if wanted <= noise:
        return None
    return field + draw_noise(rng, field.shape, float(np.sqrt(wanted**2 - noise**2)))


def _point_table(classifier: Classifier, count: int) -> str:
    alone, among = [], []
    for index, ratio in enumerate(np.geomspace(POINT_BINS[0], POINT_BINS[-1], count)):
        for trials, neighbours in (
            (alone, None),
            (among, draw_source(SEED, index).neighbours),
        ):
            source = point_source(float(ratio) * NOISE, neighbours)
            field = observe(source, generator(SEED, index, 1))
            cutout = cutout_from_field(field, PIXEL_SCALE, BEAM, as_is=True)
            trials.append(trial(classifier, cutout, -1, float(ratio)))
    lines = [
        f"## Point sources ({count} each)",
        "",
        "| signal-to-noise | compact or no source | called FRI | **called FRII** | the network "
        "by itself: FRII | among neighbours: called FRII |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, chosen, beside in _binned(POINT_BINS, lambda t: t.ratio, alone, among):
        lines.append(
            f"| {name} | {_share(chosen, lambda t: t.label in (COMPACT, NO_SOURCE))} | "
            f"{_share(chosen, lambda t: t.label == 'FRI')} | "
            f"{_share(chosen, lambda t: t.label == 'FRII')} | "
            f"{_share(chosen, lambda t: t.network == 1)} | "
            f"{_share(beside, lambda t: t.label == 'FRII')} |"
        )
    return "\n".join([*lines, ""])


def _artefact_table(classifier: Classifier, count: int) -> str:
    lines = [
        f"## No radio galaxy at all ({count} fields each)",
        "",
        "| field | no source or compact | uncertain or beyond the frame | called FRI | called FRII "
        "| flagged `artefacts` | **given a class without the flag** |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    columns = (
        lambda label, flagged: label in (COMPACT, NO_SOURCE),
        lambda label, flagged: label in (UNCERTAIN, BEYOND_FRAME, INCOMPLETE),
        lambda label, flagged: label == "FRI",
        lambda label, flagged: label == "FRII",
        lambda label, flagged: flagged,
        lambda label, flagged: label in CLASS_NAMES and not flagged,
    )
    for name, field in artefacts.KINDS.items():
        found = []
        for index in range(count):
            drawn = field(generator(SEED, index, 4)).astype(np.float32)
            cutout = cutout_from_field(drawn, PIXEL_SCALE, BEAM, as_is=True)
            found.append((classifier.classify(cutout).label, ARTEFACTS in cutout.flags))
        shares = (_share(found, lambda one, of=of: of(*one)) for of in columns)
        lines.append(f"| {name} | {' | '.join(shares)} |")
    return "\n".join([*lines, ""])


def _simulated(classifier: Classifier, count: int) -> dict[float, list[Trial]]:
    found: dict[float, list[Trial]] = {}
    for beam in BEAMS:
        scale = beam * PIXEL_SCALE / BEAM
        for index in range(count):
            source = draw_source(SEED, index)
            field = observe(source, generator(SEED, index, 1), pixel_scale=scale, beam=beam)
            cutout = cutout_from_field(field, scale, beam)
            found.setdefault(beam, []).append(trial(classifier, cutout, source.label))
    return found


def _beam_table(classifier: Classifier, fields: list, simulated: dict[float, list[Trial]]) -> str:
    lines = [
        f"## Beam ({len(fields)} FIRST fields smoothed; simulated sources)",
        "",
        "Two ways: shown on FIRST's pixels whatever the beam, and as `read_fits` shows it, three "
        "pixels a beam. *Right* is of those that are given a class.",
        "",
        "| beam | FIRST's pixels: given a class | right | called FRII | `read_fits`: given a class "
        "| right | simulated, `read_fits`: given a class | right |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for beam in BEAMS:
        plain, ours = [], []
        for field, truth in fields:
            coarse = smoothed(field, beam)
            cutout = cutout_from_field(coarse, PIXEL_SCALE, beam, as_is=beam == BEAM)
            ours.append(trial(classifier, cutout, truth))
            cutout = cutout_from_field(coarse, PIXEL_SCALE, BEAM, as_is=True)
            plain.append(trial(classifier, cutout, truth))
        cells = [f'{beam:g}"', *_given(plain), _share(
            [t for t in plain if t.classified], lambda t: t.label == "FRII"
        ), *_given(ours), *_given(simulated[beam])]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _size_table(simulated: dict[float, list[Trial]]) -> str:
    everything = [one for trials in simulated.values() for one in trials]
    lines = [
        "## Size in beams (simulated sources, all beams)",
        "",
        "| largest angular size, beams | sources | given a class | right | recall FRI | "
        "recall FRII |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, chosen in _binned(SIZE_BINS, lambda t: t.size, everything):
        given = [one for one in chosen if one.classified]
        recalls = [
            _share([one for one in given if one.truth == truth], lambda t: t.right)
            for truth in (0, 1)
        ]
        lines.append(
            f"| {name} | {len(chosen)} | " + " | ".join([*_given(chosen), *recalls]) + " |"
        )
    return "\n".join([*lines, ""])


def _ratio_table(classifier: Classifier, fields: list, count: int) -> str:
    lines = [
        "## Signal-to-noise (noise added until the peak is so many times it)",
        "",
        "| signal-to-noise | FIRST fields | given a class | right | simulated | given a class | "
        "right |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    drawn = [draw_source(SEED, index) for index in range(count)]
    made = [(observe(one, generator(SEED, i, 1)), one.label) for i, one in enumerate(drawn)]
    for ratio in RATIOS:
        cells = [f"{ratio:g}"]
        for some in (fields, made):
            trials = []
            for index, (field, truth) in enumerate(some):
                noisy = drowned(field, ratio, generator(SEED, index, 3))
                if noisy is not None:
                    cutout = cutout_from_field(noisy, PIXEL_SCALE, BEAM, as_is=True)
                    trials.append(trial(classifier, cutout, truth))
            cells += [str(len(trials)), *_given(trials)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _given(trials: Sequence[Trial]) -> list[str]:
    given = [one for one in trials if one.classified]
    return [_share(trials, lambda t: t.classified), _share(given, lambda t: t.right, True)]


def _share(trials: Sequence, of: Callable[..., bool], interval: bool = False) -> str:
    if not trials:
        return "-"
    share = sum(map(of, trials)) / len(trials)
    if not interval:
        return f"{100 * share:.1f} %" if len(trials) >= 200 else f"{100 * share:.0f} %"
    low, high = wilson_interval(share, len(trials))
    return f"{100 * share:.0f} % ({100 * low:.0f}-{100 * high:.0f})"


def _binned(
    edges: Sequence[float], value: Callable[[Trial], float], *several: Sequence[Trial]
) -> Iterable[tuple]:
    """A bin's name and what of each list falls in it; then "all"."""
    for low, high in itertools.pairwise(edges):
        last = high == edges[-1]
        yield (
            f"{low} to {high}",
            *(
                [one for one in trials if low <= value(one) < high or (last and value(one) == high)]
                for trials in several
            ),
        )
    yield ("**all**", *several)


_HEAD = """\
# What the labels are worth against beam, size and signal-to-noise

Made by `python -m train.studies.robustness --data-dir DATA` with the preset `{model}` and {count}
simulated sources of each kind; in brackets 95 % intervals (Wilson). The FIRST fields are sources of
MiraBest, so most of them are among the images that the preset was trained on: read how the figures
fall from line to line, not how high they begin. The simulated sources are drawn by the program that
drew those with which the training of the presets began: a preset knows their kind, at FIRST's beam
and noise, but none of these.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
