"""What was measured of attention, as Markdown and as CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_astroattn.evaluation import REGIONS, bootstrap_interval, wilson_interval
from keras_astroattn.evaluation.intervals import clustered_wilson_interval
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.report.markdown import markdown

from .measure import (
    ATTENTION,
    BRIGHTNESS,
    EVIDENCE,
    GRAD_CAM,
    LEAST,
    MEAN,
    PART,
    RANDOM,
    Measured,
    Moved,
)

Interval = tuple[float, float, float]
"""A value with its lower and upper bound."""

Row = dict[str, str | float]

WHOLE = "whole"
"""Both classes together."""


def groups(measured: Measured) -> dict[str, list[Moved]]:
    """The moves that are counted together, in their order."""
    found: dict[str, list[Moved]] = {}
    for one in measured.moved:
        found.setdefault(one.move.group, []).append(one)
    return found


def mean_interval(
    values: np.ndarray, labels: np.ndarray, statistic: Literal["mean", "median"] = "mean"
) -> Interval:
    """A statistic over the sources that have a value, with its bootstrap interval."""
    known = np.isfinite(values)
    values, labels = values[known], labels[known]
    if not len(values):
        return (np.nan, np.nan, np.nan)
    value = np.mean(values) if statistic == "mean" else np.median(values)
    return (float(value), *bootstrap_interval(values, labels, statistic))


def accuracy(measured: Measured, several: list[Moved]) -> Interval:
    """Share of the moved images that are classified rightly, over a group of moves."""
    right = np.mean([one.predicted == measured.labels for one in several], axis=0)
    return (float(right.mean()), *clustered_wilson_interval(right, len(several)))


def same_class(measured: Measured, several: list[Moved]) -> Interval:
    """Share of the moved images that are given the class of the image as it was."""
    same = np.mean([one.predicted == measured.predicted for one in several], axis=0)
    return (float(same.mean()), *clustered_wilson_interval(same, len(several)))


def move_rows(measured: Measured) -> list[Row]:
    """A row a group of moves and map."""
    rows = []
    labels = measured.labels
    for group, several in groups(measured).items():
        for name in measured.maps:
            followed, stayed = (
                np.mean([getattr(one, what)[name] for one in several], axis=0)
                for what in ("followed", "stayed")
            )
            rows.append(
                _named(measured)
                | {"move": group, "map": name}
                | _bounds("followed", mean_interval(followed, labels))
                | _bounds("stayed", mean_interval(stayed, labels))
                | _bounds("accuracy", accuracy(measured, several))
                | _bounds("same_class", same_class(measured, several))
                | {
                    "follows": float(np.mean(followed > stayed)),
                    "mean_overlap": float(np.mean([one.common for one in several])),
                    "mean_enrichment": float(np.median([one.enrichment for one in several])),
                    "strangers": float(np.nanmean(measured.strangers[name])),
                }
            )
    return rows


def region_rows(measured: Measured) -> list[Row]:
    """A row a map and class: share on the source, enrichment of every region."""
    rows = []
    for name in measured.regions:
        for class_name in (WHOLE, *CLASS_NAMES):
            chosen = _of_class(measured.labels, class_name)
            row = _named(measured) | {
                "map": name,
                "class": class_name,
                "sources": int(chosen.sum()),
            }
            row |= _bounds(
                "share", mean_interval(measured.share[name][chosen], measured.labels[chosen])
            )
            row["area"] = float(measured.area[chosen].mean())
            for region in REGIONS:
                values = measured.regions[name][region][chosen]
                row |= _bounds(region, mean_interval(values, measured.labels[chosen], "median"))
            rows.append(row)
    return rows


def orders(measured: Measured) -> tuple[str, ...]:
    """Orders of deletion, the chief ones first."""
    chief = (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM, LEAST)
    return (*chief, *(name for name in measured.deletions if name not in chief))


def deletion_rows(measured: Measured) -> list[Row]:
    """A row an order of deletion and class that the network gave."""
    rows = []
    for class_name in (WHOLE, *CLASS_NAMES):
        chosen = _of_class(measured.predicted, class_name)
        if not chosen.any():
            continue
        labels = measured.labels[chosen]
        scale = np.mean([one.margin[0] for one in measured.deletions[ATTENTION][0]])
        for order in orders(measured):
            row = _named(measured) | {
                "class": class_name,
                "sources": int(chosen.sum()),
                "order": order,
            }
            for what, margin, unit in (("probability", False, 1.0), ("margin", True, scale)):
                area = measured.areas(order, margin)[chosen] / unit
                row |= _bounds(what, mean_interval(area, labels))
                for other in (RANDOM, GRAD_CAM):
                    difference = area - measured.areas(other, margin)[chosen] / unit
                    row |= _bounds(f"{what}_less_{other}", mean_interval(difference, labels))
            if order in measured.orders:
                for what, margin, unit in (("probability", False, 1.0), ("margin", True, scale)):
                    first = measured.first_against_others(order, margin)[chosen] / unit
                    row |= _bounds(f"first_{what}", mean_interval(first, labels))
                row |= _bounds(
                    "rank", mean_interval(measured.rank_correlation(order)[chosen], labels)
                )
            rows.append(row)
    return rows


@dataclass(frozen=True)
class Tables:
    """All that is told of one network; nothing but numbers and words, so that it can be kept.

    Attributes:
        title: Of the network.
        sources: Their number.
        right: Share of them that is classified rightly as they are.
        black: Probabilities of the classes of an image without anything.
        cam_blind: Share of the images in which Grad-CAM is 0 on all of the source.
        moves: A row a group of moves and map.
        regions: A row a map and class.
        deletion: A row an order and class.
    """

    title: str
    sources: int
    right: float
    black: list[float]
    cam_blind: float
    moves: list[Row]
    regions: list[Row]
    deletion: list[Row]


def tabulate(measured: Measured) -> Tables:
    """Make the rows, with their intervals."""
    return Tables(
        title=measured.network.title,
        sources=len(measured.labels),
        right=float(np.mean(measured.predicted == measured.labels)),
        black=measured.black.tolist(),
        cam_blind=float(measured.cam_blind.mean()),
        moves=move_rows(measured),
        regions=region_rows(measured),
        deletion=deletion_rows(measured),
    )


def document(several: Sequence[Tables], what: str) -> str:
    """All tables as Markdown; `what` says which sources."""
    parts = [f"Measured on {what}.\n", comparison_table(several)]
    for tables in several:
        low, high = wilson_interval(tables.right, tables.sources)
        parts += [
            f"## {tables.title}\n",
            f"{tables.sources} sources, {100 * tables.right:.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}) classified rightly as they are.\n",
            "\n".join(f"- {line}" for line in findings(tables)) + "\n",
            "### Does it follow the source?\n",
            moves_table(tables.moves),
            "### Does it lie on the source?\n",
            regions_table(tables.regions),
            "### Does the score fall where it is highest?\n",
            deletion_table(tables.deletion),
        ]
    return "\n".join(parts)


def comparison_table(several: Sequence[Tables]) -> str:
    """The chief figures of every network."""
    header = ["", *(one.title for one in several)]
    rows: list[list[str]] = [
        ["classified rightly, as they are", *(f"{100 * one.right:.1f} %" for one in several)]
    ]

    def of_moves(move: str, name: str, show: Callable[[Row], str]) -> list[str]:
        return [
            next(show(row) for row in one.moves if (row["move"], row["map"]) == (move, name))
            for one in several
        ]

    for move in dict.fromkeys(str(row["move"]) for row in several[0].moves):
        rows.append(
            [
                f"mean map after {move}: moved back (not)",
                *of_moves(move, MEAN, lambda row: f"{row['followed']:.2f} ({row['stayed']:.2f})"),
            ]
        )
    last = str(several[0].moves[-1]["move"])
    rows.append(
        [f"right after {last} (%)", *of_moves(last, MEAN, lambda row: _percent(row, "accuracy"))]
    )
    for class_name in (WHOLE, *CLASS_NAMES):
        rows.append(
            [
                f"enrichment on the source, {_CLASSES.get(class_name, class_name)}",
                *(
                    _value(row, "source", 2)
                    for one in several
                    for row in one.regions
                    if (row["map"], row["class"]) == (MEAN, class_name)
                ),
            ]
        )
    for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS):
        rows.append(
            [
                f"probability left, {order} less chance",
                *(_signed(_row(one.deletion, order), "probability_less_random") for one in several),
            ]
        )
        if order == ATTENTION:
            rows += [
                [
                    f"the same, called {name}",
                    *(
                        _signed(_row(one.deletion, order, name), "probability_less_random")
                        for one in several
                    ),
                ]
                for name in CLASS_NAMES
                if all(_has(one.deletion, name) for one in several)
            ]
    rows.append(
        [
            f"probability left, {ATTENTION} less {LEAST}",
            *(
                f"{_row(one.deletion, ATTENTION)['probability'] - left:+.3f}"
                for one in several
                for left in [_row(one.deletion, LEAST)["probability"]]
            ),
        ]
    )
    rows.append(
        [
            f"probability left, {ATTENTION} less {GRAD_CAM}",
            *(
                _signed(_row(one.deletion, ATTENTION), f"probability_less_{GRAD_CAM}")
                for one in several
            ),
        ]
    )
    rows += [
        [
            f"rank correlation of patches, {order}",
            *(_signed(_row(one.deletion, order), "rank", 2) for one in several),
        ]
        for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS)
    ]
    return markdown(header, rows)


_CLASSES = {WHOLE: "all"}


def findings(tables: Tables) -> list[str]:
    """What the tables say, in words that follow from the figures."""
    moves, regions, deletions = tables.moves, tables.regions, tables.deletion
    lines = []
    for name, title in ((MEAN, "The mean map"), (PART, "Less that of an empty image it")):
        by_move = {str(row["move"]): row for row in moves if row["map"] == name}
        always = [move for move, row in by_move.items() if row["followed_low"] > row["stayed_high"]]
        never = [move for move in by_move if move not in always]
        follows = f"under {', '.join(always)}" if never and always else "under every move"
        follows = follows if always else "under no move"
        but = f", not clearly under {', '.join(never)}" if never and always else ""
        lines.append(
            f"{title} follows the source {follows}{but}: moved back it is more like the map of "
            "the unmoved image than left where it is."
        )
    for row in regions:
        if row["map"] == MEAN and row["class"] == WHOLE:
            best = max(REGIONS, key=lambda region: row[region])
            lines.append(
                f"Of the mean map, a pixel of the source has {row['source']:.2f} times the "
                f"attention of an average pixel, the sky around it {row['around']:.2f}, the sky "
                f"far from it {row['far']:.2f}, the border {row['border']:.2f} times (medians): "
                f"the most for a pixel is {_PLACES[best]}."
            )
    for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS):
        row = _row(deletions, order)
        lines.append(
            f"Deleting by {order} against by chance: "
            f"{_verdict(row, 'probability_less_random', 'probability')}, "
            f"{_verdict(row, 'margin_less_random', 'margin')}."
        )
    for name in CLASS_NAMES:
        if _has(deletions, name):
            row = _row(deletions, ATTENTION, name)
            lines.append(
                f"The same by attention, for what is called {name}: "
                f"{_verdict(row, 'probability_less_random', 'probability')}, "
                f"{_verdict(row, 'margin_less_random', 'margin')}."
            )
    for order in (ATTENTION, EVIDENCE):
        row = _row(deletions, order)
        lines.append(
            f"Deleting by {order} against by Grad-CAM: "
            f"{_verdict(row, 'probability_less_Grad-CAM', 'probability')}, "
            f"{_verdict(row, 'margin_less_Grad-CAM', 'margin')}."
        )
    lines.append(
        f"Grad-CAM is 0 on all of the source in {100 * tables.cam_blind:.0f} % of images (it keeps "
        "nothing that speaks against the class): its order is then by lot."
    )
    blank = int(np.argmax(tables.black))
    lines.append(
        f"An image without anything is {CLASS_NAMES[blank]} with a probability of "
        f"{tables.black[blank]:.2f}: what is called that has little to lose."
    )
    return lines


_PLACES = {
    "source": "on the source",
    "around": "on the sky around it",
    "far": "on the sky far from it",
    "border": "on the border",
}


def moves_table(rows: list[Row]) -> str:
    """Markdown of `move_rows`."""
    maps = list(dict.fromkeys(str(row["map"]) for row in rows))
    gates = [name for name in maps if name not in (MEAN, PART)]
    header = ["move", "mean map: moved back", "not", "less empty: moved back", "not"]
    header += [f"{name}: moved back (not)" for name in gates]
    header += ["overlap", "enrichment", "accuracy %", "same class %"]
    lines = []
    for move in dict.fromkeys(row["move"] for row in rows):
        by_map = {row["map"]: row for row in rows if row["move"] == move}
        mean = by_map[MEAN]
        lines.append(
            [
                str(move),
                _value(mean, "followed", 2),
                f"{mean['stayed']:.2f}",
                _value(by_map[PART], "followed", 2),
                f"{by_map[PART]['stayed']:.2f}",
                *(f"{by_map[n]['followed']:.2f} ({by_map[n]['stayed']:.2f})" for n in gates),
                f"{mean['mean_overlap']:.2f}",
                f"{mean['mean_enrichment']:.2f}",
                _percent(mean, "accuracy"),
                _percent(mean, "same_class"),
            ]
        )
    strangers = {row["map"]: row["strangers"] for row in rows}
    known = ", ".join(f"{name} {value:.2f}" for name, value in strangers.items())
    return markdown(header, lines) + f"\nMaps of two different sources correlate too: {known}.\n"


def regions_table(rows: list[Row]) -> str:
    """Markdown of `region_rows`."""
    header = ["map", "sources", "share on the source %", "the source's share of the frame %"]
    header += ["enrichment: source", "around", "far", "border"]
    return markdown(
        header,
        [
            [
                str(row["map"]),
                _class_title(row),
                f"{100 * row['share']:.1f} ({100 * row['share_low']:.1f} to "
                f"{100 * row['share_high']:.1f})",
                f"{100 * row['area']:.1f}",
                _value(row, "source", 2),
                *(f"{row[region]:.2f}" for region in REGIONS[1:]),
            ]
            for row in rows
        ],
    )


def deletion_table(rows: list[Row]) -> str:
    """Markdown of `deletion_rows`."""
    header = ["deleted by", "sources called", "probability left", "less that by chance"]
    header += ["less that by Grad-CAM", "margin left", "less that by chance"]
    header += ["first patch alone", "rank correlation"]
    orders_shown = (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS, RANDOM)
    lines = []
    for row in rows:
        if row["class"] != WHOLE and row["order"] not in orders_shown:
            continue
        ranked = "rank" in row
        lines.append(
            [
                str(row["order"]),
                _class_title(row),
                _value(row, "probability", 3),
                "" if row["order"] == RANDOM else _signed(row, "probability_less_random"),
                "" if row["order"] == GRAD_CAM else _signed(row, "probability_less_Grad-CAM"),
                f"{row['margin']:.2f}",
                "" if row["order"] == RANDOM else _signed(row, "margin_less_random", 2),
                _signed(row, "first_probability") if ranked else "",
                _signed(row, "rank", 2) if ranked else "",
            ]
        )
    return markdown(header, lines)


def comma_separated(rows: Iterable[Row]) -> str:
    """Rows as CSV, full precision; a column that a row lacks is left empty."""
    rows = list(rows)
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _named(measured: Measured) -> Row:
    return {"network": measured.network.title}


def _bounds(name: str, interval: Interval) -> Row:
    value, low, high = interval
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _of_class(classes: np.ndarray, name: str) -> np.ndarray:
    if name == WHOLE:
        return np.ones(len(classes), bool)
    return classes == CLASS_NAMES.index(name)


def _class_title(row: Row) -> str:
    name = _CLASSES.get(row["class"], row["class"])
    return f"{name} ({row['sources']})"


def _row(rows: list[Row], order: str, class_name: str = WHOLE) -> Row:
    return next(row for row in rows if (row["order"], row["class"]) == (order, class_name))


def _has(rows: list[Row], class_name: str) -> bool:
    """Whether the network called anything so."""
    return any(row["class"] == class_name for row in rows)


def _value(row: Row, name: str, digits: int) -> str:
    value, low, high = (f"{row[name + end]:.{digits}f}" for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def _signed(row: Row, name: str, digits: int = 3) -> str:
    value, low, high = (f"{row[name + end]:+.{digits}f}" for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def _percent(row: Row, name: str) -> str:
    value, low, high = (100 * row[name + end] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.0f} to {high:.0f})"


def _verdict(row: Row, name: str, what: str) -> str:
    """Whether a difference of what is left speaks for an order, with the difference."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    says = "sinks faster" if high < 0 else "sinks more slowly" if low > 0 else "does not differ"
    return f"the {what} {says} ({_signed(row, name)})"
