"""Names of sources and of their files."""

from keras_astroattn.fetch.sources import Source, file_name


def test_files_of_different_sources_have_different_names():
    taken = set()
    for name in ("a b", "a/b", "a_b", "../../a b"):
        taken.add(file_name("nvss", Source(name, 1.0, 2.0), taken))
    assert taken == {"nvss_a_b.fits", "nvss_a_b_2.fits", "nvss_a_b_3.fits", "nvss_a_b_4.fits"}


def test_a_source_without_a_usable_name_is_named_by_its_position():
    assert file_name("first", Source("???", 187.70593, 12.39112), ()) == (
        "first_J123049.42+122328.0.fits"
    )
