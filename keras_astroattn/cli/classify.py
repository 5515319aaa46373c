"""`astroattn classify`: classify image files and write a table of labels."""

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_astroattn.edge import (
    DEFAULT_PRESET,
    Classifier,
    ModelFile,
    open_model,
)
from keras_astroattn.edge.classifier import name_of
from keras_astroattn.errors import InputError
from keras_astroattn.process import available_cores, quiet_native_logs
from keras_astroattn.tables import Provenance, Row, provenance_of

from .image_files import attention_paths, expand_paths, find_images
from .journal import Journal
from .options import (
    TTA,
    CalibrationFile,
    Columns,
    ImageFlags,
    Model,
    Prior,
    Report,
    Turns,
    calibration_of,
    parse_columns,
    tta_of,
)
from .result_files import require_outputs, write_csv_rows, write_region_file, write_results
from .scoring import Scoring
from .scoring_pool import score_targets
from .summary import Summary
from .targets import Target, checksum_of, find_targets
from .terminal_table import print_sources

_TARGETS_WORTH_A_PROCESS = 32  # starting a process takes as long as classifying these


def classify(  # noqa: D417 - the others are described in `options`
    paths: Annotated[list[str], Parameter(allow_leading_hyphen=True)],
    /,
    *,
    model: Model = DEFAULT_PRESET,
    output: Path | None = None,
    regions: Path | None = None,
    attention: Path | None = None,
    report: Report = None,
    calibration: CalibrationFile = None,
    prior: Prior = None,
    samp: Annotated[bool, Parameter(negative="")] = False,
    samp_to: str | None = None,
    explain: Annotated[bool, Parameter(negative="")] = False,
    tta: TTA = 1,
    turns: Turns = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    strict: Annotated[bool, Parameter(negative="")] = False,
    position: Annotated[list[str] | None, Parameter(allow_leading_hyphen=True)] = None,
    positions: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    columns: Columns = None,
    detect: Annotated[bool, Parameter(negative="")] = False,
    opening: ImageFlags = ImageFlags(),
) -> int:
    """Classify radio sources in image files as FRI or FRII.

    Each image, or each position, becomes a row of a table. An image that cannot be classified
    becomes a row with the label `error` and the reason. The exit status is 0 if at least one row is
    classified, else 2.

    Args:
        paths: FITS, PNG, JPEG, NPY or NPZ files, folders of them, glob patterns (quoted), @FILE
            for a text that lists any of these, and - for a list on the standard input.
        output: Results file (.csv, .ecsv, .json, .vot, .fits or .parquet). By default, the main
            columns are printed on a terminal, and the whole table as CSV into a pipe or file.
        regions: File of regions (.reg for DS9, .crtf for CASA and CARTA): the ellipse of each
            source, with its label and the probability of a class. Needs --output.
        attention: Folder for attention maps: for each source a picture, and the mean attention
            map as FITS with the source's coordinates. Column `picture` names the picture.
        samp: Send the table to the programs on this desktop that take tables, such as TOPCAT and
            Aladin. Needs --output.
        samp_to: Name of the one program that gets the table, such as topcat.
        explain: Explain each answer, in columns from `explanation` to `components`: the evidence
            of the parts of the source, and the probability without each. Needs a model that
            gives evidence; about ten times slower.
        workers: Number of worker processes. By default, one for every 32 files, at most one a
            core.
        resume: Continue an interrupted run that wrote to --output.
        overwrite: Replace the results file and the files of --attention if they exist.
        strict: End with status 1 if any row is an error.
        position: Position of a source, RA,DEC, in degrees or sexagesimal; repeat it for several
            sources. By default, the centre of each map.
        positions: File of positions: a catalogue (CSV, ECSV, FITS, VOTable or Parquet; PyBDSF's,
            Aegean's and those of photutils too), DS9 or CASA regions, or one position a line; -
            is the standard input. Each becomes one row, from the map that shows most of the sky
            around it.
        detect: Find the sources above 5 sigma on the maps, and classify each, the brightest first.
            A source that may have another part gets the flag `confused` and no class.
    """
    require_outputs(output, regions, resume, overwrite)
    if report is not None:
        _require_report(report, output, resume or overwrite)
    samp = samp or samp_to is not None
    if samp:
        _require_samp(output, samp_to)
    options = opening.arguments()
    tta = tta_of(tta, turns)
    opened = open_model(model)
    fitted = calibration_of(calibration, prior, opened, tta)
    scoring = Scoring(
        str(opened.path), options, attention, tta=tta, explain=explain, calibration=fitted
    )
    files = find_images(expand_paths(paths), excluded=attention)
    if not files:
        raise InputError(f"no image in {', '.join(map(str, paths))}: see --help for the formats")
    targets = find_targets(
        files,
        scoring.map_options,
        position or [],
        positions,
        parse_columns(columns),
        detect,
        options.get("noise"),
        options.get("rms_map"),
    )
    if explain:
        _require_explainable(opened, tta)
    _prepare_attention(attention, targets, resume or overwrite)
    summary = Summary("images" if targets[0].source is None else "positions")
    if output is None:
        _to_standard_output(targets, scoring, workers, summary)
    else:
        identity = {
            "model": hashlib.sha256(opened.content).hexdigest(),
            "options": options,
            "positions": None if targets[0].source is None else checksum_of(targets),
            "tta": tta,
            "attention": None if attention is None else str(attention),
            "explain": explain,
            "calibration": fitted and fitted.identity,
        }
        journal = Journal(output, identity, resume, overwrite)
        provenance = provenance_of(name_of(opened, tta, fitted), opened.content)
        _to_file(output, regions, targets, scoring, workers, summary, journal, provenance)
    if summary.failed == summary.total == 1:
        raise InputError(summary.failures[0])
    if summary.failed == summary.total:
        raise InputError(
            f"none of {summary.total} {summary.noun} could be classified; the first: "
            f"{summary.failures[0]}"
        )
    if report is not None:
        from .report_file import ReportOptions, write_report

        write_report(
            output, report, ReportOptions(str(opened.path), tta, fitted, options), _console()
        )
    if samp:
        from .send import report_sent

        report_sent(output, samp_to)
    return 1 if strict and summary.failed else 0


def _to_standard_output(
    targets: list[Target], scoring: Scoring, workers: int | None, summary: Summary
) -> None:
    rows = (summary.take(row) for row in _scored(targets, scoring, workers))
    bar = _with_bar(rows, len(targets), 0)
    if sys.stdout.isatty():
        _to_terminal(bar)
    else:
        write_csv_rows(sys.stdout, bar, scoring.explain)
        sys.stdout.flush()
    if 1 < summary.total != summary.failed:
        summary.print("classified")
    else:
        summary.print_hint()


def _to_terminal(rows: Iterable[Row]) -> None:
    """Print a table when all rows are there, or those that an interrupted run has."""
    done: list[Row] = []
    try:
        done.extend(rows)
    finally:
        if done:
            print_sources(done)


def _to_file(
    output: Path,
    regions: Path | None,
    targets: list[Target],
    scoring: Scoring,
    workers: int | None,
    summary: Summary,
    journal: Journal,
    provenance: Provenance,
) -> None:
    waiting = [target for target in targets if target.key not in journal.done]
    wanted = {target.key for target in targets}
    try:
        rows = _scored(waiting, scoring, workers)
        bar = _with_bar(rows, len(targets), len(targets) - len(waiting))
        for target, row in zip(waiting, bar, strict=True):
            journal.add(target.key, row)
        for key, row in journal.rows():
            if key in wanted:
                summary.take(row)
        # A table with only errors must not replace a result.
        if summary.failed < summary.total:
            kept = (row for key, row in journal.rows() if key in wanted)
            write_results(output, kept, scoring.explain, provenance)
            if regions is not None:
                write_region_file(regions, (row for key, row in journal.rows() if key in wanted))
    except BaseException:
        journal.close()
        raise
    journal.remove()
    if summary.failed < summary.total:
        summary.print(str(output))


def _console() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)


def _require_samp(output: Path | None, program: str | None) -> None:
    if output is None:
        raise InputError("--samp needs --output: name the results file that it sends")
    from keras_astroattn.tables.samp import require_receiver

    require_receiver(program)


def _require_report(report: Path, output: Path | None, overwrite: bool) -> None:
    if output is None:
        raise InputError("--report needs --output: name the results file that it reads")
    from .report_file import require_report

    require_report(report, "--report", overwrite)


def _scored(targets: list[Target], scoring: Scoring, workers: int | None) -> Iterator[Row]:
    if workers is None:
        workers = min(available_cores(), 1 + len(targets) // _TARGETS_WORTH_A_PROCESS)
    return score_targets(targets, scoring, workers)


def _with_bar(rows: Iterable[Row], total: int, done: int) -> Iterator[Row]:
    console = Console(stderr=True)
    columns = (TextColumn("classifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total, completed=done)
        for row in rows:
            yield row
            progress.advance(task)


def _require_explainable(model: ModelFile, tta: int) -> None:
    if tta > 1:
        raise InputError(
            "--explain takes the answer for one image apart, not the mean over rotations: leave "
            "out --tta"
        )
    with quiet_native_logs():
        Classifier(model).require_evidence()


def _prepare_attention(folder: Path | None, targets: list[Target], overwrite: bool) -> None:
    if folder is None:
        return
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("--attention needs matplotlib: pip install 'keras-astroattn[plots]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = set() if overwrite else {path.name for path in folder.iterdir()}
    except OSError as error:
        raise InputError(f"--attention {folder} cannot be made: {error.strerror}") from None
    before = [
        path
        for target in targets
        for path in attention_paths(folder, target.name)
        if path.name in there
    ]
    if before:
        raise InputError(
            f"--attention {folder} holds {before[0].name} already: add --overwrite to replace "
            "the files, or name another folder"
        )
