"""Estimate labels and duration of a survey from a sample of its sources."""

import contextlib
import heapq
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError

from .catalogue import Catalogue
from .choice import OpenTiles, choose_tile
from .column_mapping import MISSING, NOWHERE, ColumnMapping, read_positions
from .tiles import Footprints, MapOptions


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecast of a survey from a catalogue, its tiles and a sample of its sources.

    Attributes:
        rows: number of rows of the catalogue.
        missing: number of rows without a position.
        nowhere: number of rows whose position is not on the sky.
        inside: number of rows on a tile.
        tiles_used: number of tiles from which at least one row is cut.
        sampled: number of sources that were scored.
        labels: number of scored sources with each label.
        errors: reasons why sources could not be scored, each once.
        seconds_per_row: time for one row in one process; NaN if none was scored.
    """

    rows: int
    missing: int
    nowhere: int
    inside: int
    tiles_used: int
    sampled: int
    labels: Counter[str] = field(default_factory=Counter)
    errors: tuple[str, ...] = ()
    seconds_per_row: float = float("nan")

    def hours(self, workers: int) -> float:
        """Return the estimated time for all rows on a tile, hours."""
        return self.inside * self.seconds_per_row / workers / 3600


def forecast(
    catalogue: Catalogue,
    mapping: ColumnMapping,
    footprints: Footprints,
    classifier: Classifier,
    options: MapOptions,
    sample: int = 64,
    report_progress: Callable[[int], object] = lambda done: None,
) -> Forecast:
    """Assign all rows to tiles, and score a random sample of the rows on a tile.

    Args:
        catalogue: the catalogue.
        mapping: its columns by key.
        footprints: the tiles.
        classifier: the network.
        options: options to open tiles with.
        sample: number of sources to score; the sample of a catalogue is always the same.
        report_progress: called with the number of rows that were read.

    Returns:
        The forecast.

    Raises:
        InputError: The catalogue is damaged.
    """
    rng = np.random.default_rng(0)
    states: Counter[int] = Counter()
    used = np.zeros(len(footprints.tiles), bool)
    chosen: list[_Drawn] = []
    rows = inside = 0
    for batch in catalogue.batches(mapping.names):
        places = read_positions(batch, mapping)
        found = footprints.assign(places.ra, places.dec)
        rows += batch.num_rows
        states.update(places.state.tolist())
        on = np.flatnonzero(found.tile >= 0)
        inside += len(on)
        used[found.tile[on]] = True
        # The smallest random keys are a fair sample of any number of rows.
        keys = rng.random(len(on))
        drawn = [
            _Drawn(float(keys[k]), found.all_of(on[k]), float(places.ra[on[k]]),
                   float(places.dec[on[k]]))
            for k in np.argsort(keys)[:sample]
        ]  # fmt: skip
        chosen = heapq.nsmallest(sample, chosen + drawn)
        report_progress(rows)
    labels, errors, seconds = _score(
        sorted(chosen, key=lambda one: one.tiles), footprints, classifier, options
    )
    return Forecast(
        rows,
        states[MISSING],
        states[NOWHERE],
        inside,
        int(used.sum()),
        len(chosen),
        labels,
        tuple(errors),
        seconds / len(chosen) if len(chosen) else float("nan"),
    )


class _Drawn(NamedTuple):
    """A source of the sample: its random key, the numbers of its tiles, and its position."""

    key: float
    tiles: list[int]
    ra: float
    dec: float


def _score(
    chosen: list[_Drawn], footprints: Footprints, classifier: Classifier, options: MapOptions
) -> tuple[Counter[str], list[str], float]:
    """Return the labels and the errors of a sample, and the seconds that scoring took."""
    labels: Counter[str] = Counter()
    errors: dict[str, None] = {}
    seconds = 0.0
    with OpenTiles(options) as tiles:
        for drawn in chosen:
            paths = [footprints.tiles[number].path for number in drawn.tiles]
            with contextlib.suppress(InputError):  # `choose_tile` will report it
                tiles.get(paths[0])  # opened for many sources, so not part of the time of one
            begun = time.perf_counter()
            try:
                _, cutout = choose_tile(
                    paths, lambda path, at=drawn: tiles.cutout(path, (at.ra, at.dec))
                )
                labels[classifier.classify(cutout).label] += 1
            except InputError as error:
                errors[str(error)] = None
                labels["error"] += 1
            seconds += time.perf_counter() - begun
    return labels, list(errors), seconds
