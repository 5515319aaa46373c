"""Each column is described in words that the tools of the VO know."""

import pytest
from astropy.io.votable.ucd import check_ucd
from astropy.units import Unit

from keras_astroattn.tables import columns

COLUMNS = [
    one
    for group in vars(columns).values()
    for one in (group if isinstance(group, tuple) else (group,))
    if isinstance(one, columns.Column)
]


def test_every_group_of_columns_is_found():
    names = {column.name for column in COLUMNS}
    assert {"path", "beam_arcsec", "picture", "main_share"} <= names


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_the_ucd_is_of_the_controlled_vocabulary(column):
    assert column.ucd is None or check_ucd(column.ucd, check_controlled_vocabulary=True)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_the_column_has_a_meaning(column):
    assert column.description


@pytest.mark.parametrize("syntax", ["fits", "vounit"])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_the_unit_is_one_of_fits_and_of_the_vo(column, syntax):
    assert column.unit is None or Unit(column.unit, format=syntax)
