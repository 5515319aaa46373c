"""What a downloaded file must be, and what is written to its header."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from support.survey_server import TAB_CARD, map_bytes
from support.synthetic_maps import celestial_header, noise, write

from keras_astroattn.fetch.download import FetchError, NoCoverage, Passing
from keras_astroattn.fetch.image import check_image, describe_image
from keras_astroattn.fetch.surveys import SURVEYS
from keras_astroattn.images import FitsMap, flags, read_fits


def saved(tmp_path, content: bytes):
    path = tmp_path / "map.fits"
    path.write_bytes(content)
    return path


def test_a_map_is_accepted(tmp_path):
    check_image(saved(tmp_path, map_bytes(180.0, 30.0, 60, 1.8)))


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_a_blank_map_means_no_coverage(tmp_path, value):
    path = write(
        tmp_path / "x.fits", np.full((60, 60), value, np.float32), celestial_header((60, 60))
    )
    with pytest.raises(NoCoverage, match="no data there"):
        check_image(path)


@pytest.mark.parametrize("length", [0, 100, 2880, 10000])
def test_a_file_that_is_cut_off_may_be_fetched_again(tmp_path, length):
    with pytest.raises(Passing):
        check_image(saved(tmp_path, map_bytes(180.0, 30.0, 60, 1.8)[:length]))


def test_a_packed_file_that_is_cut_off_may_be_fetched_again(tmp_path):
    with pytest.raises(Passing):
        check_image(saved(tmp_path, gzip.compress(map_bytes(180.0, 30.0, 60, 1.8))[:3000]))


def test_a_table_is_not_a_map(tmp_path):
    path = tmp_path / "x.fits"
    fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])]).writeto(path)
    with pytest.raises(FetchError, match="the file holds no image"):
        check_image(path)


@pytest.mark.parametrize(("lines", "blocks"), [(1, 0), (30, 1)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_description_changes_no_pixel_and_no_card(tmp_path, pack, lines, blocks):
    content = map_bytes(180.0, 30.0, 60, 1.8, SURVEY="FIRST", TELESCOP="VLA")
    path = saved(tmp_path, pack(content))
    describe_image(path, SURVEYS["first"], 30.0, ["from http://x/" + 40 * "y"] * lines)
    described = path.read_bytes()
    end = content.index(b"END     ")
    assert described[:end] == content[:end]
    assert TAB_CARD in described
    pixels = 60 * 60 * 4  # five blocks, without padding
    assert described[-pixels:] == content[-pixels:]
    assert len(described) == len(content) + blocks * 2880
    with fits.open(path) as hdus:
        assert str(hdus[0].header["HISTORY"]).count("y" * 40) == lines


def test_the_beam_of_first_is_stated_with_its_source(tmp_path):
    path = saved(tmp_path, map_bytes(180.0, 30.0, 300, 1.8, SURVEY="FIRST", TELESCOP="VLA"))
    before = read_fits(path)
    describe_image(path, SURVEYS["first"], 30.0, [])
    with fits.open(path) as hdus:
        header = hdus[0].header
    assert header["BMAJ"] == header["BMIN"] == pytest.approx(5.4 / 3600)
    history = " ".join(header["HISTORY"])
    assert "Becker, White & Helfand 1995" in history
    after = read_fits(path)
    np.testing.assert_array_equal(after.network_input, before.network_input)
    assert set(before.flags) - set(after.flags) == {flags.ASSUMED_BEAM}


def test_the_beam_of_first_is_not_stated_where_it_differs(tmp_path):
    # South of +4:33:21 the beam is 6.4" x 5.4".
    path = saved(tmp_path, map_bytes(180.0, 3.0, 60, 1.8, SURVEY="FIRST", TELESCOP="VLA"))
    describe_image(path, SURVEYS["first"], 3.0, [])
    assert b"BMAJ" not in path.read_bytes()


def test_a_stated_beam_is_kept(tmp_path):
    path = saved(tmp_path, map_bytes(180.0, 30.0, 60, 15.0, SURVEY="NVSS", BMAJ=0.02, BMIN=0.02))
    describe_image(path, SURVEYS["nvss"], 30.0, [])
    with FitsMap(path) as sky:
        assert sky.beam.major == pytest.approx(72.0)


def test_no_beam_is_stated_for_resampled_images(tmp_path):
    path = saved(tmp_path, map_bytes(180.0, -30.0, 60, 2.5))
    describe_image(path, SURVEYS["racs"], -30.0, ["x"])
    with FitsMap(path) as sky:
        assert sky.beam is None


def test_an_extension_is_described_in_its_own_header(tmp_path):
    path = tmp_path / "x.fits"
    data = noise((60, 60))
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(data, celestial_header((60, 60), beam=None))]
    hdus.append(fits.ImageHDU(data[:3, :3], name="LAST"))
    fits.HDUList(hdus).writeto(path)
    describe_image(path, SURVEYS["vlass"], 30.0, ["words"])
    with fits.open(path) as found:
        found.verify("exception")
        assert "words" in str(found[1].header["HISTORY"])
        assert "HISTORY" not in found[0].header
        np.testing.assert_array_equal(found[1].data, data)
        np.testing.assert_array_equal(found["LAST"].data, data[:3, :3])
