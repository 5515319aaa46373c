"""The sources of an HTML report: which are shown, and their pictures, read again from the maps."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from keras_astroattn.edge import Classifier, Result
from keras_astroattn.edge.classifier import attention_of
from keras_astroattn.errors import InputError
from keras_astroattn.images import Cutout
from keras_astroattn.recalibration import Chosen, choose_sample
from keras_astroattn.report.html_report import Shown
from keras_astroattn.report.thumbnails import evidence_png, map_png, picture_png
from keras_astroattn.survey.result_cutouts import Cut

# Rounding in the table, and on another machine.
_SAME_PROBABILITY = 2e-3
_SAME_SIZE = 0.01
_LONGEST_NOTE = 300


def chosen_sources(
    labels: Sequence[str], probabilities: np.ndarray, how: str, count: int, seed: int
) -> list[Chosen]:
    """Return the sources of `choose_sample`; none from a table without a class."""
    try:
        return choose_sample(labels, probabilities, how, count, seed)
    except InputError:  # nothing to label, and still a table to look at
        return []


def shown_rows(result: Result, chosen: Sequence[Chosen], count: int, seed: int = 0) -> list[int]:
    """Return the rows that a report shows: the chosen ones, then others at random.

    Args:
        result: the table.
        chosen: sources to label.
        count: largest number of rows.
        seed: seed of the draw.

    Returns:
        Rows of the table, rising.
    """
    first = [one.row for one in chosen][:count]
    others = np.setdiff1d(np.arange(len(result)), first)
    size = min(count - len(first), len(others))
    drawn = np.random.default_rng(seed).choice(others, size, replace=False) if size else []
    return sorted([*first, *map(int, drawn)])


def shown_sources(result: Result, rows: Sequence[int], chosen: Sequence[Chosen]) -> list[Shown]:
    """Return sources of a table, without pictures.

    Args:
        result: the table.
        rows: the rows to show.
        chosen: sources to label.
    """
    by_row = {one.row: one for one in chosen}
    numbers = {
        name: result.numbers(column)
        for name, column in {
            "p_frii": "p_frii", "entropy": "entropy_nats", "snr": "peak_snr",
            "size": "largest_angular_size_arcsec", "ra": "ra", "dec": "dec",
        }.items()
    }  # fmt: skip
    flags, errors = result.texts("flags"), result.texts("error")
    found = []
    for row in rows:
        values = {name: _known(values[row]) for name, values in numbers.items()}
        one = by_row.get(row)
        found.append(
            Shown(
                result.sources[row],
                result.names[row],
                result.labels[row],
                flags=tuple(filter(None, flags[row].split(";"))),
                part=one.part if one else "",
                inclusion=one.inclusion if one else None,
                note=errors[row][:_LONGEST_NOTE],
                **values,
            )
        )
    return found


def with_pictures(
    result: Result, rows: Sequence[int], sources: Sequence[Shown], classifier: Classifier, cut: Cut
) -> Iterator[Shown]:
    """Yield sources with the picture and the maps of each.

    A source whose size or probability is another one than in the table has no picture, because the
    map or the options are not those of the table. The note says so.

    Args:
        result: the table.
        rows: row of each source.
        sources: the sources.
        classifier: the network of the table.
        cut: reads a row's cutout.
    """
    stated = result.probabilities[:, 1]
    for row, source in zip(rows, sources, strict=True):
        if source.label == "error":
            yield source
            continue
        try:
            yield _with_picture(source, cut(row), stated[row], classifier)
        except InputError as error:
            yield replace(source, note=f"no picture: {error}"[:_LONGEST_NOTE])
        except Exception as error:  # one broken map must not end a report of thousands
            note = f"no picture: {type(error).__name__}: {error}"
            yield replace(source, note=note[:_LONGEST_NOTE])


def _with_picture(source: Shown, cutout: Cutout, stated: float, classifier: Classifier) -> Shown:
    size = cutout.largest_angular_size
    if source.size is not None and not abs(size - source.size) <= _SAME_SIZE * (1 + size):
        raise InputError(_differs("a size of", f"{size:.1f} arcsec", f"{source.size:.1f}"))
    picture = picture_png(cutout.pixels)
    if not np.isfinite(stated):
        return replace(source, picture=picture)
    outputs = classifier.predict(classifier.network_input(cutout))
    found = float(classifier.describe(cutout, outputs).p_frii or 0.0)
    if abs(found - stated) > _SAME_PROBABILITY:
        raise InputError(_differs("P(FRII)", f"{found:.3f}", f"{stated:.3f}"))
    if not classifier.has_attention:
        return replace(source, picture=picture)
    maps = attention_of(outputs)
    evidence = None if maps.evidence is None else evidence_png(maps.evidence)
    return replace(source, picture=picture, attention=map_png(maps.mean), evidence=evidence)


def _differs(what: str, found: str, stated: str) -> str:
    return (
        f"the map gives {what} {found}, and the table {stated}; give the model and the options "
        "that the table was made with"
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
