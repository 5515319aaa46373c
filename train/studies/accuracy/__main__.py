"""The command `python -m train.studies.accuracy`."""

import sys
from pathlib import Path

from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import load_sources
from keras_astroattn.files import write_text
from train.cross_validation import OUTPUT, Split
from train.named_configurations import epochs_of

from .report import report
from .test_sets import read_test_sets, results_table

app = new_app(
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
    """Print tables of the cross-validated predictions in Markdown.

    Args:
        configuration: Name of a configuration; repeat the option to compare several.
        epochs: Passes over the training images; by default the configuration's own number.
        split: `folds` or `halves`, as in `python -m train.cross_validation`.
        output: Folder of the predictions.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        document: File that the tables are also written to.
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
    """Train on official training sets, and evaluate each network once on the test sets.

    Each result is logged in readings.jsonl. Do not choose a configuration by these results;
    choose it by cross-validation.

    Args:
        configuration: Name of the configuration.
        epochs: Passes over the training images; by default the configuration's own number.
        seeds: Number of networks for each training set.
        train_on: `mirabest-confident`, `mirabest` (both are also tested on the FR-DEEP sources
            that are not in MiraBest) or `frdeep`; repeat the option for several.
        run: Folder of a finished run with the same options, whose network is evaluated instead
            of training a new one; repeat the option for several.
        output: Folder of the predictions.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
    """
    console = Console()
    results = read_test_sets(
        output,
        configuration,
        epochs_of(configuration, epochs),
        range(seeds),
        train_on,
        data_dir,
        console,
        run or (),
    )
    console.print(results_table(results), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_app(app))
