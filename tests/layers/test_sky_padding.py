import keras
import numpy as np
import pytest
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import SkyPadding

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("rest", [(3,), (8, 2)], ids=str)
def test_the_border_is_that_of_numpy_edge_padding(rest):
    f = np.random.default_rng(0).normal(size=(2, 5, 4, *rest)).astype("float32")
    expected = np.pad(f, [(0, 0), (1, 1), (1, 1)] + [(0, 0)] * len(rest), mode="edge")
    result = keras.ops.convert_to_numpy(SkyPadding()(f))
    np.testing.assert_array_equal(result, expected)


def test_half_precision_is_kept():
    padded = SkyPadding(dtype="mixed_float16")(np.ones((1, 3, 3, 1), "float32"))
    assert keras.backend.standardize_dtype(padded.dtype) == "float16"


def test_life_cycle(tmp_path):
    assert_layer_life_cycle(SkyPadding(), [(4, 4, 3)], tmp_path)
