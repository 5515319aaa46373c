"""`astroattn survey`: a catalogue and its tiles in, a table of labels out."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.errors import InputError
from keras_astroattn.survey.progress import Progress
from keras_astroattn.survey.run import CHUNK_SIZE, SurveySettings, run_survey
from keras_astroattn.survey.tiles import MapOptions

from .survey_attention import parse_attention, write_best_attention


def survey(
    *,
    catalogue: Path,
    images: Annotated[list[str], Parameter(negative="", consume_multiple=True)],
    output: Path,
    model: str = DEFAULT_PRESET,
    survey: str | None = None,
    columns: str | None = None,
    rows: Literal["component", "source"] = "component",
    linking_length: Annotated[float | None, Parameter(validator=Number(gt=0, lte=3600))] = None,
    mask_neighbours: Annotated[bool, Parameter(negative="")] = False,
    tta: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    turns: Annotated[int | None, Parameter(validator=Number(gte=1), show=False)] = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    scheduler: str | None = None,
    chunk_size: Annotated[int, Parameter(validator=Number(gte=1))] = CHUNK_SIZE,
    attention: str | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    hdu: str | None = None,
    stokes: str | None = None,
    channel: int | None = None,
    beam: Annotated[tuple[float, ...] | None, Parameter(consume_multiple=True)] = None,
) -> int:
    """Classify every source of a catalogue from the tiles of its survey.

    The result is a folder of Parquet files, one a chunk, in which every row of the catalogue
    stands once: its own columns, then those of `astroattn classify` with the prefix aa_. A
    row that cannot be scored says why. A run that was interrupted, however, goes on with
    --resume to the same table. `astroattn check` says beforehand what to expect.

    Args:
        catalogue: CSV, FITS table, VOTable or Parquet file.
        images: Tiles: glob patterns (quoted), folders, FITS files, or text files that list them.
        output: Folder for the result.
        model: Name of a preset, or path of a .tflite file written by export.run.
        survey: Whose column names the catalogue has: lotss-dr2, racs, vlass, first; by default
            told by the names.
        columns: ROLE=NAME,... for ra, dec, id, flux and parent, where the names say nothing.
        rows: Score each row (component), or each group of rows once (source).
        linking_length: Arcsec: rows nearer to one another are one source; by default those of one
            parent.
        mask_neighbours: Make other catalogued emission in the frame black.
        tta: Average the prediction over N rotations of the image (test-time augmentation; N
            times slower).
        turns: Former name of --tta.
        workers: Processes on this machine; by default one a core.
        scheduler: Address of a running Dask scheduler (tcp://HOST:PORT) whose workers do the
            work.
        chunk_size: Rows of a file, at most.
        attention: top:N draws the N most certain sources with their attention.
        resume: Go on with what the output folder holds.
        hdu: Number or name of the HDU of every tile; by default the first that holds an image.
        stokes: Stokes parameter; by default I.
        channel: Plane of a cube, from 0.
        beam: Beam of the tiles, arcsec: width, or major and minor axis and position angle in
            degrees; by default from their headers.
    """
    wanted = parse_attention(attention)
    if linking_length is not None and rows != "source":
        raise InputError("--linking-length joins rows to sources: add --rows source")
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
        tta=turns or tta,
        chunk_size=chunk_size,
        options=map_options(hdu, stokes, channel, beam),
        workers=workers,
        scheduler=scheduler,
        resume=resume,
    )
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with Progress(console) as progress:
        summary = run_survey(settings, progress)
    told = ", ".join(f"{count} {label}" for label, count in summary["labels"].items())
    was = " (was complete)" if summary.get("was_complete") else ""
    console.print(f"{output}: {summary['rows']} rows ({told}){was}", markup=False)
    if wanted:
        write_best_attention(output, settings, wanted, console)
    return 0


def parse_columns(text: str | None) -> dict[str, str]:
    """Columns by role from ROLE=NAME,...

    Raises:
        InputError: It is something else.
    """
    if text is None:
        return {}
    pairs = [part.split("=", 1) for part in text.split(",") if part.strip()]
    if not pairs or any(len(pair) != 2 or not pair[1].strip() for pair in pairs):
        raise InputError(f"--columns {text}: give ra=NAME,dec=NAME,id=NAME")
    return {role.strip().lower(): name.strip() for role, name in pairs}


def map_options(
    hdu: str | None, stokes: str | None, channel: int | None, beam: tuple[float, ...] | None
) -> MapOptions:
    """How tiles are opened, as the command line says it."""
    number = int(hdu) if hdu is not None and hdu.isdecimal() else hdu
    return MapOptions(number, stokes, channel, beam)
