"""Pixels without a measurement: areas of zeros or of another constant, in a map with noise."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from support.synthetic_maps import gaussian

from keras_astroattn.images import unknown_pixels

SIZE = 120
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
RADIUS = np.hypot(ROWS - 60, COLUMNS - 60)
NONE = np.zeros((SIZE, SIZE), bool)
SIGMA = 1.5e-4


@pytest.fixture
def sky():
    """Noise with the correlation of a beam of three pixels, and a bright double source."""
    white = np.random.default_rng(5).normal(size=(SIZE, SIZE))
    noise = gaussian_filter(white, 1.27)
    source = gaussian((SIZE, SIZE), 50, 60, 9, peak=60) + gaussian((SIZE, SIZE), 72, 60, 9, peak=80)
    return (SIGMA * (noise / noise.std() + source)).astype(np.float32)


@pytest.mark.parametrize("fill", [0.0, -0.0, -9999.0, 2.5e-4])
@pytest.mark.parametrize(
    "area",
    [
        ROWS + COLUMNS < 70,
        RADIUS > 55,
        ROWS == 61,
        COLUMNS == 0,
        RADIUS < 12,
        (abs(ROWS - 20) < 2) & (abs(COLUMNS - 90) < 2),
        np.maximum(abs(ROWS - 60), abs(COLUMNS - 60)) > 25,
    ],
    ids=["corner", "outside a disc", "row", "column", "disc", "3 x 3 island", "frame"],
)
def test_areas_of_one_value_are_unknown(sky, area, fill):
    sky[area] = fill
    np.testing.assert_array_equal(unknown_pixels(sky), area)


def test_diagonal_stripe_of_zeros_is_unknown(sky):
    sky[ROWS == COLUMNS] = 0
    np.testing.assert_array_equal(unknown_pixels(sky), ROWS == COLUMNS)


def test_nan_infinite_and_zero_areas_together(sky):
    sky[:, :20], sky[:, 100:], sky[:10], sky[110:] = np.nan, 0, np.inf, -np.inf
    expected = (COLUMNS < 20) | (COLUMNS >= 100) | (ROWS < 10) | (ROWS >= 110)
    np.testing.assert_array_equal(unknown_pixels(sky), expected)


def test_single_zeros_are_measurements(sky):
    sky[3::10, 4::10] = 0
    sky[7, 7:9] = 0
    assert not unknown_pixels(sky).any()


@pytest.mark.parametrize("value", [0.0, 3.0, -1e20])
def test_map_of_one_value_is_unknown(value):
    assert unknown_pixels(np.full((20, 30), value)).all()


@pytest.mark.parametrize("threshold", [2, 3, 5])
@pytest.mark.parametrize("both_signs", [False, True])
def test_zeros_of_a_map_whose_noise_was_blanked_are_sky(sky, threshold, both_signs):
    sky[(abs(sky) if both_signs else sky) <= threshold * SIGMA] = 0
    assert (sky == 0).mean() > 0.8
    assert not unknown_pixels(sky).any()


def test_zeros_of_a_simulation_without_noise_are_sky():
    field = gaussian((SIZE, SIZE), 50, 60, 9, peak=60).astype(np.float32)  # 0 where it underflows
    field[field < 1e-30] = 0
    assert 0.05 < (field == 0).mean() < 0.95
    assert not unknown_pixels(field).any()
    flat = np.zeros((SIZE, SIZE))
    flat[50:60, 40:80] = 1.0
    assert not unknown_pixels(flat).any()


def test_zeros_of_clean_components_are_sky():
    random = np.random.default_rng(2)
    field = np.zeros((SIZE, SIZE))
    rows, columns = random.integers(40, 80, (2, 400))
    field[rows, columns] = random.normal(0.2, 1, 400)
    assert not unknown_pixels(field).any()


def test_zeros_around_a_convolved_model_of_both_signs_are_sky():
    field = gaussian((SIZE, SIZE), 45, 60, 12) - 0.8 * gaussian((SIZE, SIZE), 75, 60, 12)
    field[np.abs(field) < 3e-4] = 0  # the kernel ends at four standard deviations
    assert not unknown_pixels(field).any()


@pytest.mark.parametrize("step", [0.25, 1.0])
def test_noise_rounded_to_coarse_steps_is_known_and_a_corner_of_zeros_is_not(sky, step):
    rounded = np.round(sky / (step * SIGMA)).astype(np.int16)
    assert not unknown_pixels(rounded).any()
    corner = ROWS + COLUMNS < 100
    rounded[corner] = 0
    unknown = unknown_pixels(rounded)
    # A slanted border is followed in blocks of 12 x 12 pixels.
    assert np.count_nonzero(unknown != corner) < 0.1 * np.count_nonzero(corner)
    assert unknown[:38, :38].all()
    assert not unknown[60:, 60:].any()


def test_real_fields_are_known_but_for_nan(data_dir):
    from astropy.io import fits

    for path in sorted((data_dir / "fits").glob("*.fits")):
        field = fits.getdata(path)
        np.testing.assert_array_equal(unknown_pixels(field), np.isnan(field))
