"""`rotate_image` against numpy, scipy, and `layers.Rotate`."""

import numpy as np
import pytest
import scipy.ndimage

from keras_astroattn.images import rotate_image, tta_angles

IMAGE = np.random.default_rng(5).uniform(-1, 1, (12, 12)).astype("float32")


def test_four_turns_are_within_a_quarter():
    assert tta_angles(4) == (0.0, 22.5, 45.0, 67.5)
    assert tta_angles(1) == (0.0,)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_numpys(quarters):
    np.testing.assert_allclose(
        rotate_image(IMAGE, 90.0 * quarters), np.rot90(IMAGE, quarters), atol=1e-6
    )


@pytest.mark.parametrize("angle", [22.5, 45.0, 67.5, -30.0])
def test_other_turns_are_scipys(angle):
    expected = scipy.ndimage.rotate(IMAGE, angle, reshape=False, order=1, mode="nearest")
    inside = (slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(rotate_image(IMAGE, angle)[inside], expected[inside], atol=1e-5)


def test_black_comes_from_outside():
    np.testing.assert_array_equal(rotate_image(IMAGE, 45.0)[[0, 0, -1, -1], [0, -1, 0, -1]], -1)


def test_kind_and_shape_are_kept():
    found = rotate_image(IMAGE.astype("float64")[:, :10], 30.0)
    assert (found.dtype, found.shape) == (np.float32, (12, 10))
