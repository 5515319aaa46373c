"""Measure the effect of fine-tuning on a survey unlike the training data, for several options.

`python -m train.studies.finetuning` simulates sources at another beam, fine-tunes a network on a
few of them, and classifies the others. Networks, fine-tuned or not, are calibrated on further
sources that nothing was trained on.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import track

from keras_astroattn.command import new_app, run_app
from keras_astroattn.files import write_text
from keras_astroattn.presets import DEFAULT_PRESET
from keras_astroattn.recalibration import fit_odds
from keras_astroattn.report import markdown_table

from ..runner import import_quietly
from .recalibration import simulated_cutout

OPTIONS = (
    # layers, learning rate, epochs
    ("all", 1e-4, 5),
    ("all", 3e-4, 5),
    ("all", 1e-3, 5),
    ("all", 3e-4, 10),
    ("last", 1e-3, 5),
    ("last", 1e-3, 10),
)
"""Options that are compared."""

HEAD = ("network", "draw", "accuracy, %", "log loss, nats")
"""Titles of the columns of the table."""

app = new_app(
    name="python -m train.studies.finetuning",
    help=__doc__.splitlines()[0],
)


@app.default
def study(
    *,
    model: str = DEFAULT_PRESET,
    beam: float = 15.0,
    labels: Annotated[int, Parameter(validator=Number(gte=20))] = 200,
    tested: Annotated[int, Parameter(validator=Number(gte=20))] = 600,
    draws: Annotated[int, Parameter(validator=Number(gte=1))] = 2,
    seed: int = 0,
    output: Path | None = None,
) -> int:
    """Print accuracy and log loss of a network, recalibrated alone or fine-tuned before.

    Args:
        model: Name of a preset, a .keras file, or the folder of a training run.
        beam: Beam of the simulated sources, arcsec.
        labels: Number of sources that are trained on; as many others calibrate.
        tested: Number of sources that are classified.
        draws: Number of times that the sources are drawn.
        seed: Seed of everything.
        output: Markdown file for the table.
    """
    console = Console(highlight=False, soft_wrap=True)
    finetuning = import_quietly("train.finetuning", "fine-tuning")
    from keras_astroattn.models import sees_source_alone

    alone = sees_source_alone(finetuning.load_network(model, "--model"))
    rows = []
    for number in range(draws):
        first = number * (2 * labels + tested)
        numbers = range(first, first + 2 * labels + tested)
        images, is_frii = simulate_images(numbers, beam, seed, alone)
        parts = np.split(np.arange(len(images)), [labels, 2 * labels])
        for name, options in _networks(finetuning, model, seed + number):
            if options is None:
                network = finetuning.load_network(model, "--model")
            else:
                given = images[parts[0]], is_frii[parts[0]], np.ones(labels)
                network = finetuning.fine_tune(options, *given)
            odds = finetuning.odds_of(network, images)
            accuracy, log_loss = scores(odds, is_frii, parts[1], parts[2])
            rows.append((name, number, f"{100 * accuracy:.1f}", f"{log_loss:.3f}"))
            console.print("  ".join(map(str, rows[-1])), markup=False)
    table = markdown_table(HEAD, sorted(rows, key=lambda row: row[1]), text=1)
    console.print(table, markup=False)
    if output is not None:
        write_text(output, table)
    return 0


def _networks(finetuning, model: str, seed: int):
    yield "recalibrated alone", None
    for layers, rate, epochs in OPTIONS:
        name = f"{layers} layers, learning rate {rate:g}, {epochs} epochs"
        yield name, finetuning.FineTuning(model, layers, rate, epochs, seed=seed)


def simulate_images(
    numbers: range, beam: float, seed: int, source_alone: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate sources at a beam of three pixels, in turn FRI and FRII.

    Args:
        numbers: numbers of the sources; each has its own seed.
        beam: full width at half maximum of the beam, arcsec.
        seed: seed of the sources and the noise.
        source_alone: whether the network sees the source alone (`Cutout.source_alone`).

    Returns:
        (n, 150, 150) uint8 images as the network sees them, and (n,) bool whether FRII.
    """
    bar = track(numbers, f"beam {beam:g} arcsec", transient=True)
    cutouts = (simulated_cutout(seed, number, beam) for number in bar)
    images = [(one.source_alone() if source_alone else one).pixels for one in cutouts]
    return np.stack(images), np.array(numbers) % 2 == 1


def scores(
    odds: np.ndarray, is_frii: np.ndarray, calibrating: np.ndarray, tested: np.ndarray
) -> tuple[float, float]:
    """Return accuracy and log loss of tested sources, with T and b of the calibrating ones.

    Args:
        odds: (n,) ln P(FRII) / P(FRI).
        is_frii: (n,) bool, the true classes.
        calibrating: rows that T and b are fitted to.
        tested: rows that are scored.
    """
    temperature, shift = fit_odds(odds[calibrating], is_frii[calibrating])
    z, true = odds[tested] / temperature + shift, is_frii[tested]
    return float(((z > 0) == true).mean()), float(np.logaddexp(0, np.where(true, -z, z)).mean())


if __name__ == "__main__":
    raise SystemExit(run_app(app))
