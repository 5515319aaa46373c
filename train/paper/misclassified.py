"""Experiment 5: how often each source is assigned to the other class."""

import math

import numpy as np

from keras_astroattn.datasets import Sources
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.plots import false_rate_figure, group_rates_figure
from keras_astroattn.plots.sheets import contact_sheet
from keras_astroattn.report import Record, csv_table, markdown_table

from .catalogue import Entry, proposed
from .datasets import first_seeds
from .published_results import MISCLASSIFIED, MISCLASSIFIED_THRESHOLD
from .session import SCOPE_WORDS, Measurement, Session


def run(session: Session) -> None:
    """Tabulate and draw the false-classification rate of each source, and show the worst ones."""
    (one,) = first_seeds(session.measure(_on_one_data_set(session)))
    rates = {scope: false_rates(one, scope) for scope in one.entry.scopes}
    main = rates[one.entry.scopes[0]]
    rows = source_rows(one, rates, published_rows(session, one.entry))
    session.write("results.csv", csv_table(rows))
    session.write("results.md", _markdown(session, one, rows))

    groups = {
        f"{name}, {words}": main[(one.sources.label == label) & (one.sources.confident == certain)]
        for label, name in enumerate(CLASS_NAMES)
        for certain, words in ((True, "confident"), (False, "uncertain"))
    }
    groups = {name: values for name, values in groups.items() if len(values)}
    session.save(false_rate_figure(groups, MISCLASSIFIED_THRESHOLD), "rates")
    session.save(group_rates_figure(groups), "groups")
    worst = np.flatnonzero(main >= MISCLASSIFIED_THRESHOLD)
    if len(worst):
        session.save(_sheet(one.sources, worst, main), "worst")
    else:
        session.say(f"no source is misclassified in {100 * MISCLASSIFIED_THRESHOLD:g} %")


def _on_one_data_set(session: Session) -> list[Entry]:
    entries = proposed(session.entries)
    chosen = next(
        data
        for data in ("mirabest", "mirabest-confident", "frdeep", "simulated")
        if any(entry.data == data for entry in entries)
    )
    return [entry for entry in entries if entry.data == chosen]


def false_rates(one: Measurement, scope: str) -> np.ndarray:
    """Return the (n,) share of each source's augmented views with the wrong prediction."""
    predicted = one.passes[scope].views.argmax(axis=-1)
    return (predicted != one.sources.label).mean(axis=0)


def published_rows(session: Session, entry: Entry) -> tuple[int, ...] | None:
    """Return the published list if it belongs to these sources and this network, otherwise None."""
    if entry.experiment == 1 and entry.data == "mirabest" and session.config.split == "test":
        return MISCLASSIFIED
    return None


def source_rows(
    one: Measurement, rates: dict[str, np.ndarray], published: tuple[int, ...] | None
) -> list[Record]:
    """Return one record for each source, with its false-classification rates, the worst first."""
    sources = one.sources
    main = rates[one.entry.scopes[0]]
    views = one.main.views
    rows = []
    for row in np.argsort(-main, kind="stable"):
        values: Record = {
            "row": int(row),
            "split": str(sources.split[row]),
            "name": str(sources.name[row]),
            "class": CLASS_NAMES[sources.label[row]],
            "confident": "yes" if sources.confident[row] else "no",
            "morphology": str(sources.morphology[row]),
        }
        for name, column in (
            ("ra_deg", sources.ra),
            ("dec_deg", sources.dec),
            ("redshift", sources.redshift),
            ("angular_size_arcsec", sources.angular_size),
        ):
            values[name] = "" if math.isnan(column[row]) else float(column[row])
        for scope in rates:
            key = f"false_rate_{SCOPE_WORDS[scope]}".replace(" ", "_")
            values[key] = float(rates[scope][row])
        values["mean_p_FRII"] = float(views[:, row, 1].mean())
        if published is not None:
            values["in_published_list"] = "yes" if row in published else "no"
        rows.append(values)
    return rows


def _markdown(session: Session, one: Measurement, rows: list[Record]) -> str:
    scopes = one.entry.scopes
    keys = [f"false_rate_{SCOPE_WORDS[scope]}".replace(" ", "_") for scope in scopes]
    worst = [row for row in rows if row[keys[0]] >= MISCLASSIFIED_THRESHOLD]
    percent = f"{100 * MISCLASSIFIED_THRESHOLD:g} %"
    text = (
        "# Experiment 5: misclassified sources\n\n"
        f"{one.entry.configuration}, {len(one.sources)} sources, {one.repeats} random transforms "
        f"of each. {len(worst)} are assigned to the other class in at least {percent} of them; "
        "`results.csv` lists all.\n\n"
    )
    if "in_published_list" in rows[0]:
        found = sorted(row["row"] for row in worst)
        published = sorted(row["row"] for row in rows if row["in_published_list"] == "yes")
        text += (
            f"Published (1000 transforms): rows {_listed(published)}. "
            f"Here: rows {_listed(found)}. "
            f"Missing: {_listed(sorted(set(published) - set(found)))}; "
            f"further: {_listed(sorted(set(found) - set(published)))}.\n\n"
        )
    # Chance decides on which side of the threshold a source near it falls.
    near = [row for row in rows if row not in worst and row[keys[0]] >= 0.9]
    headers = ["row", "name", "class", "label", "morphology", "RA deg", "Dec deg", "redshift"]
    headers += ["size ″", *(f"false {SCOPE_WORDS[scope]} %" for scope in scopes)]
    for title, some in ((f"At least {percent}", worst), (f"From 90 % to {percent}", near)):
        text += f"## {title}\n\n"
        text += (
            markdown_table(headers, (_cells(row, keys) for row in some), text=5)
            if some
            else "None.\n"
        ) + "\n"
    return text + "## By class and certainty of the label\n\n" + _groups(rows, keys)


def _listed(rows: list[int]) -> str:
    return ", ".join(map(str, rows)) or "none"


def _cells(row: Record, keys: list[str]) -> list[str]:
    def number(name: str, digits: int) -> str:
        return "" if row[name] == "" else f"{row[name]:.{digits}f}"

    return [
        str(row["row"]),
        row["name"],
        row["class"],
        "confident" if row["confident"] == "yes" else "uncertain",
        row["morphology"],
        number("ra_deg", 3),
        number("dec_deg", 3),
        number("redshift", 4),
        number("angular_size_arcsec", 1),
        *(f"{100 * row[key]:.1f}" for key in keys),
    ]


def _groups(rows: list[Record], keys: list[str]) -> str:
    cells = []
    for name in CLASS_NAMES:
        for answer, words in (("yes", "confident"), ("no", "uncertain")):
            some = [row for row in rows if (row["class"], row["confident"]) == (name, answer)]
            if not some:
                continue
            values = np.array([row[keys[0]] for row in some])
            cells.append(
                [
                    name,
                    words,
                    str(len(some)),
                    f"{100 * values.mean():.1f}",
                    str(int((values > 0.5).sum())),
                    str(int((values >= MISCLASSIFIED_THRESHOLD).sum())),
                ]
            )
    headers = ["class", "label", "sources", "mean false rate %", "false more often than not"]
    headers.append(f"at least {100 * MISCLASSIFIED_THRESHOLD:g} %")
    return markdown_table(headers, cells, text=2)


def _sheet(sources: Sources, worst: np.ndarray, rates: np.ndarray):
    order = worst[np.argsort(-rates[worst], kind="stable")]
    captions = [
        f"row {row}: {CLASS_NAMES[sources.label[row]]}"
        f"{'' if sources.confident[row] else '?'}, {100 * rates[row]:.0f} %"
        for row in order
    ]
    return contact_sheet(
        sources.image[order],
        captions,
        sources.label[order],
        columns=min(4, len(order)),
        title="true class (?: uncertain), and share of transforms assigned to the other class",
    )
