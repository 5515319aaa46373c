"""The source alone: other islands black, and the source's brightest pixel white."""

from dataclasses import fields

import numpy as np
import pytest
from support.synthetic_maps import gaussian, noise
from support.tiny_model_file import radio_galaxy

from keras_astroattn.images import cutout_from_array, cutout_from_field, source_alone

SIGMA = 1e-4


def two_islands() -> np.ndarray:
    """(150, 150) uint8: a source in the middle, and a brighter one 70 pixels from it."""
    image = np.zeros((150, 150), np.uint8)
    image[74, 73:77] = [20, 100, 51, 7]
    image[74, 3:7] = [60, 255, 255, 60]
    return image


def a_map(neighbour: float = 0.0) -> np.ndarray:
    """(300, 300) map in noise of `SIGMA`: a source of 80 sigma, and a neighbour of any peak."""
    field = noise((300, 300), SIGMA, seed=4)
    for x, peak in ((149.5, 80), (200, neighbour)):
        field += gaussian((300, 300), x, 149.5, 9, peak=peak * SIGMA, scale=1.8).astype("f4")
    return field


def cut(field):
    return cutout_from_field(field, 1.8, 5.4, noise=SIGMA)


def test_another_island_is_black_and_the_source_is_stretched():
    expected = np.zeros((150, 150), np.uint8)
    # 255 / 100 of 20, 51 and 7 are 51, 130.05 and 17.85.
    expected[74, 73:77] = [51, 255, 130, 18]
    np.testing.assert_array_equal(source_alone(two_islands()), expected)


def test_halves_are_rounded_to_the_even_number():
    image = np.zeros((150, 150), np.uint8)
    image[74, 73:78] = [20, 170, 20, 3, 1]
    image[74, 3:7] = 255
    # 255 / 170 of 20, 3 and 1 are 30, 4.5 and 1.5. The browser page has the same test.
    np.testing.assert_array_equal(source_alone(image)[74, 73:78], [30, 255, 30, 4, 2])


def test_a_picture_of_the_source_alone_keeps_its_measured_values():
    cutout = cutout_from_array(two_islands())
    alone = cutout.source_alone()
    assert alone.network_input.dtype == np.float32
    values = [-0.6, 1, 5 / 255, -219 / 255]  # 2 p / 255 - 1 of 51, 255, 130 and 18
    np.testing.assert_allclose(alone.network_input[74, 73:77, 0], values, atol=1e-6)
    assert np.count_nonzero(alone.network_input != -1) == 4
    for one in fields(cutout):
        if one.name not in ("pixels", "network_input"):
            assert getattr(alone, one.name) is getattr(cutout, one.name)


def test_an_isolated_image_is_unchanged():
    image = np.zeros((150, 150), np.uint8)
    image[70:80, 74] = [1, 2, 90, 254, 255, 128, 64, 3, 2, 1]
    np.testing.assert_array_equal(source_alone(image), image)


@pytest.mark.parametrize("white", [255, 200, 170, 97])
def test_the_source_alone_of_the_source_alone_is_the_same(white):
    image = (radio_galaxy().astype(float) * (white / 250)).astype(np.uint8)
    image[5:8, 5:8] = 255
    once = source_alone(image)
    assert once.max() == 255
    assert not once[5:8, 5:8].any()
    np.testing.assert_array_equal(source_alone(once), once)


def test_real_numbers_are_rounded_to_grey_levels():
    image = two_islands()
    once = cutout_from_array(image).source_alone()
    for values in (image / np.float32(255), image / 127.5 - 1):
        np.testing.assert_array_equal(cutout_from_array(values).source_alone().pixels, once.pixels)


@pytest.mark.parametrize("neighbour", [0, 30, 3000])
def test_a_map_with_any_neighbour_gives_the_same_image(neighbour):
    alone, cutout = cut(a_map()), cut(a_map(neighbour))
    seen = cutout.source_alone()
    np.testing.assert_array_equal(seen.source_mask, alone.source_mask)
    # The recipe's stretch of the source's own pixels, truncated.
    brightness = np.where(alone.source_mask, alone.brightness, 0)
    np.testing.assert_array_equal(seen.pixels, np.floor(brightness / brightness.max() * 255))
    np.testing.assert_allclose(seen.network_input[..., 0], seen.pixels / 127.5 - 1, atol=1e-6)
    again = seen.source_alone()
    np.testing.assert_array_equal(again.network_input, seen.network_input)


def test_a_map_of_one_island_is_unchanged():
    field = np.where(a_map() > 8 * SIGMA, a_map(), np.float32(0))
    cutout = cut(field)
    np.testing.assert_array_equal(cutout.source_alone().network_input, cutout.network_input)


def test_without_a_source_nothing_changes():
    empty = cut(noise((300, 300), SIGMA, seed=4))
    assert empty.source_alone() is empty
    black = np.zeros((150, 150), np.uint8)
    np.testing.assert_array_equal(source_alone(black), black)


def test_an_image_of_a_data_set_may_be_lit_in_any_part():
    # A simulated map whose noise is shown: `cutout_from_array` refuses such a picture.
    image = np.full((150, 150), 3, np.uint8)
    image[::2] = 0
    image[74, 73:77] = [20, 100, 51, 7]
    alone = source_alone(image)
    assert alone[74, 74] == 255
    assert set(np.unique(alone[:70])) <= {0, 8}  # 255 / 100 of 3 is 7.65
