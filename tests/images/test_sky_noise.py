"""Noise of fields that the source fills, and of maps in other units."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import sigma_clipped_stats
from support.synthetic_maps import celestial_header, gaussian, noise

from keras_astroattn.images import cutout_from_field, flags, measure_noise, read_fits
from keras_astroattn.images.sky_noise import measure_sky_noise

SIGMA = 1.5e-4
BEAM = 10.2  # pixels in FIRST's beam


def filled(size, width, peak=100, seed=3):
    """White noise and a Gaussian source of `width` pixels in the middle."""
    middle = (size - 1) / 2
    field = noise((size, size), SIGMA, seed)
    return field + gaussian((size, size), middle, middle, width, peak=peak * SIGMA).astype("f4")


def test_noise_of_a_tight_field_is_that_of_its_negative_half():
    # 16 / 2 sqrt(log2(100 / 3)) = 18: the source is above 3 sigma on a disc of 18 of 24 pixels.
    field = filled(48, 16)
    assert measure_noise(field) > 2 * SIGMA
    found, certain = measure_sky_noise(field, 300 * 300, 1.0)
    assert found == pytest.approx(SIGMA, rel=0.1)
    assert certain


def test_full_field_has_the_clipped_noise_whatever_fills_it():
    field = filled(300, 120)
    expected = float(sigma_clipped_stats(field, sigma=3, maxiters=5)[2])
    assert expected > 1.25 * SIGMA
    assert measure_sky_noise(field, 300 * 300, BEAM) == (expected, True)


@pytest.mark.parametrize("size", [20, 60, 150])
def test_empty_small_field_has_the_clipped_noise(size):
    field = noise((size, size), SIGMA, seed=size)
    expected = float(sigma_clipped_stats(field, sigma=3, maxiters=5)[2])
    assert measure_sky_noise(field, 300 * 300, BEAM) == (expected, True)


def test_field_full_of_source_is_uncertain_until_the_noise_is_given():
    field = filled(24, 30)
    assert flags.NOISE_UNCERTAIN in cutout_from_field(field, 1.8, 5.4).flags
    given = cutout_from_field(field, 1.8, 5.4, noise=SIGMA)
    assert flags.NOISE_UNCERTAIN not in given.flags
    positive = np.abs(filled(40, 16)) + np.float32(SIGMA)
    assert measure_sky_noise(positive, 300 * 300, BEAM)[1] is False


def test_tight_map_of_another_beam_is_measured_after_regridding():
    # 15" beam on 5" pixels; 300 pixels of the network would be 300 of these.
    field = filled(60, 24, seed=6)
    cutout = cutout_from_field(field, 5.2, 15.0)
    assert flags.RESAMPLED in cutout.flags
    assert measure_noise(field) > 2 * SIGMA
    assert cutout.noise == pytest.approx(SIGMA, rel=0.2)


def test_middles_of_first_fields_are_measured_as_for_frdeep(data_dir):
    for path in sorted((data_dir / "fits").glob("*.fits")):
        field = np.ascontiguousarray(fits.getdata(path)[75:225, 75:225].astype(np.float32))
        assert measure_sky_noise(field, 300 * 300, BEAM) == (measure_noise(field), True)


def test_first_fields_cut_to_their_sources_keep_their_noise(data_dir):
    ratios = []
    for path in sorted((data_dir / "fits").glob("*.fits"))[23:41]:
        whole = read_fits(path)
        field = fits.getdata(path).astype(np.float32)
        half = max(int(1.5 * (whole.largest_angular_size / 1.8 + 6) / 2), 8)
        tight = cutout_from_field(field[150 - half : 150 + half, 150 - half : 150 + half], 1.8, 5.4)
        if flags.NOISE_UNCERTAIN not in tight.flags:
            ratios.append(tight.noise / whole.noise)
    assert len(ratios) >= 12
    assert max(ratios) < 1.5
    assert min(ratios) > 0.75


@pytest.mark.parametrize("exponent", [-26, -30, 20])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_of_the_map_does_not_matter(exponent, dtype):
    field = filled(300, 16)
    expected = cutout_from_field(field, 1.8, 5.4)
    scaled = (field.astype(np.float64) * 10.0**exponent).astype(dtype)
    found = cutout_from_field(scaled, 1.8, 5.4)
    assert found.noise == pytest.approx(expected.noise * 10.0**exponent, rel=1e-5)
    assert found.peak_snr == pytest.approx(expected.peak_snr, rel=1e-5)
    assert found.flags == expected.flags
    np.testing.assert_allclose(found.pixels, expected.pixels, atol=1)


def test_noise_scaled_by_a_power_of_two_is_the_same_to_the_last_bit():
    field = noise((100, 100), SIGMA)
    for exponent in (-80, -60, 60):
        assert measure_noise(np.ldexp(field, exponent)) == np.ldexp(measure_noise(field), exponent)


def test_map_in_si_units_is_read_from_fits(tmp_path):
    field = filled(300, 16)
    header = celestial_header((300, 300), BUNIT="W/m2/Hz/beam")
    fits.PrimaryHDU((field * 1e-26).astype("f4"), header).writeto(tmp_path / "si.fits")
    cutout = read_fits(tmp_path / "si.fits")
    assert cutout.noise == pytest.approx(SIGMA, rel=0.02)  # 1 Jy is 1e-26 W/m2/Hz
    assert flags.UNKNOWN_UNIT not in cutout.flags
    assert flags.BEYOND_FRAME not in cutout.flags
