"""Measurements of attention as a Markdown document."""

from collections.abc import Callable, Sequence

import numpy as np

from keras_astroattn.evaluation import REGIONS, wilson_interval
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.report import Record, markdown_table, percentage, with_interval

from .legend import COLUMNS, SIGNED, knows, legend
from .maps import ATTENTION, EVIDENCE_SUMS, MEAN, ORDERS
from .measured import PART
from .records import WHOLE, Tables


def document(several: Sequence[Tables], what: str) -> str:
    """Write all tables in Markdown.

    Args:
        several: the results of each network.
        what: name of the sources.
    """
    parts = [f"Measured on {what}.\n", comparison_table(several), legend(several)]
    for tables in several:
        low, high = wilson_interval(tables.right, tables.sources)
        networks = f"Mean of {tables.networks} networks. " if tables.networks > 1 else ""
        parts += [
            f"## {tables.title}\n",
            f"{networks}{tables.sources} sources; accuracy {100 * tables.right:.1f} % "
            f"({100 * low:.1f} to {100 * high:.1f}).\n",
            "\n".join(f"- {line}" for line in findings(tables)) + "\n",
            "### Does attention follow the source?\n",
            equivariance_table(tables.equivariance),
            "### Does attention lie on the source?\n",
            regions_table(tables.regions),
            "### Does the class depend on what the map marks?\n",
            faithfulness_table(tables.faithfulness),
        ]
    return "\n".join(parts)


def comparison_table(several: Sequence[Tables]) -> str:
    """Return a Markdown table that compares the networks."""
    header = ["", *(one.title for one in several)]
    rows: list[list[str]] = [["accuracy", *(f"{100 * one.right:.1f} %" for one in several)]]

    def of_tests(test: str, name: str, show: Callable[[Record], str]) -> list[str]:
        return [
            next(show(row) for row in one.equivariance if (row["test"], row["map"]) == (test, name))
            for one in several
        ]

    for test in dict.fromkeys(str(row["test"]) for row in several[0].equivariance):
        rows.append(
            [
                f"mean attention map after {test}: transformed back (not)",
                *of_tests(test, MEAN, lambda row: f"{row['followed']:.2f} ({row['stayed']:.2f})"),
            ]
        )
    last = str(several[0].equivariance[-1]["test"])
    rows.append(
        [f"accuracy after {last} (%)", *of_tests(last, MEAN, lambda row: _percent(row, "accuracy"))]
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
    for order in ORDERS:
        for column, title in (("deletion", "deletion"), ("gain", "SRG"), ("rank", "rank")):
            for class_name in (WHOLE, *CLASS_NAMES) if column == "deletion" else (WHOLE,):
                cells = [_cell(one.faithfulness, order, class_name, column) for one in several]
                if any(cells):
                    of_class = "" if class_name == WHOLE else f", predicted {class_name}"
                    rows.append([f"{title}, {order}{of_class}", *cells])
    return markdown_table(header, rows)


_CLASSES = {WHOLE: "all"}


def findings(tables: Tables) -> list[str]:
    """Return the results of a network in sentences."""
    tests, regions, rows = tables.equivariance, tables.regions, tables.faithfulness
    lines = []
    for name, title in (
        (MEAN, "The mean attention map"),
        (PART, "The mean attention map minus that of an empty image"),
    ):
        by_test = {str(row["test"]): row for row in tests if row["map"] == name}
        always = [test for test, row in by_test.items() if row["followed_low"] > row["stayed_high"]]
        never = [test for test in by_test if test not in always]
        follows = f"under {', '.join(always)}" if never and always else "under every test"
        follows = follows if always else "under no test"
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
    for order in _present(tables):
        row = _row(rows, order)
        lines.append(
            f"Deletion by {order}, compared with random order: the probability "
            f"{_verdict(row, 'deletion')}."
        )
    for order in (ATTENTION, EVIDENCE_SUMS):
        for name in CLASS_NAMES:
            row = _row(rows, order, name)
            if row is not None:
                lines.append(
                    f"Deletion by {order}, for sources predicted {name}: the probability "
                    f"{_verdict(row, 'deletion')}."
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


def equivariance_table(rows: list[Record]) -> str:
    """Return a Markdown table of `equivariance_rows`."""
    maps = list(dict.fromkeys(str(row["map"]) for row in rows))
    gates = [name for name in maps if name not in (MEAN, PART)]
    header = [
        "test",
        "mean attention map: transformed back",
        "not",
        "minus empty: transformed back",
        "not",
    ]
    header += [f"{name}: transformed back (not)" for name in gates]
    header += ["overlap", "enrichment", "accuracy %", "same class %"]
    lines = []
    for test in dict.fromkeys(row["test"] for row in rows):
        by_map = {row["map"]: row for row in rows if row["test"] == test}
        mean = by_map[MEAN]
        lines.append(
            [
                str(test),
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


def faithfulness_table(rows: list[Record]) -> str:
    """Return a Markdown table of `faithfulness_rows`."""
    shown = [column for column in COLUMNS if knows(rows, column[0])]
    header = ["map", "sources predicted", *(title for _, title, _, _ in shown)]
    return markdown_table(
        header,
        [
            [str(row["order"]), _class_title(row), *(_shown(row, *column[::2]) for column in shown)]
            for row in rows
        ],
    )


def _class_title(row: Record) -> str:
    name = _CLASSES.get(row["class"], row["class"])
    return f"{name} ({row['sources']})"


def _row(rows: list[Record], order: str, class_name: str = WHOLE) -> Record | None:
    """Return the record of an order and predicted class, if there is one."""
    found = (row for row in rows if (row["order"], row["class"]) == (order, class_name))
    return next(found, None)


def _cell(rows: list[Record], order: str, class_name: str, column: str) -> str:
    row = _row(rows, order, class_name)
    return "" if row is None else _shown(row, column, 2 if column == "rank" else 3)


def _shown(row: Record, column: str, digits: int) -> str:
    """Return a value with its interval; nothing where either is not defined."""
    if column not in row or np.isnan([row[column], row[f"{column}_low"]]).any():
        return ""
    return with_interval(row, column, digits, signed=column in SIGNED)


def _present(tables: Tables) -> list[str]:
    """Return the orders that a network has, in the order of the table."""
    return [order for order in ORDERS if _row(tables.faithfulness, order) is not None]


def _percent(row: Record, name: str) -> str:
    return percentage(row[name], (row[f"{name}_low"], row[f"{name}_high"]))


def _verdict(row: Record, name: str) -> str:
    """Return whether a score falls faster under an order, with the difference and its interval."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    says = "falls faster" if high < 0 else "falls more slowly" if low > 0 else "does not differ"
    return f"{says} ({with_interval(row, name, 3, signed=True)})"
