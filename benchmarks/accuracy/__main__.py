"""`python -m benchmarks.accuracy`."""

import sys
from pathlib import Path

import cyclopts
from rich.console import Console

from keras_astroattn.cli.app import run_app
from keras_astroattn.datasets import load_sources

from .cross_validation import run_folds

app = cyclopts.App(
    name="python -m benchmarks.accuracy",
    help="How right the networks are, by a protocol that cannot fool us.",
)

OUTPUT = Path("runs/benchmark-accuracy")


@app.command
def cross_validate(
    *,
    configuration: list[str] = ["plain", "p4m"],  # noqa: B006
    epochs: int = 30,
    seeds: int = 3,
    output: Path = OUTPUT,
    data_dir: Path | None = None,
) -> None:
    """Train on four fifths of MiraBest's confident sources and predict the other, five times.

    Runs that are done are not repeated.

    Args:
        configuration: what to compare; once for each.
        epochs: passes over the training images.
        seeds: runs of every fold.
        output: folder of the predictions.
        data_dir: folder of the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`.
    """
    sources = load_sources("mirabest-confident", "all", data_dir)
    run_folds(sources, output, configuration, epochs, range(seeds), Console())


if __name__ == "__main__":
    sys.exit(run_app(app))
