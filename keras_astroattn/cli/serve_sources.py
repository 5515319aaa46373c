"""What `astroattn serve` serves: the sources of a table, their pictures, and the page."""

import contextlib
import functools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_astroattn.edge import Classifier
from keras_astroattn.edge import labels as label_words
from keras_astroattn.images import flags
from keras_astroattn.recalibration import Chosen
from keras_astroattn.report.html_page import Section, page_html
from keras_astroattn.report.html_report import FIELDS, LINKS, SCRIPTS, Shown
from keras_astroattn.report.summary import counts_section, histograms_section, sky_section
from keras_astroattn.serve import LabelFile, Served, SourceTable, read_sources
from keras_astroattn.survey.result_cutouts import cut_of, survey_summary
from keras_astroattn.tables.samp import send_rows

from .report_file import to_label_text
from .report_maps import MadeWith, open_classifier
from .report_reliability import reliability_of
from .report_sources import chosen_sources, shown_sources, with_pictures


@contextlib.contextmanager
def open_served(
    path: Path, labels: Path, made_with: MadeWith, choose: str, to_label: int, seed: int
) -> Iterator[Served]:
    """Open a table and its file of labels.

    Args:
        path: the table.
        labels: the file of labels.
        made_with: what the table was made with.
        choose: which sources to label, one of `SAMPLES`.
        to_label: number of sources to label.
        seed: seed of the draws.

    Raises:
        InputError: The table, the model or the file of labels cannot be used.
    """
    survey = survey_summary(path)
    table = read_sources(path, survey["catalogue"]["columns"].get("id") if survey else None)
    classifier = open_classifier(path, table.model, made_with)
    probabilities = np.stack([table.numbers("p_fri"), table.numbers("p_frii")], axis=1)
    drawn = chosen_sources(table.labels.all(), probabilities, choose, to_label, seed)
    chosen = {one.row: one for one in drawn}

    def shown(rows: Sequence[int]) -> list[Shown]:
        return _shown(table, chosen, rows)[1]

    def picture(row: int) -> Shown:
        result, sources = _shown(table, chosen, [row])
        return next(
            with_pictures(
                result, [0], sources, classifier, cut_of(result, made_with.images, survey)
            )
        )

    threading.Thread(target=table.prepare, daemon=True).start()
    summary = functools.cache(lambda: _summary(table, seed))
    with LabelFile(labels, path, table.row_of) as file:

        def page() -> str:
            sections = [*summary(), _reliability(table, file)]
            return _page(table, drawn, choose, [one for one in sections if one], classifier, labels)

        yield Served(
            table,
            chosen,
            file,
            shown,
            picture,
            page,
            lambda rows: send_rows(table.result(rows).table, path.absolute().name),
        )


def _shown(table: SourceTable, chosen: dict[int, Chosen], rows: Sequence[int]):
    """Return rows of the table, and their sources."""
    result = table.result(rows)
    places = [replace(chosen[row], row=place) for place, row in enumerate(rows) if row in chosen]
    return result, shown_sources(result, range(len(rows)), places)


def _summary(table: SourceTable, seed: int) -> list[Section | None]:
    texts = table.labels.all()
    meanings = label_words.DESCRIPTIONS | flags.DESCRIPTIONS
    return [
        counts_section(texts, table.flags.all(), table.errors.all(), meanings),
        sky_section(texts, table.numbers("ra"), table.numbers("dec"), seed),
        histograms_section(
            texts,
            table.numbers("p_frii"),
            table.numbers("largest_angular_size_arcsec"),
            table.numbers("peak_snr"),
        ),
    ]


def _reliability(table: SourceTable, labels: LabelFile) -> Section | None:
    given = labels.all()
    rows = sorted({row for row, _ in given})
    return reliability_of(table.result(rows), [label for _, label in given])


def _page(
    table: SourceTable,
    chosen: list[Chosen],
    choose: str,
    sections: Sequence[Section],
    classifier: Classifier,
    labels: Path,
) -> str:
    given_flags = {one for text in table.flags.present() for one in text.split(";")}
    maps = {"attention": classifier.has_attention, "evidence": classifier.has_evidence}
    data = {
        "fields": FIELDS,
        "sources": [],
        "count": len(table),
        "labels": dict(label_words.DESCRIPTIONS),
        "flags": dict(flags.DESCRIPTIONS),
        "choices": {
            "labels": sorted(table.labels.present()),
            "flags": sorted(given_flags - {""}),
            "parts": sorted({one.part for one in chosen}),
            "maps": [kind for kind, is_there in maps.items() if is_there],
        },
    }
    name = table.path.absolute().name  # the path may be "."
    return page_html(
        "report.html",
        [*SCRIPTS, "served.js"],
        data,
        sections,
        ["connect-src 'self'"],
        title=f"Sources of {name}",
        subtitle=f"{len(table):,} rows, classified by {table.model}",
        chosen=to_label_text(chosen, choose),
        labelling=f"Each label is written to {labels.name} at once. Then run",
        command=f"astroattn recalibrate {name} --labels {labels.name}",
        sending=f"This page talks to astroattn serve only. {LINKS}",
    )
