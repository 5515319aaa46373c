"""Positions of pixels on the sky, against astropy's WCS."""

import numpy as np
import pytest
from astropy.wcs import WCS
from support.synthetic_maps import celestial_header, noise, write

from keras_astroattn.images import pixel_position as module
from keras_astroattn.images import read_fits
from keras_astroattn.images.celestial_keywords import wcs_keywords
from keras_astroattn.images.pixel_position import pixel_position

SHAPE = (3000, 2000)
PIXELS = [(999.5, 1499.5), (0.0, 0.0), (1999.0, 0.0), (12.25, 2900.5)]


def keywords_of(**cards):
    return wcs_keywords(celestial_header(SHAPE, **cards))


@pytest.mark.parametrize("projection", ["TAN", "SIN"])
@pytest.mark.parametrize("reference", [(180.0, 30.0), (0.1, -75.0), (359.99, 89.9), (45.0, 0.0)])
def test_usual_headers_agree_with_astropy(projection, reference, monkeypatch):
    monkeypatch.setattr(module, "build_wcs", None)  # the projection is computed here
    header = celestial_header(
        SHAPE, *reference, scale=5.0, projection=projection, CROTA2=20.0, LONPOLE=180.0
    )
    keywords = wcs_keywords(header)
    for pixel in PIXELS:
        ra, dec = pixel_position(keywords, pixel)
        expected = WCS(header).wcs_pix2world([pixel], 0)[0]
        assert (ra - expected[0] + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
        assert dec == pytest.approx(expected[1], abs=1e-10)
        assert 0 <= ra < 360


def test_other_headers_go_through_astropy():
    header = celestial_header(SHAPE, projection="ZEA", LATPOLE=30.0)
    ra, dec = pixel_position(wcs_keywords(header), PIXELS[1])
    np.testing.assert_allclose([ra, dec], WCS(header).wcs_pix2world([PIXELS[1]], 0)[0], atol=1e-10)


def test_fk4_and_galactic_maps_give_icrs():
    from astropy.coordinates import FK4, Galactic, SkyCoord

    old = keywords_of(RADESYS="FK4", EQUINOX=1950.0)
    expected = SkyCoord(180, 30, unit="deg", frame=FK4(equinox="B1950")).icrs
    found = pixel_position(old, PIXELS[0])
    assert found == pytest.approx((expected.ra.deg, expected.dec.deg), abs=1e-7)
    galactic = keywords_of(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN")
    expected = SkyCoord(180, 30, unit="deg", frame=Galactic).icrs
    found = pixel_position(galactic, PIXELS[0])
    assert found == pytest.approx((expected.ra.deg, expected.dec.deg), abs=1e-7)


def test_nothing_is_known_off_the_sky_or_in_an_unknown_frame():
    wide = keywords_of(projection="SIN", scale=300.0)
    assert pixel_position(wide, (0.0, 0.0)) is None
    assert pixel_position(keywords_of(RADESYS="MARS"), PIXELS[0]) is None


def test_a_cutout_knows_its_position_and_that_of_its_frame(tmp_path):
    header = celestial_header((300, 300))
    path = write(tmp_path / "a.fits", noise((300, 300)), header)
    middle = read_fits(path)
    assert middle.position == pytest.approx((180.0, 30.0), abs=1e-9)
    assert middle.frame_position == pytest.approx((180.0, 30.0), abs=1e-9)
    there = read_fits(path, "180.01,30.02")
    assert there.position == (180.01, 30.02)
    # The frame of a map with the network's pixels is not resampled: at most half a pixel off.
    assert there.frame_position == pytest.approx((180.01, 30.02), abs=0.5 * 1.8 / 3600 / 0.86)
    assert there.frame_position != there.position
    finer = read_fits(path, "180.01,30.02", beam=2.0)
    assert finer.frame_position == pytest.approx((180.01, 30.02), abs=1e-7)
