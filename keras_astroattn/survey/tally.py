"""Count labels, flags, errors and positions of a scored survey, part by part."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from .parts import read_parts

BINS = 40
"""Number of bins of the histograms of probability."""

SKY_BINS = (120, 60)
"""Number of bins of the map of the sky: right ascension, declination."""

_COLUMNS = ("aa_path", "aa_ra", "aa_dec", "aa_label", "aa_p_frii", "aa_flags", "aa_error")
_LONGEST_REASON = 60


@dataclass
class Tally:
    """Counts of a survey.

    Attributes:
        rows: number of rows of the table.
        labels: number of rows with each label.
        flags: number of rows with each flag.
        reasons: number of rows that could not be scored, by the beginning of the reason.
        frii: (BINS,) histogram of P(FRII), from 0 to 1, by label.
        sky: (RA bins, Dec bins) number of rows on a tile, by label.
        ra_edges: (RA bins + 1,) degrees, rising; beyond 360 if the survey crosses RA 0.
        dec_edges: (Dec bins + 1,) degrees.
    """

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    frii: dict[str, np.ndarray] = field(default_factory=dict)
    sky: dict[str, np.ndarray] = field(default_factory=dict)
    ra_edges: np.ndarray = field(default_factory=lambda: np.empty(0))
    dec_edges: np.ndarray = field(default_factory=lambda: np.empty(0))


def tally(folder: Path) -> Tally:
    """Count the rows of a scored survey, in two passes with one part in memory.

    Args:
        folder: the output folder.

    Returns:
        The counts.
    """
    found = Tally()
    found.ra_edges, found.dec_edges = _extent(folder)
    for table in read_parts(folder, _COLUMNS):
        found.rows += table.num_rows
        found.labels.update(table.column("aa_label").to_pylist())
        for flags in table.column("aa_flags").to_pylist():
            found.flags.update(flags.split(";") if flags else ())
        found.reasons.update(
            text[:_LONGEST_REASON] for text in table.column("aa_error").to_pylist() if text
        )
        _add(found, table)
    return found


def _add(found: Tally, table: pa.Table) -> None:
    label = np.array(table.column("aa_label").to_pylist())
    on_tile = table.column("aa_path").is_valid().to_numpy()
    ra, dec, frii = (table.column(name).to_numpy() for name in ("aa_ra", "aa_dec", "aa_p_frii"))
    for one in np.unique(label):
        here = label == one
        known = frii[here & np.isfinite(frii)]
        if known.size:
            counts = np.histogram(known, BINS, (0, 1))[0]
            found.frii[one] = found.frii.get(one, 0) + counts
        placed = here & on_tile
        wrapped = wrap_longitude(ra[placed], found.ra_edges[0])
        counts = np.histogram2d(wrapped, dec[placed], (found.ra_edges, found.dec_edges))[0]
        found.sky[one] = found.sky.get(one, 0) + counts


def wrap_longitude(ra: np.ndarray, start: float) -> np.ndarray:
    """Return right ascensions in degrees, shifted to the 360 degrees from `start`."""
    return (ra - start) % 360.0 + start


def _extent(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of bins for all rows on a tile, from the widest gap in RA on."""
    occupied = np.zeros(720, bool)  # half degrees
    south, north = 90.0, -90.0
    for table in read_parts(folder, ("aa_path", "aa_ra", "aa_dec")):
        table = table.filter(table.column("aa_path").is_valid())
        ra, dec = (table.column(name).to_numpy() for name in ("aa_ra", "aa_dec"))
        if ra.size:
            occupied[(ra * 2).astype(int) % 720] = True
            south, north = min(south, dec.min()), max(north, dec.max())
    if not occupied.any():
        return np.linspace(0, 360, SKY_BINS[0] + 1), np.linspace(-90, 90, SKY_BINS[1] + 1)
    where = np.flatnonzero(occupied)
    gaps = np.diff(np.append(where, where[0] + 720))
    after = int(np.argmax(gaps))
    first = where[(after + 1) % len(where)]
    width = 720 - gaps[after] + 1
    margin = max((north - south) * 0.02, 0.05)
    return (
        np.linspace(first / 2, first / 2 + width / 2, SKY_BINS[0] + 1),
        np.linspace(max(south - margin, -90), min(north + margin, 90), SKY_BINS[1] + 1),
    )
