"""Tables of labels against beam, size, signal-to-noise ratio and imaging artefacts."""

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from keras_astroattn.datasets.simulation import draw_source, generator, observe, point_source
from keras_astroattn.datasets.simulation.telescope import NOISE
from keras_astroattn.edge import Classifier
from keras_astroattn.edge.labels import BEYOND_FRAME, COMPACT, INCOMPLETE, NO_SOURCE, UNCERTAIN
from keras_astroattn.evaluation.intervals import wilson_interval
from keras_astroattn.images import BEAM, CLASS_NAMES, PIXEL_SCALE, cutout_from_field
from keras_astroattn.images.flags import ARTEFACTS
from keras_astroattn.report import markdown_table
from train.degradation import smoothed, with_noise

from . import artefacts
from .trials import BEAMS, SEED, Field, Trial, classify

RATIOS = (200.0, 100.0, 50.0, 20.0, 10.0, 6.0)
"""Signal-to-noise ratios to which noise is added."""

POINT_BINS = (5, 10, 30, 100, 300, 1000)
SIZE_BINS = (1, 2, 3, 5, 10, 20, 40)


def point_table(classifier: Classifier, count: int) -> str:
    """Return the labels of simulated point sources, alone and among neighbours."""
    alone, among = [], []
    for index, ratio in enumerate(np.geomspace(POINT_BINS[0], POINT_BINS[-1], count)):
        for trials, neighbours in ((alone, None), (among, draw_source(SEED, index).neighbours)):
            source = point_source(float(ratio) * NOISE, neighbours)
            field = observe(source, generator(SEED, index, 1))
            cutout = cutout_from_field(field, PIXEL_SCALE, BEAM, as_is=True)
            trials.append(classify(classifier, cutout, -1, float(ratio)))
    headers = ["signal-to-noise", "compact or no source", "labelled FRI", "**labelled FRII**"]
    headers += ["network alone: FRII", "among neighbours: labelled FRII"]
    rows = (
        [
            name,
            share(chosen, lambda t: t.label in (COMPACT, NO_SOURCE)),
            share(chosen, lambda t: t.label == "FRI"),
            share(chosen, lambda t: t.label == "FRII"),
            share(chosen, lambda t: t.network == 1),
            share(crowded, lambda t: t.label == "FRII"),
        ]
        for name, chosen, crowded in binned(POINT_BINS, lambda t: t.ratio, alone, among)
    )
    return f"## Point sources ({count} each)\n\n{markdown_table(headers, rows)}"


def artefact_table(classifier: Classifier, count: int) -> str:
    """Return the labels of fields without a radio galaxy."""
    columns: dict[str, Callable[[str, bool], bool]] = {
        "no source or compact": lambda label, flagged: label in (COMPACT, NO_SOURCE),
        "uncertain, incomplete or beyond the frame": lambda label, _: (
            label in (UNCERTAIN, BEYOND_FRAME, INCOMPLETE)
        ),
        "labelled FRI": lambda label, flagged: label == "FRI",
        "labelled FRII": lambda label, flagged: label == "FRII",
        "flagged `artefacts`": lambda label, flagged: flagged,
        "**class without the flag**": lambda label, flagged: label in CLASS_NAMES and not flagged,
    }
    rows = []
    for name, field in artefacts.KINDS.items():
        found = []
        for index in range(count):
            drawn = field(generator(SEED, index, 4)).astype(np.float32)
            cutout = cutout_from_field(drawn, PIXEL_SCALE, BEAM, as_is=True)
            found.append((classifier.classify(cutout).label, ARTEFACTS in cutout.flags))
        rows.append([name, *(share(found, lambda one, of=of: of(*one)) for of in columns.values())])
    table = markdown_table(["field", *columns], rows)
    return f"## Fields without a radio galaxy ({count} each)\n\n{table}"


def beam_table(
    classifier: Classifier, fields: Sequence[Field], simulated: dict[float, list[Trial]]
) -> str:
    """Return the labels of smoothed FIRST fields and of simulated sources, by beam."""
    rows = []
    for beam in BEAMS:
        plain, ours = [], []
        for field, truth in fields:
            coarse = smoothed(field, beam)
            cutout = cutout_from_field(coarse, PIXEL_SCALE, beam, as_is=beam == BEAM)
            ours.append(classify(classifier, cutout, truth))
            cutout = cutout_from_field(coarse, PIXEL_SCALE, BEAM, as_is=True)
            plain.append(classify(classifier, cutout, truth))
        as_frii = share([t for t in plain if t.classified], lambda t: t.label == "FRII")
        rows.append(
            [f'{beam:g}"', *_given(plain), as_frii, *_given(ours), *_given(simulated[beam])]
        )
    headers = ["beam", "FIRST's pixels: given a class", "correct", "labelled FRII"]
    headers += ["`read_fits`: given a class", "correct"]
    headers += ["simulated, `read_fits`: given a class", "correct"]
    return (
        f"## Beam ({len(fields)} FIRST fields smoothed; simulated sources)\n\n"
        "FIRST fields are shown in two ways: on FIRST's pixels for every beam, and as `read_fits` "
        "shows them, with three pixels a beam. *Correct* is a share of the sources that are given "
        f"a class.\n\n{markdown_table(headers, rows)}"
    )


def size_table(simulated: dict[float, list[Trial]]) -> str:
    """Return the labels of simulated sources by largest angular size."""
    everything = [one for trials in simulated.values() for one in trials]
    rows = []
    for name, chosen in binned(SIZE_BINS, lambda t: t.size, everything):
        given = [one for one in chosen if one.classified]
        recalls = [
            share([one for one in given if one.truth == truth], lambda t: t.right)
            for truth in (0, 1)
        ]
        rows.append([name, len(chosen), *_given(chosen), *recalls])
    headers = ["largest angular size, beams", "sources", "given a class", "correct"]
    headers += ["recall FRI", "recall FRII"]
    table = markdown_table(headers, rows)
    return f"## Size in beams (simulated sources, all beams)\n\n{table}"


def ratio_table(classifier: Classifier, fields: Sequence[Field], count: int) -> str:
    """Return the labels of FIRST fields and simulated sources to which noise was added."""
    drawn = [draw_source(SEED, index) for index in range(count)]
    made = [(observe(one, generator(SEED, i, 1)), one.label) for i, one in enumerate(drawn)]
    rows = []
    for ratio in RATIOS:
        cells: list[object] = [f"{ratio:g}"]
        for some in (fields, made):
            trials = []
            for index, (field, truth) in enumerate(some):
                noisy = with_noise(field, ratio, generator(SEED, index, 3))
                if noisy is not None:
                    cutout = cutout_from_field(noisy, PIXEL_SCALE, BEAM, as_is=True)
                    trials.append(classify(classifier, cutout, truth))
            cells += [len(trials), *_given(trials)]
        rows.append(cells)
    headers = ["signal-to-noise", "FIRST fields", "given a class", "correct"]
    headers += ["simulated", "given a class", "correct"]
    title = "## Signal-to-noise ratio of the peak, with noise added"
    return f"{title}\n\n{markdown_table(headers, rows)}"


def _given(trials: Sequence[Trial]) -> list[str]:
    """Return the share of the images with a class, and the share of these that is correct."""
    given = [one for one in trials if one.classified]
    return [share(trials, lambda t: t.classified), share(given, lambda t: t.right, True)]


def share(trials: Sequence, of: Callable[..., bool], interval: bool = False) -> str:
    """Format the share of the trials for which `of` is true, in percent.

    Args:
        trials: the trials; without any, the share is `-`.
        of: function that returns whether a trial counts.
        interval: whether to add the 95 % interval.
    """
    if not trials:
        return "-"
    value = sum(map(of, trials)) / len(trials)
    if not interval:
        return f"{100 * value:.1f} %" if len(trials) >= 200 else f"{100 * value:.0f} %"
    low, high = wilson_interval(value, len(trials))
    return f"{100 * value:.0f} % ({100 * low:.0f}-{100 * high:.0f})"


def binned(
    edges: Sequence[float], value: Callable[[Trial], float], *several: Sequence[Trial]
) -> Iterable[tuple]:
    """Yield the name of each bin and its trials from each list, then all trials.

    Args:
        edges: edges of the bins; the last bin includes its upper edge.
        value: function that returns the binned value of a trial.
        several: lists of trials.
    """
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
