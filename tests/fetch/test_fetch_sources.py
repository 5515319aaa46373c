"""Names of sources and of their files."""

import pytest

from keras_astroattn.fetch.sources import Source, file_name, position_name


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (187.70593, 12.39112, "J123049.4+122328"),  # M 87: 12h30m49.42s +12d23m28.0s
        (0.0, 0.0, "J000000.0+000000"),
        (359.9999999, -0.0001, "J235959.9-000000"),
        (83.633083, -5.999999, "J053431.9-055959"),
        (15.0, 90.0, "J010000.0+900000"),
    ],
)
def test_a_position_has_the_name_that_the_iau_recommends(ra, dec, name):
    assert position_name(ra, dec) == name


def test_files_of_different_sources_have_different_names():
    taken = set()
    for name in ("a b", "a/b", "a_b", "../../a b"):
        taken.add(file_name("nvss", Source(name, 1.0, 2.0), taken))
    assert taken == {"nvss_a_b.fits", "nvss_a_b_2.fits", "nvss_a_b_3.fits", "nvss_a_b_4.fits"}


def test_a_source_without_a_usable_name_is_named_by_its_position():
    assert file_name("first", Source("???", 187.70593, 12.39112), ()) == (
        "first_J123049.4+122328.fits"
    )
