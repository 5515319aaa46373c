"""What to expect of a survey, before a night is spent on it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError

from .catalogue import Catalogue
from .column_mapping import MISSING, NOWHERE, ColumnMapping, read_positions
from .tiles import Footprints, MapOptions


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a look at a catalogue, its tiles and a sample of its sources says.

    Attributes:
        rows: Of the catalogue.
        missing: Rows without a position.
        nowhere: Rows whose position is not on the sky.
        inside: Rows on a tile.
        tiles_used: Tiles that at least one row is cut from.
        sampled: Sources that were scored.
        labels: How many of these have each label.
        errors: Why some could not be scored, each once.
        seconds_per_row: Of one process; NaN where none was scored.
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
        """How long all rows that are on a tile take, estimated from the sample."""
        return self.inside * self.seconds_per_row / workers / 3600


def forecast(
    catalogue: Catalogue,
    mapping: ColumnMapping,
    footprints: Footprints,
    classifier: Classifier,
    options: MapOptions,
    sample: int = 64,
    told: Callable[[int], object] = lambda done: None,
) -> Forecast:
    """Assign all rows to tiles, and score a random sample of those that are on one.

    Args:
        catalogue: What is to be scored.
        mapping: Its columns.
        footprints: The tiles.
        classifier: The network.
        options: How tiles are opened.
        sample: How many sources to score; always the same ones of a catalogue.
        told: Called with the number of rows that were read.

    Raises:
        InputError: The catalogue is damaged.
    """
    rng = np.random.default_rng(0)
    states: Counter[int] = Counter()
    used = np.zeros(len(footprints.tiles), bool)
    chosen = np.empty((0, 4))  # key, tile, ra, dec
    rows = inside = 0
    for batch in catalogue.batches():
        places = read_positions(batch, mapping)
        tile = footprints.assign(places.ra, places.dec).tile
        rows += batch.num_rows
        states.update(places.state.tolist())
        on = np.flatnonzero(tile >= 0)
        inside += len(on)
        used[tile[on]] = True
        drawn = np.stack([rng.random(len(on)), tile[on], places.ra[on], places.dec[on]], axis=1)
        chosen = np.concatenate([chosen, drawn])
        # The smallest of random keys are a fair sample, however many rows there are.
        chosen = chosen[np.argsort(chosen[:, 0])[:sample]]
        told(rows)
    labels, errors, seconds = _score(chosen[np.argsort(chosen[:, 1])], footprints, classifier,
                                     options)  # fmt: skip
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


def _score(chosen: np.ndarray, footprints: Footprints, classifier: Classifier, options: MapOptions):
    labels: Counter[str] = Counter()
    errors: dict[str, None] = {}
    seconds = 0.0
    for number in np.unique(chosen[:, 1]).astype(int):
        here = chosen[chosen[:, 1] == number]
        try:
            sky = options.open(footprints.tiles[number].path)
        except InputError as error:
            errors[str(error)] = None
            labels["error"] += len(here)
            continue
        with sky:
            for _, _, ra, dec in here:
                begun = time.perf_counter()
                try:
                    labels[classifier.classify(sky.cutout((ra, dec))).label] += 1
                except InputError as error:
                    errors[str(error)] = None
                    labels["error"] += 1
                seconds += time.perf_counter() - begun
    return labels, errors, seconds
