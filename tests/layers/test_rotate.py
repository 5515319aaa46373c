import keras
import numpy as np
import pytest
import scipy.ndimage
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import Rotate

pytestmark = pytest.mark.backend

IMAGES = np.random.default_rng(5).uniform(-1, 1, (2, 12, 12, 1)).astype("float32")


def turned(angle):
    return keras.ops.convert_to_numpy(Rotate(angle)(IMAGES))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_numpys(quarters):
    np.testing.assert_allclose(
        turned(90.0 * quarters), np.rot90(IMAGES, quarters, axes=(1, 2)), atol=1e-5
    )


@pytest.mark.parametrize("angle", [22.5, 45.0, 67.5, -30.0])
def test_other_turns_are_scipys(angle):
    expected = scipy.ndimage.rotate(
        IMAGES, angle, axes=(1, 2), reshape=False, order=1, mode="grid-constant", cval=-1.0
    )
    np.testing.assert_allclose(turned(angle), expected, atol=1e-4)


def test_black_comes_from_outside():
    corners = turned(45.0)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, -1, atol=1e-6)


def test_life_cycle(tmp_path):
    assert_layer_life_cycle(Rotate(22.5), [(6, 6, 1)], tmp_path)
