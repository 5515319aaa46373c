"""`python -m train.studies.accuracy`."""

import sys
from pathlib import Path

import cyclopts
from rich.console import Console

from keras_astroattn.command import run_app
from keras_astroattn.datasets import load_sources
from keras_astroattn.files import write_text
from train.cross_validation import OUTPUT, Split
from train.named_configurations import epochs_of

from .report import report
from .test_sets import read_test_sets, readings_table

app = cyclopts.App(
    name="python -m train.studies.accuracy",
    help="Tabulate cross-validated accuracy, and evaluate on the official test sets.",
)


@app.command(name="report")
def write_report(
    *,
    configuration: list[str] = ["plain", "p4m"],  # noqa: B006
    epochs: int | None = None,
    split: Split = "folds",
    output: Path = OUTPUT,
    data_dir: Path | None = None,
    document: Path | None = None,
) -> None:
    """Print the tables of what has been cross-validated, as Markdown.

    Args:
        configuration: what to compare; once for each.
        epochs: passes over the training images; by default the configuration's own number.
        split: as of cross-validate.
        output: folder of the predictions.
        data_dir: folder of the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`.
        document: also write the tables to this file.
    """
    console = Console()
    sources = load_sources("mirabest-confident", "all", data_dir)
    text = report(output, configuration, epochs, sources, console.print, split)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    if document is not None:
        write_text(document, text)


@app.command
def final(
    *,
    configuration: str = "p4m",
    epochs: int | None = None,
    seeds: int = 10,
    train_on: list[str] = ["mirabest-confident", "mirabest", "frdeep"],  # noqa: B006
    run: list[Path] | None = None,
    output: Path = OUTPUT,
    data_dir: Path | None = None,
) -> None:
    """Train on the training batches and read the official test sets, once a network.

    Every reading is logged in readings.jsonl. To choose by it would fool us: choose by
    `cross-validate`.

    Args:
        configuration: what was chosen.
        epochs: passes over the training images; by default the configuration's own number.
        seeds: networks of each training set.
        train_on: mirabest-confident, mirabest (both tested also on the FR-DEEP sources that
            are not in MiraBest) or frdeep; once for each.
        run: folder of a finished training by the same options, whose network is then read
            rather than trained once more; once for each.
        output: folder of the predictions.
        data_dir: folder of the data sets' tarballs; by default `KERAS_ASTROATTN_DATA`.
    """
    console = Console()
    readings = read_test_sets(
        output,
        configuration,
        epochs_of(configuration, epochs),
        range(seeds),
        train_on,
        data_dir,
        console,
        run or (),
    )
    console.print(readings_table(readings), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_app(app))
