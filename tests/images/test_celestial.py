import warnings

import numpy as np
import pytest
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from support.synthetic_maps import celestial_header

from keras_astroattn.errors import InputError
from keras_astroattn.images import Beam
from keras_astroattn.images.celestial import build_wcs, local_jacobian
from keras_astroattn.images.celestial_keywords import (
    celestial_axes,
    move_keywords,
    wcs_keywords,
)
from keras_astroattn.images.frame import plan


@pytest.mark.parametrize("style", ["CDELT", "CROTA", "PC", "CD"])
def test_every_way_to_write_the_scale_is_read(style):
    header = celestial_header((300, 300), axes=4)
    turn = np.radians(20)
    cosine, sine = np.cos(turn), np.sin(turn)
    if style == "CROTA":
        header["CROTA2"] = 20.0
    elif style == "PC":
        header["PC1_1"], header["PC1_2"] = cosine, sine
        header["PC2_1"], header["PC2_2"] = -sine, cosine
    elif style == "CD":
        header["CD1_1"], header["CD1_2"] = -5e-4 * cosine, -5e-4 * sine
        header["CD2_1"], header["CD2_2"] = -5e-4 * sine, 5e-4 * cosine
        del header["CDELT*"]
    pixels = [[10.0, 20.0], [250.0, 40.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy says that it tidied the header
        expected = WCS(header).celestial.wcs_pix2world(pixels, 0)
    ours = build_wcs(wcs_keywords(header)).wcs_pix2world(pixels, 0)
    np.testing.assert_allclose(ours, expected, atol=1e-9)


@pytest.mark.parametrize("projection", ["TAN", "SIN", "CAR", "AIT", "ZEA"])
@pytest.mark.parametrize("pixel", [(149.5, 149.5), (3000.0, -2500.0)])
def test_local_scale_is_the_distance_of_neighbours_on_the_sky(projection, pixel):
    header = celestial_header((300, 300), 40.0, 20.0, projection=projection)
    keywords = wcs_keywords(header)
    wcs = WCS(header)
    x, y = pixel
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(
        wcs.wcs_pix2world([[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]], 0), unit="deg"
    )
    expected = [
        sky[0].separation(sky[1]).arcsec / 2,
        sky[2].separation(sky[3]).arcsec / 2,
    ]
    jacobian = local_jacobian(keywords, pixel)
    np.testing.assert_allclose(np.hypot(*jacobian), expected, rtol=1e-4)
    here = SkyCoord(*wcs.wcs_pix2world([pixel], 0)[0], unit="deg")
    east, north = here.spherical_offsets_to(sky[3])
    np.testing.assert_allclose(jacobian[:, 1], [east.arcsec, north.arcsec], rtol=2e-3, atol=2e-3)


def test_jacobian_at_the_pole():
    header = celestial_header((300, 300), 0.0, 90.0)
    scales = np.hypot(*local_jacobian(wcs_keywords(header), (2500.0, 149.5)))
    expected = proj_plane_pixel_scales(WCS(header)) * 3600
    np.testing.assert_allclose(scales, expected, rtol=1e-3)


def test_moved_keywords_point_to_the_same_sky():
    keywords = wcs_keywords(celestial_header((300, 300)))
    moved = build_wcs(move_keywords(keywords, (20.25, -3.5), (2.0, 1.5)))
    expected = build_wcs(keywords).wcs_pix2world([[20.25 + 2 * 30, -3.5 + 1.5 * 7]], 0)
    np.testing.assert_allclose(moved.wcs_pix2world([[30, 7]], 0), expected, atol=1e-10)


def test_headers_without_a_sky():
    header = celestial_header((300, 300))
    assert celestial_axes(header) == (1, 2)
    header["CTYPE1"] = "LINEAR"
    assert wcs_keywords(header) is None


@pytest.mark.parametrize(("key", "value"), [("CDELT1", 0.0), ("CRVAL1", "x"), ("CRPIX2", "1 2")])
def test_coordinates_that_are_stated_and_make_no_sense_are_one_line(key, value):
    header = celestial_header((300, 300))
    header[key] = value
    with pytest.raises(InputError, match="are invalid") as caught:
        wcs_keywords(header)
    assert "\n" not in str(caught.value)


def test_unknown_projection_is_one_line():
    keywords = wcs_keywords(celestial_header((300, 300)))
    keywords["CTYPE1"], keywords["CTYPE2"] = "RA---XXX", "DEC--XXX"
    with pytest.raises(InputError, match="are invalid"):
        build_wcs(keywords).wcs_pix2world([[0, 0]], 0)


def test_equinox_in_words_is_what_is_assumed_anyway():
    keywords = wcs_keywords(celestial_header((300, 300), EQUINOX="J2000"))
    assert "EQUINOX" not in keywords
    assert keywords["RADESYS"] == "FK5"


def test_pixels_without_size_are_one_line():
    with pytest.raises(InputError, match="no size"):
        plan(np.zeros((2, 2)), Beam(5.4, 5.4))
