import functools

import keras
import numpy as np
import pytest
from backends import gradient
from life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import SourceCorrelation

pytestmark = pytest.mark.backend

RANDOM = np.random.default_rng(3)
MAPS = RANDOM.uniform(0, 1, (4, 8, 8)).astype("float32")
IMAGES = np.where(RANDOM.uniform(0, 1, (4, 8, 8, 1)) < 0.3, 0.5, -1).astype("float32")


def correlation(maps, images):
    tensors = [keras.ops.convert_to_tensor(each) for each in (maps, images)]
    return keras.ops.convert_to_numpy(SourceCorrelation(0.3).correlation(*tensors))


def test_correlation_is_pearsons_with_what_is_brighter_than_black():
    expected = [
        np.corrcoef(a.ravel(), (image > -1).ravel())[0, 1]
        for a, image in zip(MAPS, IMAGES, strict=True)
    ]
    np.testing.assert_allclose(correlation(MAPS, IMAGES), expected, atol=1e-5)


def test_one_grey_level_is_source_and_how_bright_is_all_the_same():
    faint = np.where(IMAGES > -1, -1 + 2 / 255, -1).astype("float32")
    np.testing.assert_allclose(correlation(MAPS, faint), correlation(MAPS, IMAGES), atol=1e-6)


def test_a_coarser_map_is_compared_with_the_source_at_its_resolution():
    image = np.full((1, 32, 32, 1), -1, "float32")
    image[:, 8:24, 8:16] = 0.0
    marked = np.zeros((1, 8, 8), "float32")
    marked[:, 2:6, 2:4] = 1.0
    assert correlation(marked, image)[0] > 0.9  # the edges are smoothed
    np.testing.assert_allclose(correlation(1 - marked, image), -correlation(marked, image))


def test_no_brightness_and_no_contrast_correlate_with_nothing():
    black, flat = np.full_like(IMAGES, -1), np.full_like(MAPS, 0.5)
    np.testing.assert_array_equal(correlation(MAPS, black), 0)
    np.testing.assert_array_equal(correlation(flat, IMAGES), 0)
    for images, maps in ((black, MAPS), (IMAGES, flat)):
        rho = functools.partial(
            SourceCorrelation(0.3).correlation, image=keras.ops.convert_to_tensor(images)
        )
        slope = gradient(lambda a, rho=rho: keras.ops.sum(rho(a)), maps)
        assert np.isfinite(slope).all()


def test_the_map_stays_as_it_is_and_the_loss_is_of_training():
    layer = SourceCorrelation(0.3)
    for training, count in ((False, 0), (True, 1)):
        given = layer((MAPS, IMAGES), training=training)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(given), MAPS)
        assert len(layer.losses) == count


def test_the_loss_is_what_is_missing_and_nothing_from_the_least_on():
    bright = (IMAGES[..., 0] > -1).astype("float32")
    maps = np.stack([bright[0], 1 - bright[1], bright[2], 1 - bright[3]])  # rho 1, -1, 1, -1
    layer = SourceCorrelation(0.3)
    layer((maps, IMAGES), training=True)
    # (0 + 1.3 + 0 + 1.3) / 4
    assert float(layer.losses[0]) == pytest.approx(0.65, abs=1e-5)


@pytest.mark.parametrize("least", [0, 1, -0.2, float("nan")])
def test_a_least_correlation_that_means_nothing_is_named(least):
    with pytest.raises(ValueError, match="least must be above 0 and below 1; got"):
        SourceCorrelation(least)


def test_life_cycle(tmp_path):
    shapes = [(4, 4), (8, 8, 1)]
    assert_layer_life_cycle(SourceCorrelation(0.3), shapes, tmp_path, as_list=True)
