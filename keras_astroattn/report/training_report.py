"""The HTML report of a training run: losses, attention by epoch, metrics, misclassified sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .charts import line_chart_svg
from .evaluations import Evaluation
from .html_page import Section, base64_text, page_html
from .html_report import FIELDS, Shown

MOST_EPOCHS = 60
"""Largest number of epochs that the report shows the attention of."""

MOST_WRONG = 200
"""Largest number of misclassified sources that the report shows."""

SCRIPTS = ("contours.js", "pictures.js", "training.js")
"""Scripts of the page, in their order."""


@dataclass(frozen=True)
class Probe:
    """A source whose maps were kept at several epochs.

    Attributes:
        label: its true class.
        picture: PNG of the source.
        p_frii: P(FRII) at each epoch.
        maps: PNG of the map at each epoch (`thumbnails`), by the name of the map.
    """

    label: str
    picture: bytes
    p_frii: Sequence[float]
    maps: Mapping[str, Sequence[bytes]]

    def values(self) -> dict:
        """Return the values that the script reads."""
        return {
            "label": self.label,
            "picture": base64_text(self.picture),
            "p_frii": [round(float(p), 4) for p in self.p_frii],
            "maps": {name: [base64_text(one) for one in maps] for name, maps in self.maps.items()},
        }


def spread_out(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` places, evenly spread, the first and the last among them.

    Example:
        >>> spread_out(9, 3)
        [0, 4, 8]
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def losses_section(history: Sequence[Mapping[str, float]], kept: int | None) -> Section:
    """Draw loss and accuracy by epoch.

    Args:
        history: rows of the training's history, with `epoch`, `loss`, and if they are known
            `accuracy`, `val_loss` and `val_accuracy`.
        kept: epoch whose network was kept; None: not known.
    """
    epochs = [row["epoch"] for row in history]
    charts = []
    for title, name in (("cross-entropy loss, nats", "loss"), ("accuracy", "accuracy")):
        lines = {
            kind: [row.get(column, np.nan) for row in history]
            for kind, column in (("training", name), ("validation", f"val_{name}"))
            if any(column in row for row in history)
        }
        if lines:
            charts.append(line_chart_svg(title, epochs, lines, kept))
    validated = any("val_loss" in row for row in history)
    text = ["Blue: training." + (" Orange, dashed: validation." if validated else "")]
    if kept is not None:
        text.append(f"The vertical line marks epoch {kept}, whose network was kept as best.keras.")
    return Section("Loss and accuracy", (), charts, text)


def evaluation_section(evaluations: Iterable[Evaluation]) -> Section:
    """Return the metrics of each protocol with their 95 % intervals."""
    evaluations = list(evaluations)
    rows: list[list[str]] = [["metric", *(one.protocol for one in evaluations)]]
    for several in zip(*(one.rows() for one in evaluations), strict=True):
        cells = [f"{value:.3f} ({low:.3f} to {high:.3f})" for _, value, (low, high) in several]
        rows.append([several[0][0], *cells])
    numbers = [f"{one.protocol}: {one.images} sources" for one in evaluations]
    return Section("Evaluation", rows, (), [f"{'; '.join(numbers)}. Brackets: 95 % intervals."])


def options_section(options: Mapping[str, object]) -> Section:
    """Return the options of a run as a table."""
    return Section("Options", [("option", "value"), *options.items()], closed=True)


def training_report_html(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    epochs: Sequence[int],
    probes: Sequence[Probe],
    wrong: Sequence[Shown],
    counted: str,
) -> str:
    """Return the report of a training run as HTML.

    With `MOST_EPOCHS` epochs of two probes with five maps each, and `MOST_WRONG` sources, the page
    stays below 3 MB.

    Args:
        title: heading of the page.
        subtitle: line below it.
        sections: summaries at the top.
        epochs: epochs of the probes' maps.
        probes: sources with maps at these epochs; none for a network without gates.
        wrong: misclassified sources; `label` is the true class.
        counted: which misclassified sources the page shows.

    Returns:
        The content of an HTML file.

    Raises:
        ValueError: There are too many epochs or sources.
    """
    if len(epochs) > MOST_EPOCHS or len(wrong) > MOST_WRONG:
        raise ValueError(
            f"a report holds at most {MOST_EPOCHS} epochs and {MOST_WRONG} sources, not "
            f"{len(epochs)} and {len(wrong)}"
        )
    data = {
        "epochs": list(epochs),
        "probes": [one.values() for one in probes],
        "fields": FIELDS,
        "wrong": [one.row() for one in wrong],
    }
    return page_html(
        "training.html",
        SCRIPTS,
        data,
        sections,
        title=title,
        subtitle=subtitle,
        counted=counted,
        sending="This file sends nothing.",
    )
