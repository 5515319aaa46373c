"""`python -m export.run`: export a trained model to SavedModel and LiteRT, and verify it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from train.runner import import_quietly

app = new_app(
    name="python -m export.run",
    help="Export a trained model as SavedModel and LiteRT files, and verify them.",
)

Names = Parameter(consume_multiple=True)

FAILED = 3
"""Exit status if a file failed its verification."""


@app.default
def run(
    model_or_run: str,
    /,
    *,
    output: Path,
    formats: Annotated[tuple[Literal["savedmodel", "tflite"], ...], Names] = (
        "savedmodel",
        "tflite",
    ),
    precision: Annotated[tuple[Literal["float32", "float16", "dynamic", "int8"], ...], Names] = (
        "float32",
        "float16",
        "dynamic",
        "int8",
    ),
    data: Literal["mirabest", "mirabest-confident", "frdeep", "simulated"] | None = None,
    data_dir: Path | None = None,
    attention: bool = True,
    int8_io: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Export a trained model as SavedModel and LiteRT files, and verify them.

    Each file is compared with Keras on validation images before it gets its name. A file that
    differs too much is not kept, and the exit status is 3.

    Args:
        model_or_run: A .keras file, the folder of a training run, or a preset's name.
        output: Folder for `saved_model/`, `model_<precision>.tflite` and `export.json`.
        formats: Formats to write.
        precision: Precisions of the .tflite files; by default all that the network allows.
        data: Data set that calibrates int8 and verifies all files; by default the data that the
            model was trained on, else MiraBest.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        attention: Include the attention maps. Without them the files are smaller and faster.
        int8_io: Store the input and the outputs of the int8 file in 8 bits too; not with votes.
    """
    exporting = import_quietly("export.exporting", "export")
    console = Console()
    wanted = exporting.Export(output, formats, precision, data, data_dir, attention, int8_io)
    # The terminal gets its own descriptor, because TensorFlow's messages are suppressed on 2.
    with os.fdopen(os.dup(2), "w") as terminal:
        results = exporting.export(model_or_run, wanted, Console(file=terminal))
    console.print(_table(results))
    for name, result in results.items():
        for failure in result.failures:
            console.print(f"{name} failed: {failure}", highlight=False, soft_wrap=True)
    return FAILED if any(not result.passed for result in results.values()) else 0


def _table(results: dict) -> Table:
    """Return a table that fits a terminal of 80 columns."""
    counts = {one.verification.images for one in results.values() if one.verification is not None}
    title = "Exported files against Keras"
    title += "".join(f", on {count} images" for count in counts)
    caption = "Largest differences of probabilities and attention; change of accuracy in points."
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD)
    table.add_column("file", no_wrap=True)
    columns = ("KiB", "probab-\nilities", "atten-\ntion", "same\nclass", "accu-\nracy",
               "veri-\nfied")  # fmt: skip
    for header in columns:
        table.add_column(header, justify="right", no_wrap=True)
    for name, result in results.items():
        found = result.verification
        figures = ["-"] * 4
        if found is not None:
            figures = [
                f"{found.probability_difference:.1e}",
                f"{found.attention_difference:.1e}",
                f"{found.class_agreement:.1%}",
                f"{100 * found.accuracy_change:+.1f}",
            ]
        table.add_row(name, f"{result.size / 1024:.0f}", *figures, "yes" if result.passed else "no")
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
