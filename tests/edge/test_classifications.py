"""Classifications of a classifier as tables, notebooks' HTML and lines; inputs of all kinds."""

import base64
import io
import re

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from PIL import Image
from support.tiny_model_file import radio_galaxy

from keras_astroattn.edge import DEFAULT_PRESET, Classification, Classifications, Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap, cutout_from_array, read_fits
from keras_astroattn.samples import sample_paths
from keras_astroattn.tables import COLUMNS, batches_of, write_table

FRI, FRII, COMPACT = sample_paths()


@pytest.fixture(scope="module")
def classifier():
    return Classifier()


@pytest.fixture(scope="module")
def results(classifier):
    return classifier.classify([FRI, FRII, COMPACT])


def test_every_kind_of_image_has_the_answer_of_the_file(classifier, results):
    with fits.open(FRII) as file:
        hdu = fits.PrimaryHDU(file[0].data, file[0].header)
    beam = {"beam": 5.4 * u.arcsec}
    found = classifier.classify([str(FRII), FRII, hdu, read_fits(FRII)])
    found.append(classifier.classify(hdu.data * u.Jy / u.beam, pixel_scale=1.8 * u.arcsec, **beam))
    assert [one.label for one in found] == ["FRII"] * 5
    assert {one.p_frii for one in found} == {results[1].p_frii}
    assert [one.name for one in found] == ["frii.fits", "frii.fits", "", "", ""]


def test_several_positions_on_one_map_are_a_batch(classifier):
    # The second position is 18 arcsec (10 pixels) north: the source is 10 pixels lower.
    positions = SkyCoord([160, 160] * u.deg, [30, 30 + 18 / 3600] * u.deg)
    found = classifier.classify(FRII, position=positions, centre="position")
    assert isinstance(found, Classifications)
    first, second = (one.cutout.pixels for one in found)
    np.testing.assert_array_equal(first[20:140], second[10:130])
    with FitsMap(FRII, centre="position") as sky:
        again = classifier.classify(sky, position=positions)
    assert again == found
    assert [one.name for one in again] == ["frii.fits", "frii.fits"]
    with pytest.raises(InputError, match="classify one image at a time"):
        classifier.classify([FRII, FRI], position=positions)


@pytest.mark.parametrize("image", [5, None, {"a": 1}, b"x", [FRII, 5]])
def test_anything_else_is_one_error_that_names_what_is_accepted(image, classifier):
    with pytest.raises(
        InputError, match=r"a source cannot be a .*: give a path, a FitsMap, an HDU"
    ) as raised:
        classifier.classify(image)
    assert "\n" not in str(raised.value)


def test_a_batch_is_a_list(classifier):
    found = classifier.classify(np.stack([radio_galaxy(), np.zeros((150, 150), np.uint8)]))
    assert isinstance(found, list)
    assert found[1].label == "no_source"
    assert repr(classifier.classify([])) == "Classifications(no source)"


def test_results_are_shown_in_one_line(results, classifier):
    # The labels of the table in the README.
    assert repr(results) == "Classifications(3 sources: 1 FRI, 1 FRII, 1 compact)"
    assert repr(results[0]) == (
        "Classification('fri.fits', FRI, P(FRI) > 0.9999, P(FRII) < 0.0001, flags: none)"
    )
    assert repr(results[2]) == "Classification('compact.fits', compact, flags: none)"
    assert repr(classifier) == "Classifier('agcnn_survey')"


def known(value):
    """A cell; None if it is unknown or empty, which FITS does not tell apart."""
    return None if np.ma.is_masked(value) or value == "" or value != value else value


@pytest.mark.parametrize("suffix", ["fits", "vot"])
def test_the_table_is_that_of_the_files(results, suffix, tmp_path):
    path = tmp_path / f"results.{suffix}"
    write_table(path, COLUMNS, batches_of(COLUMNS, [one.to_row() for one in results]))
    expected, found = Table.read(path), results.to_table()
    assert found.colnames == expected.colnames
    for name in found.colnames:
        assert found[name].unit == expected[name].unit, name
        assert found[name].description == expected[name].description or suffix == "fits"
        assert list(map(known, found[name])) == list(map(known, expected[name]))
    assert results[1].to_table()["name"].tolist() == ["frii.fits"]


def test_the_table_has_positions_units_and_masks(results):
    table = results.to_table()
    # CRVAL of the samples.
    np.testing.assert_allclose(table["ra"].quantity.to_value(u.deg), [150, 160, 170], atol=1e-9)
    assert table["noise_jy_beam"].unit == u.Jy / u.beam
    assert table["p_frii"].mask.tolist() == [False, False, True]
    assert table["p_frii"].meta["ucd"] == "stat.probability"
    assert table["error"].mask.all()


def test_an_empty_table_has_the_columns():
    table = Classifications().to_table()
    assert len(table) == 0
    assert table.colnames == [column.name for column in COLUMNS]
    assert table["ra"].dtype == np.float64


def test_the_data_frame_has_the_same_values(results):
    frame = results.to_pandas()
    assert frame["label"].tolist() == ["FRI", "FRII", "compact"]
    assert frame["p_frii"].isna().tolist() == [False, False, True]


def pictures(html):
    for content in re.findall(r'src="data:image/png;base64,([^"]+)"', html):
        yield np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_a_notebook_shows_the_picture_with_north_up(results):
    html = results[1]._repr_html_()
    (picture,) = pictures(html)
    pixels = results[1].cutout.pixels
    # 255 sqrt(v / 255): 64 becomes 127.75, so 128.
    row, column = np.argwhere(pixels == pixels.max())[0]
    assert picture[149 - row, column] == 255
    assert ((picture[::-1] > 0) == (pixels > 0)).all()
    for text in ("frii.fits", "FRII", "P(FRI) 0.001, P(FRII) 0.999", "recentred", DEFAULT_PRESET):
        assert text in html


def test_a_picture_without_coordinates_keeps_its_first_row_on_top():
    pixels = radio_galaxy()
    pixels[10, 20] = 64
    found = Classification("FRI", cutout=cutout_from_array(pixels))
    (picture,) = pictures(found._repr_html_())
    assert picture[10, 20] == 128


def test_html_is_escaped(results):
    evil = "<script>alert(1)</script>&.fits"
    found = Classification("FRI", 0.9, 0.1, 0.3, ("a<b",), path=f"/x/{evil}", model="<m>")
    for html in (found._repr_html_(), Classifications([found])._repr_html_()):
        assert "<script" not in html
        assert "a&lt;b" in html
    assert "&lt;m&gt;" in found._repr_html_()


def test_a_long_list_shows_its_first_sources():
    html = Classifications([Classification("compact")] * 23)._repr_html_()
    assert html.count("<td>compact</td>") == 20
    assert "23 sources: 23 compact; the first 20 are shown" in html


def test_the_maps_are_kept(results, classifier):
    np.testing.assert_array_equal(
        results[1].attention.mean, classifier.attention(read_fits(FRII)).mean
    )
    assert results[2].attention is None
