"""Labels that people gave to sources, and the labels on which several people agree."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_astroattn.errors import InputError

from .sample import RANDOM, UNCERTAIN

FRI, FRII, UNSURE, NO_GALAXY = "FRI", "FRII", "unsure", "not_radio_galaxy"
LABELS = (FRI, FRII, UNSURE, NO_GALAXY)
"""Labels that a person can give."""

FIELDS = ("source", "label", "labeller", "time", "part", "inclusion_probability")
"""Columns of a file of labels."""

CLEARED = "cleared"
"""Word in the column `label` of a file of labels that takes an earlier label back."""

_NAMED = 3  # sources that an error names


@dataclass(frozen=True)
class GivenLabel:
    """A label that a person gave to a source.

    Attributes:
        source: text that identifies the source.
        label: one of `LABELS`.
        labeller: name of the person.
        time: time, as the file states it.
        part: part of the sample: "random", "uncertain" or "".
        inclusion: probability with which the random part includes the source, or None.
    """

    source: str
    label: str
    labeller: str = ""
    time: str = ""
    part: str = ""
    inclusion: float | None = None


@dataclass(frozen=True)
class Agreed:
    """The labels of all people, joined by source.

    Attributes:
        labels: one label by source.
        disagreed: sources with different labels and no majority; they are not in `labels`.
    """

    labels: Mapping[str, GivenLabel]
    disagreed: tuple[str, ...]


def agree(labels: Iterable[GivenLabel], labeller: str | None = None) -> Agreed:
    """Join the labels of several people: the label of the majority counts.

    Args:
        labels: the labels.
        labeller: only the labels of this person; None: of all.

    Returns:
        One label for each source.

    Raises:
        InputError: The labeller gave no label.
    """
    labels = list(labels)
    if labeller is not None:
        named = sorted({one.labeller for one in labels})
        labels = [one for one in labels if one.labeller == labeller]
        if not labels:
            raise InputError(f"no label is of {labeller}; the labellers are {', '.join(named)}")
    by_source = defaultdict(list)
    for one in labels:
        by_source[one.source].append(one)
    agreed, disagreed = {}, []
    for source, several in by_source.items():
        (first, most), *others = Counter(one.label for one in several).most_common()
        if others and others[0][1] == most:
            disagreed.append(source)
        else:
            agreed[source] = next(one for one in several if one.label == first)
    return Agreed(agreed, tuple(disagreed))


def require_sources(labels: Iterable[GivenLabel], sources: Sequence[str], table: Path) -> None:
    """Refuse labels of sources that a table does not hold.

    Raises:
        InputError: A label belongs to no source of the table.
    """
    known = set(sources)
    refuse_strange({one.source for one in labels} - known, table)


def refuse_strange(sources: Iterable[str], table: Path) -> None:
    """Refuse labels of these sources, which a table does not hold.

    Raises:
        InputError: There is such a source.
    """
    strange = sorted(sources)
    if strange:
        more = f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else ""
        raise InputError(
            f"labels of sources that {table} does not hold: "
            f"{', '.join(source[:60] for source in strange[:_NAMED])}{more}; "
            "give the table that the report was made of"
        )


def label_of(path: Path, values: Mapping, where: str, words: Sequence[str] = LABELS) -> GivenLabel:
    """Return a label from texts by name.

    Args:
        path: file, for messages.
        values: values by the names of the columns of `labels.csv`.
        where: place in the file, for messages.
        words: labels that are allowed.

    Raises:
        InputError: A value is missing or wrong.
    """
    values = {name: str(values.get(name) or "").strip() for name in FIELDS} | {
        "source": str(values.get("source") or "")
    }
    if not values["source"]:
        raise InputError(f"{path}, {where}: the source is missing")
    if values["label"] not in words:
        raise InputError(
            f"{path}, {where}: the label {values['label'][:40]!r} is none of {', '.join(LABELS)}"
        )
    if values["part"] not in ("", RANDOM, UNCERTAIN):
        raise InputError(f"{path}, {where}: the part {values['part'][:40]!r} is unknown")
    inclusion = None
    if values["inclusion_probability"]:
        try:
            inclusion = float(values["inclusion_probability"])
        except ValueError:
            inclusion = math.nan
        if not 0 < inclusion <= 1:
            raise InputError(f"{path}, {where}: an inclusion probability is above 0, up to 1")
    if values["part"] == RANDOM and inclusion is None:
        raise InputError(f"{path}, {where}: a source of the random part has no probability")
    return GivenLabel(
        *(values[name] for name in ("source", "label", "labeller", "time", "part")), inclusion
    )
