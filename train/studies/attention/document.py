"""Measurements of attention as a Markdown document."""

from collections.abc import Callable, Sequence

import numpy as np

from keras_astroattn.evaluation import REGIONS, wilson_interval
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.report import Record, markdown_table, percentage, with_interval

from .maps import ATTENTION, BRIGHTNESS, EVIDENCE, GRAD_CAM, LEAST, MEAN, RANDOM
from .measure import PART
from .records import WHOLE, Tables


def document(several: Sequence[Tables], what: str) -> str:
    """Write all tables in Markdown.

    Args:
        several: the results of each network.
        what: name of the sources.
    """
    parts = [f"Measured on {what}.\n", comparison_table(several)]
    for tables in several:
        low, high = wilson_interval(tables.right, tables.sources)
        parts += [
            f"## {tables.title}\n",
            f"{tables.sources} sources; accuracy {100 * tables.right:.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}).\n",
            "\n".join(f"- {line}" for line in findings(tables)) + "\n",
            "### Does attention follow the source?\n",
            moves_table(tables.moves),
            "### Does attention lie on the source?\n",
            regions_table(tables.regions),
            "### Does the class depend on the pixels with most attention?\n",
            deletion_table(tables.deletion),
        ]
    return "\n".join(parts)


def comparison_table(several: Sequence[Tables]) -> str:
    """Return a Markdown table that compares the networks."""
    header = ["", *(one.title for one in several)]
    rows: list[list[str]] = [["accuracy", *(f"{100 * one.right:.1f} %" for one in several)]]

    def of_moves(move: str, name: str, show: Callable[[Record], str]) -> list[str]:
        return [
            next(show(row) for row in one.moves if (row["move"], row["map"]) == (move, name))
            for one in several
        ]

    for move in dict.fromkeys(str(row["move"]) for row in several[0].moves):
        rows.append(
            [
                f"mean map after {move}: transformed back (not)",
                *of_moves(move, MEAN, lambda row: f"{row['followed']:.2f} ({row['stayed']:.2f})"),
            ]
        )
    last = str(several[0].moves[-1]["move"])
    rows.append(
        [f"accuracy after {last} (%)", *of_moves(last, MEAN, lambda row: _percent(row, "accuracy"))]
    )
    for class_name in (WHOLE, *CLASS_NAMES):
        rows.append(
            [
                f"enrichment on the source, {_CLASSES.get(class_name, class_name)}",
                *(
                    with_interval(row, "source", 2)
                    for one in several
                    for row in one.regions
                    if (row["map"], row["class"]) == (MEAN, class_name)
                ),
            ]
        )
    for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS):
        rows.append(
            [
                f"probability left, {order} minus random",
                *(_signed(_row(one.deletion, order), "probability_less_random") for one in several),
            ]
        )
        if order == ATTENTION:
            rows += [
                [
                    f"the same, predicted {name}",
                    *(
                        with_interval(
                            _row(one.deletion, order, name),
                            "probability_less_random",
                            3,
                            signed=True,
                        )
                        for one in several
                    ),
                ]
                for name in CLASS_NAMES
                if all(_has(one.deletion, name) for one in several)
            ]
    rows.append(
        [
            f"probability left, {ATTENTION} minus {LEAST}",
            *(
                f"{_row(one.deletion, ATTENTION)['probability'] - left:+.3f}"
                for one in several
                for left in [_row(one.deletion, LEAST)["probability"]]
            ),
        ]
    )
    rows.append(
        [
            f"probability left, {ATTENTION} minus {GRAD_CAM}",
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
    return markdown_table(header, rows)


_CLASSES = {WHOLE: "all"}


def findings(tables: Tables) -> list[str]:
    """Return the results of a network in sentences."""
    moves, regions, deletions = tables.moves, tables.regions, tables.deletion
    lines = []
    for name, title in (
        (MEAN, "The mean attention map"),
        (PART, "The mean attention map minus that of an empty image"),
    ):
        by_move = {str(row["move"]): row for row in moves if row["map"] == name}
        always = [move for move, row in by_move.items() if row["followed_low"] > row["stayed_high"]]
        never = [move for move in by_move if move not in always]
        follows = f"under {', '.join(always)}" if never and always else "under every move"
        follows = follows if always else "under no move"
        but = f", not clearly under {', '.join(never)}" if never and always else ""
        lines.append(
            f"{title} follows the source {follows}{but}: after the transform is undone, it "
            "correlates more with the map of the original image than before."
        )
    for row in regions:
        if row["map"] == MEAN and row["class"] == WHOLE:
            best = max(REGIONS, key=lambda region: row[region])
            lines.append(
                "Median enrichment of the mean attention map (1 is an average pixel): source "
                f"{row['source']:.2f}, sky around it {row['around']:.2f}, sky far from it "
                f"{row['far']:.2f}, border {row['border']:.2f}. The largest is "
                f"{_PLACES[best]}."
            )
    for order in (ATTENTION, EVIDENCE, GRAD_CAM, BRIGHTNESS):
        row = _row(deletions, order)
        lines.append(
            f"Deletion by {order}, compared with random order: "
            f"{_verdict(row, 'probability_less_random', 'probability')}, "
            f"{_verdict(row, 'margin_less_random', 'margin')}."
        )
    for name in CLASS_NAMES:
        if _has(deletions, name):
            row = _row(deletions, ATTENTION, name)
            lines.append(
                f"Deletion by attention, for sources predicted {name}: "
                f"{_verdict(row, 'probability_less_random', 'probability')}, "
                f"{_verdict(row, 'margin_less_random', 'margin')}."
            )
    for order in (ATTENTION, EVIDENCE):
        row = _row(deletions, order)
        lines.append(
            f"Deletion by {order}, compared with Grad-CAM: "
            f"{_verdict(row, 'probability_less_Grad-CAM', 'probability')}, "
            f"{_verdict(row, 'margin_less_Grad-CAM', 'margin')}."
        )
    lines.append(
        f"Grad-CAM is 0 on the whole source in {100 * tables.cam_blind:.0f} % of images, because "
        "it drops evidence against the class. The order of its patches is random there."
    )
    blank = int(np.argmax(tables.black))
    lines.append(
        f"An empty image is predicted {CLASS_NAMES[blank]} with a probability of "
        f"{tables.black[blank]:.2f}, so that deletion changes that class least."
    )
    return lines


_PLACES = {
    "source": "on the source",
    "around": "in the sky around it",
    "far": "in the sky far from it",
    "border": "on the border",
}


def moves_table(rows: list[Record]) -> str:
    """Return a Markdown table of `move_rows`."""
    maps = list(dict.fromkeys(str(row["map"]) for row in rows))
    gates = [name for name in maps if name not in (MEAN, PART)]
    header = ["test", "mean map: transformed back", "not", "minus empty: transformed back", "not"]
    header += [f"{name}: transformed back (not)" for name in gates]
    header += ["overlap", "enrichment", "accuracy %", "same class %"]
    lines = []
    for move in dict.fromkeys(row["move"] for row in rows):
        by_map = {row["map"]: row for row in rows if row["move"] == move}
        mean = by_map[MEAN]
        lines.append(
            [
                str(move),
                with_interval(mean, "followed", 2),
                f"{mean['stayed']:.2f}",
                with_interval(by_map[PART], "followed", 2),
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
    return (
        markdown_table(header, lines)
        + f"\nCorrelation of the maps of two different sources: {known}.\n"
    )


def regions_table(rows: list[Record]) -> str:
    """Return a Markdown table of `region_rows`."""
    header = ["map", "sources", "relevance mass %", "source's share of the frame %"]
    header += ["enrichment: source", "around", "far", "border"]
    return markdown_table(
        header,
        [
            [
                str(row["map"]),
                _class_title(row),
                with_interval(row, "share", 1, factor=100),
                f"{100 * row['area']:.1f}",
                with_interval(row, "source", 2),
                *(f"{row[region]:.2f}" for region in REGIONS[1:]),
            ]
            for row in rows
        ],
    )


def deletion_table(rows: list[Record]) -> str:
    """Return a Markdown table of `deletion_rows`."""
    header = ["deletion by", "sources predicted", "probability left", "minus random"]
    header += ["minus Grad-CAM", "margin left", "minus random"]
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
                with_interval(row, "probability", 3),
                "" if row["order"] == RANDOM else _signed(row, "probability_less_random"),
                "" if row["order"] == GRAD_CAM else _signed(row, "probability_less_Grad-CAM"),
                f"{row['margin']:.2f}",
                "" if row["order"] == RANDOM else _signed(row, "margin_less_random", 2),
                _signed(row, "first_probability") if ranked else "",
                _signed(row, "rank", 2) if ranked else "",
            ]
        )
    return markdown_table(header, lines)


def _class_title(row: Record) -> str:
    name = _CLASSES.get(row["class"], row["class"])
    return f"{name} ({row['sources']})"


def _row(rows: list[Record], order: str, class_name: str = WHOLE) -> Record:
    return next(row for row in rows if (row["order"], row["class"]) == (order, class_name))


def _has(rows: list[Record], class_name: str) -> bool:
    """Return whether any source was predicted as the class."""
    return any(row["class"] == class_name for row in rows)


def _signed(row: Record, name: str, digits: int = 3) -> str:
    return with_interval(row, name, digits, signed=True)


def _percent(row: Record, name: str) -> str:
    return percentage(row[name], (row[f"{name}_low"], row[f"{name}_high"]))


def _verdict(row: Record, name: str, what: str) -> str:
    """Return whether a score falls faster under an order, with the difference and its interval."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    says = "falls faster" if high < 0 else "falls more slowly" if low > 0 else "does not differ"
    return f"the {what} {says} ({_signed(row, name)})"
