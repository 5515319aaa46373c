"""`astroattn report`: write a table of classified sources as one HTML page."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.edge import read_calibration
from keras_astroattn.recalibration import read_labels
from keras_astroattn.report.html_report import MOST_SOURCES

from .options import CalibrationFile, ImageFlags
from .report_file import ReportOptions, require_report, write_report
from .report_tasks import require_tasks, write_tasks
from .result_files import beside


def report(  # noqa: D417 - the others are described in `options`
    result: Path,
    /,
    *,
    output: Path | None = None,
    sources: Annotated[int, Parameter(validator=Number(gte=1, lte=MOST_SOURCES))] = 1000,
    choose: Literal["stratified", "random", "uncertain"] = "stratified",
    to_label: Annotated[int, Parameter(validator=Number(gte=0, lte=MOST_SOURCES))] = 200,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    labels: list[Path] | None = None,
    label_studio: Path | None = None,
    zooniverse: Path | None = None,
    model: str | None = None,
    calibration: CalibrationFile = None,
    opening: ImageFlags = ImageFlags(),
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a table of classified sources as one HTML page.

    The page shows counts, histograms, a map of the sky, and the sources with their attention as a
    grid to sort, filter and label. It needs no other file and sends nothing. The maps are read
    again: run the command where the paths of the table hold. A table of image files that was made
    with options for the maps needs the same options here; a survey states its own.

    Args:
        result: File of `astroattn classify`, folder of `astroattn survey`, or file of
            `astroattn survey-summary --export`.
        output: File of the page. By default, the name of the table with the suffix .html.
        sources: Largest number of sources in the grid: those to label, then others at random.
        choose: Sources to label. stratified: half at random from each label, half the most
            uncertain. random: at random. uncertain: the most uncertain.
        to_label: Number of sources to label.
        seed: Seed of the random draws.
        labels: Files of labels, as `astroattn recalibrate` reads them: the page then shows how
            reliable the probabilities are.
        label_studio: File (.json) for the sources to label as tasks of Label Studio; the
            labelling interface is written next to it (.xml).
        zooniverse: New folder for the sources to label as a subject set of Zooniverse.
        model: Name of a preset or path of a .tflite file. By default, the model of the table.
        overwrite: Replace the page if it exists.
    """
    output = output or beside(result, ".html")
    require_report(output, "--output", overwrite)
    require_tasks(label_studio, zooniverse, overwrite)
    options = ReportOptions(
        model=model,
        calibration=None if calibration is None else read_calibration(calibration),
        images=opening.arguments(),
        sources=sources,
        choose=choose,
        to_label=to_label,
        seed=seed,
    )
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    given = [one for path in labels or () for one in read_labels(path)]
    drawn = write_report(result, output, options, console, given)
    write_tasks(drawn, label_studio, zooniverse, console)
