"""Neighbours and groups, beside astropy's matching."""

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord, search_around_sky

from keras_astroattn.survey.catalogue import open_catalogue
from keras_astroattn.survey.column_mapping import map_columns
from keras_astroattn.survey.grouping import group_rows, link
from keras_astroattn.survey.neighbours import Zones, ZoneWriter


def cloud(dec: float, count: int = 400, width: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Positions around (0, dec), also over the pole."""
    rng = np.random.default_rng(5)
    sky = SkyCoord(0.0, dec, unit="deg").directional_offset_by(
        rng.uniform(0, 360, count) * u.deg, rng.uniform(0, width, count) * u.deg
    )
    return sky.ra.deg, sky.dec.deg


@pytest.mark.parametrize("dec", [-90.0, -30.0, 0.0, 59.95, 89.9])
def test_entries_around_a_position_are_those_within_the_radius(tmp_path, dec):
    ra, dec = cloud(dec)
    writer = ZoneWriter(tmp_path / "zones")
    for part in np.array_split(np.arange(len(ra)), 3):
        writer.add(ra[part], dec[part], part)
    writer.add(np.array([np.nan]), np.array([np.nan]), np.array([7]))
    writer.finish()
    index, _, _, source = Zones(tmp_path / "zones").around(ra, dec, 0.03)
    sky = SkyCoord(ra, dec, unit="deg")
    one, other, _, _ = search_around_sky(sky, sky, 0.03 * u.deg)
    assert len(one) > 2 * len(ra)
    assert sorted(zip(index.tolist(), source.tolist(), strict=True)) == sorted(
        zip(one.tolist(), other.tolist(), strict=True)
    )


def test_where_nothing_is_nothing_is_found(tmp_path):
    writer = ZoneWriter(tmp_path / "zones")
    writer.add(np.array([10.0]), np.array([0.0]), np.array([0]))
    writer.finish()
    index, *_ = Zones(tmp_path / "zones").around(np.array([50.0]), np.array([40.0]), 0.1)
    assert len(index) == 0


@pytest.mark.parametrize("dec", [-90.0, 0.0, 59.9, 89.9])
def test_pairs_are_those_within_the_linking_length(dec):
    ra, dec = cloud(dec)
    ra[7] = dec[7] = np.nan
    one, other = link(ra, dec, 60.0)
    known = np.flatnonzero(np.isfinite(ra))
    sky = SkyCoord(ra[known], dec[known], unit="deg")
    a, b, _, _ = search_around_sky(sky, sky, 60 * u.arcsec)
    expected = {tuple(sorted((known[i], known[j]))) for i, j in zip(a, b, strict=True) if i != j}
    assert len(expected) > 50
    assert {tuple(sorted(pair)) for pair in zip(one, other, strict=True)} == expected


def grouped(tmp_path, columns: dict, **options):
    path = tmp_path / "sources.parquet"
    pq.write_table(pa.table(columns), path)
    opened = open_catalogue(path)
    return group_rows(
        opened, map_columns(opened.schema, given=options.pop("given", None)), **options
    )


def test_linked_rows_are_one_source_at_their_centroid(tmp_path):
    columns = {
        "ra": [359.999, 0.001, 20.0, np.nan, 0.003],
        "dec": [0.0, 0.0, 5.0, 1.0, 0.0],
        "flux": [1.0, 3.0, 1.0, 9.0, 0.0 + 4.0],
    }
    found = grouped(tmp_path, columns, linking_length=8.0)
    assert found.lead.tolist() == [4, 4, 2, 3, 4]
    assert found.components.tolist() == [3, 3, 1, 1, 3]
    # (-1 + 3 + 12) / 8 thousandths of a degree
    assert found.ra[0] == pytest.approx(0.00175, abs=1e-9)
    assert found.dec[0] == pytest.approx(0.0, abs=1e-9)
    assert (found.ra[2], found.dec[2]) == (20.0, 5.0)
    assert np.isnan(found.ra[3])


def test_rows_of_one_parent_are_one_source(tmp_path):
    columns = {
        "ra": [10.0, 10.002, 50.0, 60.0, np.nan],
        "dec": [0.0, 0.0, 1.0, 1.0, np.nan],
        "parent": ["A ", "A", None, None, "A"],
    }
    found = grouped(tmp_path, columns, given={"parent": "parent"})
    assert found.lead.tolist() == [0, 0, 2, 3, 4]
    assert found.ra[0] == pytest.approx(10.001)
    assert found.components.tolist() == [2, 2, 1, 1, 1]
