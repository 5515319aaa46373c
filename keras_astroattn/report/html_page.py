"""A page of HTML in one file, which needs nothing else.

Texts of files and headers reach a page escaped or as JSON. The content security policy lets only
the page's own script and style run, by their checksums.
"""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template

from keras_astroattn.version import __version__


@dataclass(frozen=True)
class Section:
    """A part of a report above the grid.

    Attributes:
        title: its heading.
        table: rows of cells; the first row is the head. Empty: no table.
        charts: SVG elements.
        text: paragraphs below.
        closed: whether only the heading is visible until the reader opens it.
    """

    title: str
    table: Sequence[Sequence[object]] = ()
    charts: Sequence[str] = ()
    text: Sequence[str] = ()
    closed: bool = False


def page_html(
    content: str,
    scripts: Sequence[str],
    data: object,
    sections: Sequence[Section],
    policy: Sequence[str] = (),
    **texts: str,
) -> str:
    """Fill in the template `page.html` of the folder `page`, with that of a content.

    Args:
        content: name of the template below the summaries.
        scripts: names of its scripts, in their order.
        data: value that the scripts read, as JSON.
        sections: summaries at the top.
        policy: more directives of the content security policy.
        **texts: texts of both templates by name; they are escaped.

    Returns:
        The content of an HTML file.
    """
    page = resources.files(__package__) / "page"
    style = (page / "report.css").read_text(encoding="utf-8")
    script = "\n".join((page / name).read_text(encoding="utf-8") for name in scripts)
    escaped = {name: html.escape(text) for name, text in texts.items()}
    return Template((page / "page.html").read_text(encoding="utf-8")).substitute(
        escaped,
        content=Template((page / content).read_text(encoding="utf-8")).substitute(escaped),
        policy="; ".join([_policy(style, script), *policy]),
        version=html.escape(__version__),
        sections="\n".join(map(_section, sections)),
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
    parts = []
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
    heading, content = f"<h2>{html.escape(section.title)}</h2>", "".join(parts)
    if section.closed:
        return f"<section><details><summary>{heading}</summary>{content}</details></section>"
    across = ' class="across"' if len(section.charts) > 1 else ""
    return f"<section{across}>{heading}{content}</section>"


def base64_text(content: bytes | None) -> str | None:
    """Return bytes in base64, or None."""
    return None if content is None else base64.b64encode(content).decode()
