"""The noise of windows that share pixels is that of each window alone, to the last bit."""

import numpy as np
import pytest
from support.synthetic_maps import gaussian, noise

from keras_astroattn.images.sky_noise import measure_sky_noise
from keras_astroattn.images.window_noise import WindowNoise

BEAM_AREA = 10.0
SHAPE = (420, 400)


def alone(field, left, top):
    """The noise of the pixels of a window, which is not shared with another one."""
    part = field[max(top, 0) : max(top + 300, 0), max(left, 0) : max(left + 300, 0)]
    return measure_sky_noise(np.ascontiguousarray(part), 300 * 300, BEAM_AREA)


def map_with_sources(dtype=np.float32):
    field = noise(SHAPE, 1e-4, seed=5).astype(np.float64)
    for x, y in ((200, 210), (52, 40), (349, 351), (20, 300)):
        field += gaussian(SHAPE, x, y, 8.0, peak=0.05, scale=1.8)
    return field.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_noise_of_near_windows_is_that_of_each_alone(dtype):
    field = map_with_sources(dtype)
    shared = WindowNoise(field, BEAM_AREA)
    for left, top in ((50, 60), (52, 57), (43, 75), (50, 60), (-30, 60), (-30, 120), (120, 130)):
        estimate, _ = shared.estimated(left, top)
        expected = alone(field, left, top)
        assert shared.measured(left, top) == expected
        assert estimate == pytest.approx(expected[0], rel=1e-6)


def test_unknown_pixels_and_repeated_values_leave_the_noise_as_it_is_alone():
    field = np.round(map_with_sources(), 5)  # many values occur in both windows
    field[:, 100:130] = np.nan
    field[350:, 200] = np.inf
    shared = WindowNoise(field, BEAM_AREA)
    for left, top in ((50, 60), (61, 71), (60, 50), (80, 80)):
        assert shared.measured(left, top) == alone(field, left, top)


def test_a_map_in_si_units_has_the_noise_of_each_window():
    field = map_with_sources() * np.float32(1e-26)
    shared = WindowNoise(field, BEAM_AREA)
    for left, top in ((50, 60), (53, 61)):
        assert shared.measured(left, top) == alone(field, left, top)


def test_a_scaled_window_is_no_start_for_one_that_is_not():
    # The first window is too faint for float32 squares; the last columns of the second are not.
    field = map_with_sources()
    field[:, :352] *= np.float32(1e-26)
    shared = WindowNoise(field, BEAM_AREA)
    for left, top in ((50, 60), (60, 60), (50, 60)):
        assert shared.measured(left, top) == alone(field, left, top)


def test_a_window_without_known_pixels_has_no_noise():
    field = map_with_sources()
    field[:, 300:] = np.nan
    shared = WindowNoise(field, BEAM_AREA)
    assert np.isnan(shared.measured(300, 60)[0])
    assert np.isnan(shared.measured(1000, 60)[0])
    assert shared.measured(50, 60) == alone(field, 50, 60)


def plainly_clipped(values):
    """The noise by the recipe: five times, drop the values beyond 3 sigma of the median."""
    for _ in range(5):
        values = values[np.abs(values - np.median(values)) <= 3 * values.std()]
    return values.std()


@pytest.mark.parametrize("brightness", [1e4, 1e6, 1e10, -1e11])
def test_a_pixel_of_a_wrong_value_does_not_change_the_noise_around_it(brightness):
    field = noise(SHAPE, 1e-4, seed=5)
    field[200, 60] = brightness
    shared = WindowNoise(field, BEAM_AREA)
    for left in (40, 60, 80, 100):  # the last two windows do not hold the pixel
        expected = plainly_clipped(field[60:360, left : left + 300].ravel())
        assert shared.estimated(left, 60)[0] == pytest.approx(expected, rel=1e-6)
        assert shared.measured(left, 60)[0] == pytest.approx(expected, rel=1e-6)
