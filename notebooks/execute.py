"""Run the notebooks and keep their figures: `python notebooks/execute.py [NAME ...]`."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
NAMES = (
    "quickstart",
    "train_models",
    "experiment1",
    "experiment2",
    "experiment3",
    "experiment4",
    "experiment5",
)
LONGEST_CELL = 3600
"""Seconds."""

SURVEY_IMAGES = "survey-images"
"""Tag of cells whose figures show images of a survey: no such image is kept."""

NOT_KEPT = (
    "*This figure shows images of the FIRST survey, which are not part of the repository: run the "
    "cell to see it.*"
)


def executed(name: str) -> nbformat.NotebookNode:
    """A notebook, run from its own folder in this environment and with its variables.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        book,
        timeout=LONGEST_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        # Times of execution would make every run of the same notebook another file.
        record_timing=False,
    )
    return client.execute()


def leave_survey_images_out(book: nbformat.NotebookNode) -> None:
    """Put a sentence in place of the figures of cells with the tag `survey-images`."""
    for cell in book.cells:
        if SURVEY_IMAGES in cell.metadata.get("tags", ()):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data = {"text/markdown": NOT_KEPT}


def keep(name: str) -> None:
    """Run a notebook and write it over itself, without survey images and paths."""
    book = executed(name)
    leave_survey_images_out(book)
    book.metadata = {
        "kernelspec": book.metadata["kernelspec"],
        "language_info": {"name": "python"},
    }
    nbformat.write(book, FOLDER / f"{name}.ipynb")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or NAMES:
        print(chosen, flush=True)
        keep(chosen)
