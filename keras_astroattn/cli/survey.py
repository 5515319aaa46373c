"""`astroattn survey`: classify a catalogue from its tiles and write a table of labels."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.edge.labels import ERROR
from keras_astroattn.errors import InputError
from keras_astroattn.survey.progress import Progress
from keras_astroattn.survey.run import run_survey
from keras_astroattn.survey.settings import CHUNK_SIZE, SurveySettings

from .options import (
    TTA,
    CalibrationFile,
    Catalogue,
    Columns,
    MapFlags,
    Model,
    Prior,
    Report,
    SurveyName,
    Tiles,
    Turns,
    calibration_of,
    parse_columns,
    tta_of,
)
from .survey_attention import parse_attention, write_best_attention


def survey(
    *,
    catalogue: Catalogue,
    images: Tiles,
    output: Annotated[Path, Parameter(help="Folder for the result.")],
    model: Model = DEFAULT_PRESET,
    survey: SurveyName = None,
    columns: Columns = None,
    rows: Annotated[
        Literal["component", "source"],
        Parameter(help="Classify each row (component), or each group of rows once (source)."),
    ] = "component",
    linking_length: Annotated[
        float | None,
        Parameter(
            validator=Number(gt=0, lte=3600),
            help="Largest distance of rows that form one source, arcsec. By default, rows with "
            "the same parent form one source.",
        ),
    ] = None,
    mask_neighbours: Annotated[
        bool,
        Parameter(
            negative="",
            help="Make the emission of other catalogued sources black. Only for a model that sees "
            "the whole frame, for example agcnn_mirabest.",
        ),
    ] = False,
    tta: TTA = 1,
    turns: Turns = None,
    workers: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1),
            help="Number of worker processes on this machine. By default, one a core.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        Parameter(
            help="Address of a running Dask scheduler (tcp://HOST:PORT). By default, a local "
            "cluster is started."
        ),
    ] = None,
    chunk_size: Annotated[
        int, Parameter(validator=Number(gte=1), help="Largest number of rows in one Parquet file.")
    ] = CHUNK_SIZE,
    attention: Annotated[
        str | None,
        Parameter(help="top:N draws the N most certain sources with their attention maps."),
    ] = None,
    report: Report = None,
    calibration: CalibrationFile = None,
    prior: Prior = None,
    resume: Annotated[
        bool, Parameter(negative="", help="Continue the interrupted survey in --output.")
    ] = False,
    opening: MapFlags = MapFlags(),
) -> int:
    """Classify every source of a catalogue from the tiles of its survey.

    The result is a folder of Parquet files with one row for each row of the catalogue: its own
    columns, then the columns of `astroattn classify` with the prefix aa_. A row that cannot be
    classified has the label `error` and the reason. --resume continues an interrupted run, with
    the same result. The exit status is 0 if at least one row is classified, else 2. Run
    `astroattn check` first.
    """
    wanted = parse_attention(attention)
    if linking_length is not None and rows != "source":
        raise InputError("--linking-length joins rows to sources: add --rows source")
    if report is not None:
        from .report_file import require_report

        require_report(report, "--report", overwrite=resume)
    rotations = tta_of(tta, turns)
    settings = SurveySettings(
        catalogue=catalogue,
        images=tuple(images),
        output=output,
        model=model,
        survey=survey,
        columns=parse_columns(columns),
        rows=rows,
        linking_length=linking_length,
        mask_neighbours=mask_neighbours,
        tta=rotations,
        calibration=calibration_of(calibration, prior, model, rotations),
        chunk_size=chunk_size,
        options=opening.options(),
        workers=workers,
        scheduler=scheduler,
        resume=resume,
    )
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with Progress(console) as progress:
        summary = run_survey(settings, progress)
    labels = ", ".join(f"{count} {label}" for label, count in summary["labels"].items())
    was = " (was complete)" if summary.get("was_complete") else ""
    console.print(f"{output}: {summary['rows']} rows ({labels}){was}", markup=False)
    if set(summary["labels"]) <= {ERROR}:
        raise InputError(f"no row of {catalogue} could be classified{_most_frequent(output)}")
    if wanted:
        write_best_attention(output, settings, wanted, console)
    if report is not None:
        from .report_file import ReportOptions, write_report

        write_report(
            output, report, ReportOptions(model, settings.tta, settings.calibration), console
        )
    return 0


def _most_frequent(output: Path) -> str:
    """Return the most frequent reason why rows were not classified, for a message."""
    from keras_astroattn.survey.tally import tally

    return "".join(f"; most often: {text}" for text, _ in tally(output).reasons.most_common(1))
