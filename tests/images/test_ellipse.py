"""Shapes of sources, against Gaussians, arithmetic by hand and photutils."""

import math

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from keras_astroattn.images import cutout_from_array, cutout_from_field, measure_extent, read_source
from keras_astroattn.images.celestial_keywords import wcs_keywords
from keras_astroattn.images.ellipse import FWHM_PER_SIGMA, ellipse_of

SCALE = 1.8


def gaussian(peak, major, minor, angle, place=(0.0, 0.0), size=150):
    """A Gaussian on a map with north up and east left; axes in arcsec, angle east of north."""
    y, x = np.indices((size, size)) - (size - 1) / 2
    east, north = -x * SCALE - place[0], y * SCALE - place[1]
    a = math.radians(angle)
    along = east * math.sin(a) + north * math.cos(a)
    across = east * math.cos(a) - north * math.sin(a)
    return peak * np.exp(-4 * math.log(2) * ((along / major) ** 2 + (across / minor) ** 2))


def header(ra=150.0, dec=30.0, kind=("RA---TAN", "DEC--TAN"), turn=0.0, size=150):
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    step = SCALE / 3600
    return {
        "NAXIS": 2, "CTYPE1": kind[0], "CTYPE2": kind[1], "CRVAL1": ra, "CRVAL2": dec,
        "CRPIX1": (size + 1) / 2, "CRPIX2": (size + 1) / 2,
        "CD1_1": -step * c, "CD1_2": step * s, "CD2_1": step * s, "CD2_2": step * c,
    }  # fmt: skip


def ellipse(snr, **of_header):
    """The ellipse of a noise-free map in units of the noise, with celestial coordinates."""
    keywords = wcs_keywords(header(**of_header))
    cutout = cutout_from_field(snr, SCALE, 5.4, noise=1.0, wcs_header=keywords)
    return cutout.ellipse


@pytest.mark.parametrize("peak", [6.0, 30.0, 1000.0])
@pytest.mark.parametrize("angle", [0.0, 30.0, 100.0, 179.0])
def test_a_gaussian_of_any_brightness_has_its_own_axes(peak, angle):
    found = ellipse(gaussian(peak, 40.0, 20.0, angle))
    assert found.major == pytest.approx(40.0, rel=0.03)
    assert found.minor == pytest.approx(20.0, rel=0.03)
    assert (found.position_angle - angle + 90) % 180 - 90 == pytest.approx(0, abs=1)
    assert 0 <= found.position_angle < 180


def test_a_point_source_is_as_wide_as_the_beam():
    found = ellipse(gaussian(500.0, 5.4, 5.4, 0.0))
    assert (found.major, found.minor) == pytest.approx((5.4, 5.4), rel=0.03)


def test_two_lobes_have_the_moments_of_their_distance():
    # Fluxes 2 : 1 at a distance D have the variance 2/9 D^2 along their line, plus the Gaussians'.
    lobes = gaussian(200.0, 12.0, 12.0, 0.0, (10.0, 20.0)) + gaussian(
        100.0, 12.0, 12.0, 0.0, (-20.0, -20.0)
    )
    found = ellipse(lobes)
    along = math.sqrt(12.0**2 + FWHM_PER_SIGMA**2 * 2 / 9 * 50.0**2)
    assert found.major == pytest.approx(along, rel=0.02)
    assert found.minor == pytest.approx(12.0, rel=0.03)
    assert found.position_angle == pytest.approx(math.degrees(math.atan2(30, 40)), abs=0.5)


def test_moments_of_four_pixels_by_hand():
    snr = np.zeros((150, 150))
    snr[74, 73:77] = [6.0, 6.0, 6.0, 6.0]
    found = measure_extent(snr).covariance
    # Variance of 0, 1, 2, 3 is 5/4; of a Gaussian with peak 6, 1 - u / (e^u - 1) is above 3
    # sigma, with e^u = 2.
    np.testing.assert_allclose(found, [[1.25 / (1 - math.log(2)), 0], [0, 0]], atol=1e-12)


def test_photutils_finds_the_same_moments_for_a_bright_source():
    morphology = pytest.importorskip("photutils.morphology")
    snr = gaussian(3000.0, 50.0, 18.0, 65.0)
    theirs = morphology.data_properties(np.where(snr > 3, snr, 0.0))
    # Theirs are the moments of the pixels above 3 sigma, which hold 0.993 of a Gaussian's.
    kept = 1 - math.log(1000) / 999
    found = measure_extent(snr.astype(np.float32)).covariance
    np.testing.assert_allclose(found, theirs.covariance.value / kept, rtol=1e-4)
    # Theirs is measured from +x, that is west, through north.
    angle = float(theirs.orientation.to_value("deg")) - 90
    assert ellipse(snr).position_angle == pytest.approx(angle % 180, abs=0.01)


@pytest.mark.parametrize("turn", [0.0, 50.0, -120.0])
@pytest.mark.parametrize("kind", [("RA---SIN", "DEC--SIN"), ("GLON-CAR", "GLAT-CAR")])
def test_the_position_angle_is_that_of_the_sky(turn, kind):
    of_header = {"dec": 0.0, "kind": kind, "turn": turn}
    found = ellipse(gaussian(100.0, 40.0, 10.0, 0.0), **of_header)
    # The major axis lies along y. astropy measures the angle of that direction in ICRS.
    wcs = WCS(header(**of_header))
    low, high = (wcs.pixel_to_world(74.5, y).icrs for y in (70.0, 79.0))
    wanted = SkyCoord(low).position_angle(high).deg % 180
    assert (found.position_angle - wanted + 90) % 180 - 90 == pytest.approx(0, abs=0.2)


def test_a_map_without_coordinates_has_axes_but_no_angle():
    found = cutout_from_field(gaussian(100.0, 40.0, 20.0, 0.0), SCALE, 5.4, noise=1.0).ellipse
    assert found.major == pytest.approx(40.0, rel=0.03)
    assert found.position_angle is None
    picture = read_source(np.uint8(gaussian(255.0, 40.0, 20.0, 0.0)))
    assert picture.ellipse.position_angle is None


def test_without_a_source_there_is_no_ellipse():
    assert cutout_from_array(np.zeros((150, 150), np.uint8)).ellipse is None


def test_an_angle_just_below_zero_is_zero():
    # A major axis a rounding error west of north: 180 - 8e-15 degrees is 180 in float64.
    jacobian = np.array([[-1.0, -1e-16], [0.0, 1.0]])
    assert ellipse_of(np.diag([1.0, 4.0]), jacobian, 1.0).position_angle == 0.0


def test_the_centroid_is_where_the_source_was_put():
    # 20 arcsec east and 30 north of the middle, at declination 60.
    snr = gaussian(500.0, 8.0, 8.0, 0.0, (20.0, 30.0))
    keywords = wcs_keywords(header(dec=60.0))
    found = cutout_from_field(snr, SCALE, 5.4, noise=1.0, wcs_header=keywords)
    centroid = SkyCoord(*found.centroid_position, unit="deg")
    east, north = SkyCoord(150.0, 60.0, unit="deg").spherical_offsets_to(centroid)
    assert [east.arcsec, north.arcsec] == pytest.approx([20.0, 30.0], abs=0.02)
    assert cutout_from_array(np.zeros((150, 150), np.uint8)).centroid_position is None
