"""Write the HTML report of a table: read the maps again, and draw each source that it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_astroattn.edge import Calibration, Classifier, Result, list_presets, read_result
from keras_astroattn.edge import labels as label_words
from keras_astroattn.edge.calibration import ModelName
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.images import Cutout, flags, read_image
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.recalibration import SAMPLES, Chosen, GivenLabel, choose_sample
from keras_astroattn.report.html_report import Shown, report_html
from keras_astroattn.report.summary import counts_section, histograms_section, sky_section

from .report_reliability import reliability_of
from .report_sources import Cut, shown_rows, shown_sources, with_pictures
from .result_files import require_folder


@dataclass(frozen=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        model: name of a preset or path; None: the model that the table names.
        tta: number of rotated views; None: as the table says.
        calibration: the calibration of the table, or None.
        images: options of `images.read_image` for a table of image files.
        sources: largest number of sources in the grid.
        choose: which sources to label, one of `SAMPLES`.
        to_label: number of sources to label.
        seed: seed of the draws.
    """

    model: str | None = None
    tta: int | None = None
    calibration: Calibration | None = None
    images: Mapping[str, Any] = field(default_factory=dict)
    sources: int = 1000
    choose: str = SAMPLES[0]
    to_label: int = 200
    seed: int = 0


def require_report(path: Path, option: str, overwrite: bool) -> None:
    """Refuse a report that cannot be written, before anything is computed.

    Args:
        path: path of the report.
        option: option that names it, for the message.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: It has another suffix, exists, or its folder is not writable.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{option} {path}: its name must end in .html")
    if path.exists() and (path.is_dir() or not overwrite):
        raise InputError(f"{option} {path} exists already: add --overwrite, or name another file")
    require_folder(path, option)


def write_report(
    table: Path,
    output: Path,
    options: ReportOptions,
    console: Console,
    labels: Sequence[GivenLabel] = (),
) -> list[Shown]:
    """Write the report of a table, and return the sources that it shows.

    Args:
        table: file of `astroattn classify`, or folder or exported file of `astroattn survey`.
        output: path of the report.
        options: options.
        console: console for progress and messages.
        labels: labels of people, for the reliability of the probabilities.

    Raises:
        InputError: The table, the model or the report cannot be used.
    """
    survey = _survey_summary(table)
    name_column = survey["catalogue"]["columns"].get("id") if survey else None
    result = read_result(table, name_column=name_column)
    reliability = reliability_of(result, labels)
    classifier = _classifier(result, options)
    chosen = _choose(result, options)
    rows = shown_rows(result, chosen, options.sources, options.seed)
    cut = _cut(result, options, survey)
    sources = shown_sources(result, rows, chosen)
    drawn = list(_with_bar(with_pictures(result, rows, sources, classifier, cut), console, rows))
    meanings = label_words.DESCRIPTIONS | flags.DESCRIPTIONS
    found = [
        counts_section(result.labels, result.texts("flags"), result.texts("error"), meanings),
        sky_section(result.labels, result.numbers("ra"), result.numbers("dec"), options.seed),
        histograms_section(
            result.labels,
            result.probabilities[:, 1],
            result.numbers("largest_angular_size_arcsec"),
            result.numbers("peak_snr"),
        ),
        reliability,
    ]
    text = report_html(
        title=f"Report of {table.name}",
        subtitle=f"{len(result)} rows, classified by {result.model}",
        sections=[one for one in found if one is not None],
        sources=drawn,
        identity=result.identity,
        chosen=chosen_text(len(result), len(rows), chosen, options.choose),
        labels=label_words.DESCRIPTIONS,
        flags=flags.DESCRIPTIONS,
    )
    try:
        write_text(output, text)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror or error}") from None
    lost = sum(one.picture is None and one.label != "error" for one in drawn)
    missing = f", {lost} without a picture (each says why)" if lost else ""
    size = output.stat().st_size
    stated = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
    console.print(f"{output}: {len(drawn)} sources, {stated}{missing}", markup=False)
    return drawn


def chosen_text(total: int, shown: int, chosen: list[Chosen], choose: str) -> str:
    """Return the sentences that say which sources a report shows and offers to label."""
    parts = [
        f"The grid shows all {total} rows."
        if shown == total
        else f"The grid shows {shown} of {total} rows: {len(chosen)} to label, and "
        f"{shown - len(chosen)} of the others, drawn at random."
    ]
    random = sum(one.part == "random" for one in chosen)
    ways = []
    if random:
        how = "from each label" if choose == SAMPLES[0] else "with equal probability"
        ways.append(f"{random} drawn at random, {how}, for estimates of purity and completeness")
    if len(chosen) > random:
        ways.append(f"the {len(chosen) - random} most uncertain ones of the others, for learning")
    if ways:
        parts.append(f"To label: {'; '.join(ways)}.")
    return " ".join(parts)


def _choose(result: Result, options: ReportOptions) -> list[Chosen]:
    try:
        count = min(options.to_label, options.sources)
        return choose_sample(
            result.labels, result.probabilities, options.choose, count, options.seed
        )
    except InputError:  # a table without a class has nothing to label, and still a report
        return []


def _survey_summary(table: Path) -> dict | None:
    """Return the summary of a survey's folder; None for a file."""
    if not table.is_dir():
        return None
    from keras_astroattn.survey.session import read_summary

    return read_summary(table)


def _classifier(result: Result, options: ReportOptions) -> Classifier:
    stated = ModelName.parse(result.model)
    if options.model is None and stated.model not in list_presets():
        raise InputError(
            f"{result.path} was made with the model {stated.model or '(unknown)'}, which is no "
            "preset: give its file with --model"
        )
    given = options.calibration
    calibration = given if given is not None and given.prior is None else None
    if stated.calibration != (calibration and calibration.identity):
        raise InputError(
            f"{result.path} was made with "
            + (f"the calibration {stated.calibration}" if stated.calibration else "no calibration")
            + f": give {'it with' if stated.calibration else 'no'} --calibration"
        )
    with quiet_native_logs():
        return Classifier(
            options.model or stated.model,
            tta=options.tta or stated.tta,
            calibration=calibration,
            prior=stated.prior,
        )


def _cut(result: Result, options: ReportOptions, survey: dict | None) -> Cut:
    """Return the function that reads the cutout of a row."""
    paths = result.texts("path")
    if not result.prefix:
        return _cut_of_files(result, options)
    from keras_astroattn.survey.results import Source, cut_again
    from keras_astroattn.survey.tiles import MapOptions

    identity = survey["identity"] if survey else {}
    opening = MapOptions(**identity.get("map options", {}))
    ra, dec, p_frii = (result.numbers(name) for name in ("ra", "dec", "p_frii"))
    numbers = result.table.values[f"{result.prefix}row"].tolist()

    def cut(row: int) -> Cutout:
        source = Source(
            numbers[row], ra[row], dec[row], paths[row], result.labels[row], p_frii[row], 0.0
        )
        return cut_again(result.path, opening, identity.get("mask neighbours", False), source)

    return cut


def _cut_of_files(result: Result, options: ReportOptions) -> Cut:
    """Return the function that reads the cutout of a row of `astroattn classify`."""
    paths, names, ra, dec = (
        *(result.texts(name) for name in ("path", "name")),
        *(result.numbers(name) for name in ("ra", "dec")),
    )

    def cut(row: int) -> Cutout:
        # The row of a whole file has the file's name. Its source is in the middle.
        is_positioned = names[row] != Path(paths[row]).name and np.isfinite(ra[row] + dec[row])
        position = {"position": (ra[row], dec[row])} if is_positioned else {}
        return read_image(paths[row], **options.images, **position)

    return cut


def _with_bar(sources, console: Console, rows: list[int]):
    columns = (TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(rows))
        for source in sources:
            yield source
            progress.advance(task)
