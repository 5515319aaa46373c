"""Results as HTML for notebooks: a picture of the source, and its label in words."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np

from keras_astroattn.images import Cutout


def picture_of(cutout: Cutout) -> bytes:
    """Return a PNG picture of a source, square-root stretched to show faint lobes.

    Args:
        cutout: the source. With celestial coordinates the first row is at the bottom.

    Returns:
        Bytes of a grey picture of 150 x 150 pixels.
    """
    from PIL import Image

    grey = np.rint(255 * np.sqrt(cutout.pixels / 255)).astype(np.uint8)
    if cutout.wcs_header is not None:
        grey = grey[::-1]
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def picture_html(cutout: Cutout | None, size: int) -> str:
    """Return the HTML of a picture of a source; nothing without a source.

    Args:
        cutout: the source, or None.
        size: width and height on the page, pixels.
    """
    if cutout is None:
        return ""
    content = base64.b64encode(picture_of(cutout)).decode()
    source = f"data:image/png;base64,{content}"
    return f'<img src="{source}" width="{size}" height="{size}" alt="radio source">'


def source_html(
    name: str,
    label: str,
    probabilities: Sequence[str],
    flags: Sequence[str],
    cutout: Cutout | None,
    model: str,
) -> str:
    """Return the HTML of one classification: a picture, and a table next to it.

    Args:
        name: name of the file, or "".
        label: the label.
        probabilities: the probabilities in words.
        flags: flags of the image.
        cutout: the source, or None.
        model: name of the model, or "".
    """
    rows = (
        ("source", name),
        ("label", label),
        ("probability", ", ".join(probabilities)),
        ("flags", ", ".join(flags) or "none"),
        ("model", model),
    )
    cells = "".join(
        f'<tr><th style="text-align:left">{title}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for title, text in rows
        if text
    )
    picture = picture_html(cutout, 150)
    return f'<div style="display:flex;gap:1em">{picture}<table>{cells}</table></div>'


def list_html(summary: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the HTML of a list of classifications.

    Args:
        summary: a line above the table.
        titles: titles of the columns after the picture.
        rows: HTML of a picture, then texts.
    """
    head = "".join(f"<th>{escape(title)}</th>" for title in ("", *titles))
    body = "".join(
        f"<tr><td>{picture}</td>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
        for picture, *texts in rows
    )
    return f"<p>{escape(summary)}</p><table><tr>{head}</tr>{body}</table>"
