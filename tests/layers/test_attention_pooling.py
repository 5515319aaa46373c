import keras
import numpy as np
import pytest
from support.backends import gradient
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import POOLINGS, AttentionPooling

pytestmark = pytest.mark.backend

# One image of 1 x 3 pixels and two channels; a map with a negative value.
X = np.array([[[[1, 10], [2, 20], [4, -40]]]], "float32")
A = np.array([[[0.5, 0.25, -0.25]]], "float32")
ATTENDED = X * A[..., None]


def pooled(pooling, attended, a, **options):
    return keras.ops.convert_to_numpy(AttentionPooling(pooling, **options)((attended, a)))


def test_sum_computed_manually():
    # 0.5 + 0.5 - 1 and 5 + 5 + 10
    np.testing.assert_allclose(pooled("sum", ATTENDED, A), [[0, 20]])


def test_weighted_mean_computed_manually():
    # the same, over |0.5| + |0.25| + |-0.25| = 1; over 4 for a map four times as strong
    np.testing.assert_allclose(pooled("weighted_mean", ATTENDED, A), [[0, 20]])
    np.testing.assert_allclose(pooled("weighted_mean", ATTENDED, 4 * A), [[0, 5]])


def test_weighted_mean_does_not_grow_with_the_map():
    small, large = np.ones((1, 4, 4, 1), "float32"), np.ones((1, 8, 8, 1), "float32")
    assert pooled("weighted_mean", small, small[..., 0]) == pytest.approx(1)
    assert pooled("weighted_mean", large, large[..., 0]) == pytest.approx(1)
    assert pooled("sum", large, large[..., 0]) == pytest.approx(64)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_map_of_zeros_gives_zeros_with_finite_gradient(pooling):
    zeros = np.zeros_like(A)
    np.testing.assert_array_equal(pooled(pooling, 0 * ATTENDED, zeros), [[0, 0]])
    layer = AttentionPooling(pooling)
    x = keras.ops.convert_to_tensor(X)
    slope = gradient(lambda a: keras.ops.sum(layer((x * keras.ops.expand_dims(a, -1), a))), zeros)
    assert np.isfinite(slope).all()


def test_sums_in_float32_under_another_policy(half_precision):
    """90,000 ones overflow float16, whose largest number is 65,504."""
    ones = np.ones((1, 300, 300, 1), "float16")
    result = AttentionPooling("sum")((ones, ones[..., 0]))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    assert keras.ops.convert_to_numpy(result) == 90_000


def test_unknown_pooling_is_named():
    with pytest.raises(ValueError, match="pooling must be one of sum, weighted_mean; got 'max'"):
        AttentionPooling("max")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_life_cycle(pooling, tmp_path):
    layer = AttentionPooling(pooling)
    assert_layer_life_cycle(layer, [(4, 5, 3), (4, 5)], tmp_path, as_list=True)
