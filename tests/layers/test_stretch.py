import keras
import numpy as np
import pytest
from support.backends import gradient
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import STRETCHES, Stretch

pytestmark = pytest.mark.backend


def test_square_root_computed_manually():
    # brightness 0, 1/4, 9/16, 1; black is lifted by twice the root of 1e-6
    x = np.array([-1, -0.5, 0.125, 1], "float32")
    result = keras.ops.convert_to_numpy(Stretch("sqrt")(x))
    np.testing.assert_allclose(result, [-0.998, 0, 0.5, 1], atol=1e-6)


def test_linear_keeps_the_image():
    x = np.array([-1, 0.3, 1], "float32")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(Stretch("linear")(x)), x)


def test_gradient_at_black_is_finite():
    layer = Stretch("sqrt")
    slope = gradient(lambda x: keras.ops.sum(layer(x)), np.array([-1, -1.5, -0.5], "float32"))
    assert np.isfinite(slope).all()
    # d/dx of 2 sqrt((x + 1) / 2) is 1 / sqrt((x + 1) * 2) = 1 at -0.5
    assert slope[2] == pytest.approx(1, rel=1e-5)


def test_unknown_stretch_is_named():
    with pytest.raises(ValueError, match="stretch must be one of linear, sqrt; got 'log'"):
        Stretch("log")


@pytest.mark.parametrize("stretch", STRETCHES)
def test_life_cycle(stretch, tmp_path):
    assert_layer_life_cycle(Stretch(stretch), [(4, 5, 1)], tmp_path)
