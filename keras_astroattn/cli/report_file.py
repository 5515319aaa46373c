"""Write the HTML report of a table: read the maps again, and draw each source that it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_astroattn.edge import labels as label_words
from keras_astroattn.edge import read_result
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.images import flags
from keras_astroattn.recalibration import SAMPLES, Chosen, GivenLabel
from keras_astroattn.report.html_report import Shown, report_html
from keras_astroattn.report.summary import counts_section, histograms_section, sky_section
from keras_astroattn.survey.result_cutouts import cut_of, survey_summary

from .report_maps import MadeWith, open_classifier
from .report_reliability import reliability_of
from .report_sources import chosen_sources, shown_rows, shown_sources, with_pictures
from .result_files import require_folder


@dataclass(frozen=True)
class ReportOptions(MadeWith):
    """Options of a report.

    Attributes:
        sources: largest number of sources in the grid.
        choose: which sources to label, one of `SAMPLES`.
        to_label: number of sources to label.
        seed: seed of the draws.
    """

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
    survey = survey_summary(table)
    name_column = survey["catalogue"]["columns"].get("id") if survey else None
    result = read_result(table, name_column=name_column)
    reliability = reliability_of(result, labels)
    classifier = open_classifier(result.path, result.model, options)
    chosen = chosen_sources(
        result.labels,
        result.probabilities,
        options.choose,
        min(options.to_label, options.sources),
        options.seed,
    )
    rows = shown_rows(result, chosen, options.sources, options.seed)
    cut = cut_of(result, options.images, survey)
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
        title=f"Report of {table.absolute().name}",
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
    return " ".join(filter(None, [*parts, to_label_text(chosen, choose)]))


def to_label_text(chosen: list[Chosen], choose: str) -> str:
    """Return the sentence that says which sources are to label; "" without one."""
    random = sum(one.part == "random" for one in chosen)
    ways = []
    if random:
        how = "from each label" if choose == SAMPLES[0] else "with equal probability"
        ways.append(f"{random} drawn at random, {how}, for estimates of purity and completeness")
    if len(chosen) > random:
        ways.append(f"the {len(chosen) - random} most uncertain ones of the others, for learning")
    return f"To label: {'; '.join(ways)}." if ways else ""


def _with_bar(sources, console: Console, rows: list[int]):
    columns = (TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(rows))
        for source in sources:
            yield source
            progress.advance(task)
