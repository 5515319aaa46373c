"""Join components to sources, by the name of their parent or by their distance."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keras_astroattn.images.islands import connected

from .catalogue import Catalogue
from .column_mapping import POSITIONED, ColumnMapping, read_fluxes, read_positions
from .tiles import unit_vectors


@dataclass(frozen=True, eq=False)
class Grouping:
    """The source of each of n rows of a catalogue; about 50 bytes a row.

    Attributes:
        lead: (n,) int64, row that represents the source: its brightest component, or the first
            one if fluxes are unknown.
        ra: (n,) right ascension of the source's centroid, ICRS degrees; weighted by flux if all
            components have one.
        dec: (n,) its declination, ICRS degrees.
        components: (n,) int32, number of rows of the source.
    """

    lead: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    components: np.ndarray


def group_rows(
    catalogue: Catalogue,
    mapping: ColumnMapping,
    linking_length: float | None = None,
    report_progress: Callable[[int], object] = lambda done: None,
) -> Grouping:
    """Join the components of a catalogue to sources.

    A row without a position is a source of its own.

    Args:
        catalogue: catalogue of components.
        mapping: its columns by key.
        linking_length: arcsec; components nearer than this to each other, directly or through
            others, are one source. None: components with the same `mapping.parent` are one.
        report_progress: called with the number of rows that were read.

    Returns:
        The source of each row.

    Raises:
        InputError: The catalogue is damaged.
    """
    ra, dec, flux, parents, done = [], [], [], [], 0
    for batch in catalogue.batches(mapping.names):
        places = read_positions(batch, mapping)
        good = places.state == POSITIONED
        ra.append(np.where(good, places.ra, np.nan))
        dec.append(np.where(good, places.dec, np.nan))
        flux.append(read_fluxes(batch, mapping))
        if linking_length is None:
            parents.append(_fingerprints(batch, mapping.parent, done))
        done += batch.num_rows
        report_progress(done)
    ra, dec, flux = (np.concatenate([*parts, np.empty(0)]) for parts in (ra, dec, flux))
    known = np.isfinite(ra)
    if linking_length is None:
        numbers = np.concatenate([*parents, np.empty(0, np.uint64)])
        _, label = np.unique(numbers, return_inverse=True)
        # A component without a position cannot move its source, and is not found with it.
        label = np.where(known, label, np.arange(len(ra)) + len(ra))
        _, label = np.unique(label, return_inverse=True)
    else:
        label = connected(len(ra), *link(ra, dec, linking_length))
    return _described(label, ra, dec, flux)


def _fingerprints(batch: pa.RecordBatch, parent: str, start: int) -> np.ndarray:
    """Return (n,) uint64 hashes of the parents' names; a row without one has its own."""
    column = pc.cast(batch.column(batch.schema.get_field_index(parent)), pa.string())
    encoded = column.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    table = np.array([_hash(name.strip()) if name else 0 for name in names] + [0], np.uint64)
    codes = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
    found = table[codes]
    alone = np.flatnonzero(found == 0)
    found[alone] = [_hash(f"\0{start + int(row)}") for row in alone]
    return found


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") | 1


def link(ra: np.ndarray, dec: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of positions within a distance.

    Args:
        ra: (n,) right ascension, degrees; NaN has no pairs.
        dec: (n,) declination, degrees.
        length: largest distance, arcsec.

    Returns:
        (m,) indices of the first and of the second of each pair; a pair occurs once or twice.
    """
    height = length / 3600.0
    known = np.flatnonzero(np.isfinite(ra))
    band = np.floor((dec[known] + 90.0) / height).astype(np.int64)
    order = known[np.lexsort((ra[known], band))]
    band = np.sort(band)
    vectors = unit_vectors(ra, dec)
    limit = 4 * math.sin(math.radians(height) / 2) ** 2 * (1 + 1e-12)
    starts = np.flatnonzero(np.diff(band, prepend=-1))
    bounds = {int(band[low]): (low, high) for low, high in
              zip(starts, [*starts[1:], len(band)], strict=True)}  # fmt: skip
    ones, others = [], []
    for number, (low, high) in bounds.items():
        here = order[low:high]
        for above in (number, number + 1):
            if above not in bounds:
                continue
            there = order[slice(*bounds[above])]
            highest = np.abs(np.concatenate([dec[here], dec[there]])).max() + height
            reach = 360.0 if highest >= 90 else height / math.cos(math.radians(highest)) * 1.001
            for one, other in _windows(ra[here], ra[there], reach):
                one, other = here[one], there[other]
                near = ((vectors[one] - vectors[other]) ** 2).sum(axis=1) <= limit
                near &= one != other
                ones.append(one[near])
                others.append(other[near])
    empty = np.empty(0, np.int64)
    return np.concatenate([*ones, empty]), np.concatenate([*others, empty])


def _windows(here: np.ndarray, there: np.ndarray, reach: float):
    """Yield index pairs of sorted right ascensions within a reach of each other."""
    for wrap in (-360.0, 0.0, 360.0) if reach < 360 else (0.0,):
        low = np.searchsorted(there, here - reach + wrap)
        high = np.searchsorted(there, here + reach + wrap, side="right")
        count = high - low
        if not count.any():
            continue
        one = np.repeat(np.arange(len(here)), count)
        first = np.repeat(low - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
        yield one, first + np.arange(len(one))


def _described(label: np.ndarray, ra: np.ndarray, dec: np.ndarray, flux: np.ndarray) -> Grouping:
    count = len(label)
    _, label, components = np.unique(label, return_inverse=True, return_counts=True)
    groups = len(components)
    # Sorted by flux, the brightest first, then by row: the first of each label leads.
    order = np.lexsort((np.arange(count), -np.nan_to_num(flux, nan=0.0), label))
    lead = order[np.flatnonzero(np.diff(label[order], prepend=-1))]
    unknown = np.zeros(groups, bool)
    np.logical_or.at(unknown, label, ~np.isfinite(flux))
    weight = np.where(unknown[label], 1.0, flux)
    vectors = unit_vectors(ra, dec)
    x, y, z = (np.bincount(label, weight * axis, groups) for axis in vectors.T)
    centre_ra = np.degrees(np.arctan2(y, x)) % 360.0 % 360.0
    centre_dec = np.degrees(np.arctan2(z, np.hypot(x, y)))
    single = components == 1  # keeps the catalogue's value to the last bit
    centre_ra = np.where(single, ra[lead], centre_ra)
    centre_dec = np.where(single, dec[lead], centre_dec)
    return Grouping(
        lead[label], centre_ra[label], centre_dec[label], components[label].astype(np.int32)
    )
