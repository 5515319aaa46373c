"""The HTML report of a table of classified sources: one file that needs nothing else.

Names and texts of headers reach the page as JSON, from which the script writes them as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .html_page import Section, base64_text, page_html

MOST_SOURCES = 5000
"""Largest number of sources in a report."""

SCRIPTS = ("contours.js", "pictures.js", "labels.js", "grid.js")
"""Scripts of every page of sources, in their order; one that starts the page follows."""

LINKS = "The links to other services open only when you click."
"""What every page of sources states of its links."""


@dataclass(frozen=True)
class Shown:
    """A source in the grid of a report.

    Attributes:
        source: text that identifies it in a file of labels.
        name: its name.
        label: its label.
        p_frii: P(FRII), or None.
        entropy: entropy of the probabilities, nats, or None.
        snr: peak over noise, or None.
        size: largest angular size, arcsec, or None.
        flags: its flags.
        ra: right ascension, ICRS degrees, or None.
        dec: declination, ICRS degrees, or None.
        part: part of the sample to label: "random", "uncertain" or "".
        inclusion: probability with which the random part includes it, or None.
        note: error of the source, or the reason why it has no picture.
        picture: PNG of the source, or None.
        attention: PNG of `thumbnails.map_png`, or None.
        evidence: PNG of `thumbnails.evidence_png`, or None.
    """

    source: str
    name: str
    label: str
    p_frii: float | None = None
    entropy: float | None = None
    snr: float | None = None
    size: float | None = None
    flags: tuple[str, ...] = ()
    ra: float | None = None
    dec: float | None = None
    part: str = ""
    inclusion: float | None = None
    note: str = ""
    picture: bytes | None = field(default=None, repr=False)
    attention: bytes | None = field(default=None, repr=False)
    evidence: bytes | None = field(default=None, repr=False)

    def row(self) -> list:
        """Return the values in the order of `FIELDS`."""
        pictures = [base64_text(one) for one in (self.picture, self.attention, self.evidence)]
        return [
            self.source, self.name, self.label, _rounded(self.p_frii, 5),
            _rounded(self.entropy, 4), _rounded(self.snr, 1), _rounded(self.size, 1),
            list(self.flags), _rounded(self.ra, 5), _rounded(self.dec, 5), self.part,
            self.inclusion, self.note, *pictures,
        ]  # fmt: skip


FIELDS = (
    "source", "name", "label", "p_frii", "entropy", "snr", "size", "flags", "ra", "dec", "part",
    "inclusion", "note", "picture", "attention", "evidence",
)  # fmt: skip
"""Names of the values of `Shown.row`, as the script reads them."""


def report_html(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    sources: Sequence[Shown],
    identity: str,
    chosen: str,
    labels: Mapping[str, str],
    flags: Mapping[str, str],
) -> str:
    """Return the report as HTML.

    Args:
        title: heading of the page.
        subtitle: line below it.
        sections: summaries above the grid.
        sources: sources of the grid, at most `MOST_SOURCES`.
        identity: text that identifies the table; labels are kept under it.
        chosen: which sources of the table the grid shows.
        labels: meaning of each label.
        flags: meaning of each flag.

    Returns:
        The content of an HTML file.

    Raises:
        ValueError: There are too many sources.
    """
    if len(sources) > MOST_SOURCES:
        raise ValueError(f"a report holds at most {MOST_SOURCES} sources, not {len(sources)}")
    data = {
        "identity": identity,
        "fields": FIELDS,
        "sources": [one.row() for one in sources],
        "labels": dict(labels),
        "flags": dict(flags),
    }
    return page_html(
        "report.html",
        [*SCRIPTS, "report.js"],
        data,
        sections,
        title=title,
        subtitle=subtitle,
        chosen=chosen,
        labelling="Labels stay in this browser. Download them, then run",
        command="astroattn recalibrate RESULT --labels labels.csv",
        sending=f"This file sends nothing. {LINKS}",
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
