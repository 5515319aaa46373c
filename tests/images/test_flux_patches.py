import numpy as np
import pytest
from scipy import ndimage

from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.errors import InputError
from keras_astroattn.images import REST, flux_patches
from keras_astroattn.images.flux_patches import _is_one_piece

CORNERS_TOO = np.ones((3, 3))


def fluxes(image, labels):
    return np.array([image[labels == one].sum() for one in range(1, labels.max() + 1)], float)


def pieces(mask):
    return ndimage.label(mask, CORNERS_TOO)[1]


def test_a_row_of_pixels_is_cut_into_equal_runs_in_their_order():
    image = np.zeros((3, 14), np.uint8)
    image[1, 1:13] = 7
    labels = flux_patches(image, 4)
    runs = labels[1, 1:13]
    assert sorted(np.bincount(runs)[1:]) == [3, 3, 3, 3]
    assert np.count_nonzero(np.diff(runs)) == 3
    assert not labels[image == 0].any()


def ring(size=40):
    y, x = np.indices((size, size)) - size / 2 + 0.5
    return np.where(np.abs(np.hypot(x, y) - 13) < 3, 40, 0).astype(np.uint8)


def blob(size=40):
    y, x = np.indices((size, size)) - size / 2
    brightness = 255 * np.exp(-(x**2 / 60 + y**2 / 200))
    return np.where(brightness > 8, brightness, 0).astype(np.uint8)


def cross(size=41):
    image = np.zeros((size, size), np.uint8)
    image[18:23, 2:39] = image[2:39, 18:23] = 30
    return image


@pytest.mark.parametrize("shape", [ring, blob, cross])
@pytest.mark.parametrize("count", [2, 5, 10])
def test_patches_of_one_island_are_connected_and_equal_to_a_pixel(shape, count):
    image = shape()
    labels = flux_patches(image, count)
    np.testing.assert_array_equal(labels > 0, image > 0)
    assert labels.max() == count
    assert [pieces(labels == one) for one in range(1, count + 1)] == [1] * count
    assert np.ptp(fluxes(image, labels)) <= image.max()


def test_islands_share_the_patches_by_their_flux_and_specks_are_none():
    image = np.zeros((20, 20), np.uint8)
    image[2:5, 2:12] = 20  # 600 of 1010
    image[10:12, 2:12] = 20  # 400
    image[18, 18] = 10
    labels = flux_patches(image, 10)
    assert labels[18, 18] == REST
    assert len(np.unique(labels[2:5, 2:12])) == 6
    assert len(np.unique(labels[10:12, 2:12])) == 4
    np.testing.assert_array_equal(fluxes(image, labels), 100)


def test_a_patch_is_at_least_a_pixel():
    image = np.zeros((4, 4), np.uint8)
    image[1, 1], image[1, 2], image[2, 2] = 250, 5, 5
    labels = flux_patches(image, 10)
    assert sorted(labels[image > 0]) == [1, 2, 3]


def test_the_brightest_of_many_specks_is_a_patch():
    image = np.zeros((30, 30), np.uint8)
    image[::3, ::3] = 10
    image[15, 15] = 11
    labels = flux_patches(image, 10)
    assert labels[15, 15] == 1
    assert np.count_nonzero(labels == REST) == 99


def test_patches_of_radio_galaxies():
    for image in simulate(12, seed=4).image:
        labels = flux_patches(image)
        np.testing.assert_array_equal(labels != 0, image > 0)
        assert all(pieces(labels == one) == 1 for one in range(1, labels.max() + 1))
        shares = fluxes(image, labels) / image.sum(dtype=float)
        # 10 patches; an island of 0.5 to 1.5 of them is one
        assert shares.min() > 0.045
        assert shares.max() < 0.155


@pytest.mark.parametrize(
    ("image", "count", "message"),
    [
        (np.zeros((5, 5)), 10, "empty"),
        (np.array([[1.0, np.nan]]), 10, "infinite"),
        (np.array([[1.0, -1.0]]), 10, "negative"),
        (np.ones(5), 10, "cut into"),
        (np.ones((5, 5)), 0, "0 patches"),
    ],
)
def test_what_cannot_be_cut(image, count, message):
    with pytest.raises(InputError, match=message):
        flux_patches(image, count)


@pytest.mark.parametrize("density", [0.3, 0.5, 0.8])
def test_connected_masks_are_those_of_one_label(density):
    random = np.random.default_rng(3)
    found = []
    for height, width in random.integers(3, 8, (60, 2)):
        mask = np.pad(random.random((height, width)) < density, 1)
        found.append(_is_one_piece(mask))
        assert found[-1] == (pieces(mask) <= 1)
    assert len(set(found)) == 2
    assert _is_one_piece(np.zeros((4, 4), bool))
