"""Measure the effect of 200 labels on the probabilities of a survey unlike the training data.

`python -m train.studies.recalibration` simulates sources at several beams, classifies them, and
draws surveys with several shares of FRIs from them. In each of many draws, 200 sources are chosen
and labelled by their true class; the study compares the calibration error before and after, and
counts how often the interval of the purity holds the true purity.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.progress import track

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation.radio_galaxies import draw_source, generator
from keras_astroattn.datasets.simulation.telescope import NOISE, draw_noise, render
from keras_astroattn.edge import DEFAULT_PRESET, Classifier, LabelRules
from keras_astroattn.files import atomic_path
from keras_astroattn.images import CLASS_NAMES, FIELD_SIZE, Cutout, cutout_from_field
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.recalibration import (
    calibration_error,
    choose_sample,
    estimate_shares,
    fit_calibration,
)
from keras_astroattn.report import markdown_table
from train.studies.robustness.trials import among_neighbours

BEAMS = (5.4, 9.0, 15.0)
"""Beams of the simulated surveys, arcsec; FIRST's is the first."""

FRI_SHARES = (0.5, 0.2, 0.8)
"""Shares of FRIs in the simulated surveys."""

SURVEY = 5000
"""Number of sources of a survey."""

_PIXELS_PER_BEAM = 3.0

app = new_app(
    name="python -m train.studies.recalibration",
    help=__doc__.splitlines()[0],
)


@dataclass(frozen=True)
class Pool:
    """Classified simulated sources of one beam.

    Attributes:
        probabilities: (n, 2) P(FRI) and P(FRII).
        is_frii: (n,) bool, the true classes.
    """

    probabilities: np.ndarray
    is_frii: np.ndarray


@dataclass(frozen=True)
class Draw:
    """One draw of a survey, its labels and its recalibration.

    Attributes:
        before: calibration error of the survey before.
        after: calibration error after.
        covered: whether the interval holds the true purity, for each estimate.
    """

    before: float
    after: float
    covered: tuple[bool, ...]


@app.default
def study(
    *,
    model: str = DEFAULT_PRESET,
    sources: int = 1200,
    draws: int = 100,
    labels: int = 200,
    choose: Literal["stratified", "random"] = "stratified",
    seed: int = 0,
    cache: Path | None = None,
    output: Path | None = None,
) -> int:
    """Print the calibration error before and after, and the coverage of the purity's interval.

    Args:
        model: Name of a preset, or path of a .tflite file.
        sources: Number of simulated sources of each beam, half of them FRI. Surveys are drawn from
            them, so few sources add their own noise to the calibration error.
        draws: Number of surveys and samples that are drawn for each population.
        labels: Number of labels of a survey.
        choose: How the sources to label are chosen.
        seed: Seed of everything.
        cache: File (.npz) of the classified sources; it is read if it exists.
        output: Markdown file for the table.
    """
    console = Console(highlight=False, soft_wrap=True)
    with quiet_native_logs():
        classifier = Classifier(model)
    pools = _read(cache) if cache is not None and cache.exists() else None
    if pools is None:
        pools = {beam: classify_pool(classifier, beam, sources, seed) for beam in BEAMS}
        if cache is not None:
            _write(cache, pools)
    rows = []
    for beam, pool in pools.items():
        for share in FRI_SHARES:
            random = np.random.default_rng([seed, int(10 * beam), int(100 * share)])
            found = [
                draw(pool, share, labels, choose, classifier.rules, random) for _ in range(draws)
            ]
            rows.append(_row(beam, share, pool, found))
    table = markdown_table(HEAD, rows, text=0)
    console.print(table, markup=False)
    if output is not None:
        with atomic_path(output) as path:
            path.write_text(table, encoding="utf-8")
    return 0


HEAD = (
    "beam, arcsec", "FRI, %", "correct, %", "ECE before, %", "ECE after, % (median)",
    "ECE after, % (95 of 100 below)", "purity in its interval, %",
)  # fmt: skip
"""Titles of the columns of the table."""


def classify_pool(classifier: Classifier, beam: float, sources: int, seed: int) -> Pool:
    """Simulate and classify sources, half FRI and half FRII; those without a class are left out.

    Args:
        classifier: the network.
        beam: full width at half maximum of the beam, arcsec; three pixels.
        sources: number of sources.
        seed: seed of the sources and the noise.
    """
    probabilities, is_frii = [], []
    for index in track(range(sources), f"beam {beam:g} arcsec", transient=True):
        found = classifier.classify(simulated_cutout(seed, index, beam))
        if found.p_frii is not None:
            probabilities.append((found.p_fri, found.p_frii))
            is_frii.append(index % 2 == 1)
    return Pool(np.array(probabilities), np.array(is_frii))


def simulated_cutout(seed: int, index: int, beam: float) -> Cutout:
    """Return source `index`, FRI if even and FRII if odd, at a beam of three pixels.

    Args:
        seed: seed of the source and the noise.
        index: number of the source.
        beam: full width at half maximum of the beam, arcsec.
    """
    scale, shape = beam / _PIXELS_PER_BEAM, (FIELD_SIZE, FIELD_SIZE)
    source = among_neighbours(draw_source(seed, index, index % 2), seed, index, scale)
    sky = render(source, shape, scale, beam)
    sky += draw_noise(generator(seed, index, 5), shape, NOISE, scale, beam)
    return cutout_from_field(sky, scale, beam)


def draw(
    pool: Pool,
    fri_share: float,
    count: int,
    choose: str,
    rules: LabelRules,
    random: np.random.Generator,
) -> Draw:
    """Draw a survey from a pool, label some of its sources, and recalibrate it.

    Args:
        pool: classified sources.
        fri_share: share of FRIs among the sources of the survey that have a class.
        count: number of labels.
        choose: way to choose them.
        rules: thresholds of the labels before.
        random: random generator.
    """
    is_fri = random.random(SURVEY) < fri_share
    members = np.where(
        is_fri,
        random.choice(np.flatnonzero(~pool.is_frii), SURVEY),
        random.choice(np.flatnonzero(pool.is_frii), SURVEY),
    )
    p, is_frii = pool.probabilities[members], pool.is_frii[members]
    true = np.where(is_frii, CLASS_NAMES[1], CLASS_NAMES[0])
    before = np.array([rules.of_probabilities(one) for one in p])
    chosen = choose_sample(before, p, choose, count, int(random.integers(2**31)))
    rows = [one.row for one in chosen]
    inclusion = [one.inclusion for one in chosen]
    fitted = fit_calibration("model", p, rows, true[rows], inclusion=inclusion)
    q = fitted.apply(p)
    new_rules = LabelRules(uncertain_below=fitted.uncertain_below)
    after = np.array([new_rules.of_probabilities(one) for one in q])
    part = [one for one in chosen if one.inclusion is not None]
    drawn = [one.row for one in part]
    covered = []
    for labels in (before, after):
        shares = estimate_shares(
            labels[drawn], true[drawn], np.array([one.inclusion for one in part])
        )
        for one in shares:
            if one.quantity == "purity" and one.interval is not None:
                purity = np.mean(true[labels == one.label] == one.label)
                covered.append(bool(one.interval[0] <= purity <= one.interval[1]))
    even = np.ones(SURVEY)
    return Draw(
        calibration_error(p, is_frii, even), calibration_error(q, is_frii, even), tuple(covered)
    )


def _row(beam: float, share: float, pool: Pool, found: list[Draw]) -> list[str]:
    right = pool.probabilities.argmax(axis=1) == pool.is_frii
    correct = share * right[~pool.is_frii].mean() + (1 - share) * right[pool.is_frii].mean()
    after = np.array([one.after for one in found])
    covered = np.concatenate([one.covered for one in found])
    values = (
        correct,
        np.mean([one.before for one in found]),
        np.median(after),
        np.quantile(after, 0.95),
        covered.mean(),
    )
    return [f"{beam:g}", f"{100 * share:.0f}", *(f"{100 * value:.1f}" for value in values)]


def _write(path: Path, pools: dict[float, Pool]) -> None:
    arrays = {f"{b} p": pool.probabilities for b, pool in pools.items()}
    arrays |= {f"{b} frii": pool.is_frii for b, pool in pools.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _read(path: Path) -> dict[float, Pool]:
    with np.load(path) as arrays:
        names = [name.removesuffix(" p") for name in arrays if name.endswith(" p")]
        return {float(n): Pool(arrays[f"{n} p"], arrays[f"{n} frii"]) for n in names}


if __name__ == "__main__":
    raise SystemExit(run_app(app))
