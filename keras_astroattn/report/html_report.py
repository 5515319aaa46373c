"""The HTML report of a table of classified sources: one file that needs nothing else.

Names and texts of headers reach the page as JSON, from which the script writes them as text. The
content security policy lets only this page's own script and style run, by their checksums.
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from string import Template

from keras_astroattn.version import __version__

MOST_SOURCES = 5000
"""Largest number of sources in a report."""

SCRIPTS = ("contours.js", "labels.js", "grid.js")
"""Scripts of the page, in their order."""


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
        pictures = [_base64(one) for one in (self.picture, self.attention, self.evidence)]
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


@dataclass(frozen=True)
class Section:
    """A part of a report above the grid.

    Attributes:
        title: its heading.
        table: rows of cells; the first row is the head. Empty: no table.
        charts: SVG elements.
        text: paragraphs below.
    """

    title: str
    table: Sequence[Sequence[object]] = ()
    charts: Sequence[str] = ()
    text: Sequence[str] = ()


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
    page = resources.files(__package__) / "page"
    style = (page / "report.css").read_text(encoding="utf-8")
    script = "\n".join((page / name).read_text(encoding="utf-8") for name in SCRIPTS)
    data = {
        "identity": identity,
        "fields": FIELDS,
        "sources": [one.row() for one in sources],
        "labels": dict(labels),
        "flags": dict(flags),
    }
    return Template((page / "report.html").read_text(encoding="utf-8")).substitute(
        policy=_policy(style, script),
        version=html.escape(__version__),
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        sections="\n".join(map(_section, sections)),
        chosen=html.escape(chosen),
        style=style,
        script=script,
        data=json_in_html(data),
    )


def json_in_html(value: object) -> str:
    """Return a value as JSON that cannot end the script element that holds it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)  # ASCII only
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(style: str, script: str) -> str:
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; "
        f"style-src 'sha256-{style_hash}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    if section.charts:
        parts.append(f'<div class="charts">{"".join(section.charts)}</div>')
    if section.table:
        head, *rows = section.table
        cells = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in head)
        lines = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        parts.append(
            f'<div class="wide"><table><thead><tr>{cells}</tr></thead>'
            f"<tbody>{lines}</tbody></table></div>"
        )
    parts += [f"<p>{html.escape(text)}</p>" for text in section.text]
    across = ' class="across"' if len(section.charts) > 1 else ""
    return f"<section{across}>{''.join(parts)}</section>"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()
