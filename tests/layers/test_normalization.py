import keras
import numpy as np
import pytest
from scipy import special
from support.backends import gradient
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import NORMALIZATIONS, SCOPES, AttentionNormalization

pytestmark = pytest.mark.backend

# Two images of 2 x 3 scores, of unequal ranges and maxima.
SCORES = np.array([[[1, 2, 3], [4, 5, 5]], [[-2, 0, 2], [6, 8, 4]]], "float32")


def attention(scores, normalization, scope="sample", **options):
    layer = AttentionNormalization(normalization, scope, **options)
    return keras.ops.convert_to_numpy(layer(np.asarray(scores, "float32")))


def test_range_norm_computed_manually():
    expected = [[[0, 0.25, 0.5], [0.75, 1, 1]], [[0, 0.2, 0.4], [0.8, 1, 0.6]]]
    np.testing.assert_allclose(attention(SCORES, "range_norm"), expected, rtol=1e-6)


def test_range_norm_by_hand_over_the_batch():
    # min -2 and max 8 of both images together
    expected = [[[0.3, 0.4, 0.5], [0.6, 0.7, 0.7]], [[0, 0.2, 0.4], [0.8, 1, 0.6]]]
    np.testing.assert_allclose(attention(SCORES, "range_norm", "batch"), expected, rtol=1e-6)


def test_std_mean_norm_divides_by_the_maximum_and_not_the_range():
    # ((s - 1) / 5 - 0.5) * 4 and ((s + 2) / 8 - 0.5) * 4
    expected = [[[-2, -1.2, -0.4], [0.4, 1.2, 1.2]], [[-2, -1, 0], [2, 3, 1]]]
    np.testing.assert_allclose(attention(SCORES, "std_mean_norm"), expected, atol=1e-6)


def test_std_mean_norm_by_hand_over_the_batch():
    # ((s + 2) / 8 - 0.5) * 4
    expected = [[[-0.5, 0, 0.5], [1, 1.5, 1.5]], [[-2, -1, 0], [2, 3, 1]]]
    np.testing.assert_allclose(attention(SCORES, "std_mean_norm", "batch"), expected, atol=1e-6)


def test_std_mean_norm_of_negative_scores():
    # max is -1: ((s + 5) / -1 - 0.5) * 4
    result = attention([[[-5, -3, -1]]], "std_mean_norm")
    np.testing.assert_allclose(result, [[[-2, -10, -18]]])


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("normalization", "function"),
    [
        ("softmax", lambda s: special.softmax(s, axis=(1, 2))),
        ("sigmoid", special.expit),
        ("tanh", np.tanh),
    ],
)
def test_pointwise_and_softmax_agree_with_scipy_in_either_scope(normalization, function, scope):
    expected = function(SCORES.astype("float64"))
    np.testing.assert_allclose(attention(SCORES, normalization, scope), expected, rtol=2e-6)


def test_softmax_of_large_scores_is_finite():
    result = attention([[[1000, 1000], [0, -1000]]], "softmax")
    np.testing.assert_allclose(result, [[[0.5, 0.5], [0, 0]]])


# Of four equal pixels of value 3, and of value 0.
CONSTANT = {
    "softmax": (0.25, 0.25),
    "sigmoid": (0.95257413, 0.5),
    "tanh": (0.99505475, 0.0),
    "range_norm": (0.0, 0.0),
    "std_mean_norm": (-2.0, -2.0),
}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_constant_scores_give_the_documented_map(normalization, scope):
    for score, expected in zip((3.0, 0.0), CONSTANT[normalization], strict=True):
        result = attention(np.full((2, 2, 2), score), normalization, scope)
        np.testing.assert_allclose(result, np.full((2, 2, 2), expected), rtol=1e-6)


def test_std_mean_norm_leaves_the_division_out_where_the_maximum_is_zero():
    result = attention([[[-3, -1, 0]]], "std_mean_norm")
    np.testing.assert_allclose(result, [[[-2, 6, 10]]])


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("scores", [np.zeros(3), np.full(3, 10.0), [-3.0, -1.0, 0.0]])
def test_gradient_is_finite_where_a_divisor_vanishes(normalization, scope, scores):
    layer = AttentionNormalization(normalization, scope)
    weights = keras.ops.convert_to_tensor([1.0, -2.0, 5.0])
    values = np.tile(np.asarray(scores, "float32"), (2, 1, 1))
    slope = gradient(lambda s: keras.ops.sum(layer(s) * weights), values)
    assert np.isfinite(slope).all()


def test_range_norm_has_the_gradient_of_the_formula():
    # a = (0, (s2 - s1) / (s3 - s1), 1) at s = (0, 1, 4): d a2 / d s = (-3/16, 1/4, -1/16)
    layer = AttentionNormalization("range_norm")
    values = np.array([[[0, 1, 4]]], "float32")
    slope = gradient(lambda s: layer(s)[0, 0, 1], values)
    np.testing.assert_allclose(slope, [[[-3 / 16, 1 / 4, -1 / 16]]], rtol=1e-6)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_sample_scope_does_not_see_the_other_images(normalization):
    # Batches of one size: the last bit of a vectorized sigmoid depends on its place in the array.
    with_one = attention(SCORES, normalization)[0]
    with_another = attention([SCORES[0], 100 * SCORES[1] - 7], normalization)[0]
    np.testing.assert_array_equal(with_one, with_another)


@pytest.mark.parametrize("normalization", ["range_norm", "std_mean_norm"])
def test_batch_scope_does(normalization):
    with_one = attention(SCORES, normalization, "batch")[0]
    with_another = attention([SCORES[0], 100 * SCORES[1] - 7], normalization, "batch")[0]
    assert np.abs(with_one - with_another).max() > 0.1


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_computes_in_float32_under_any_policy(normalization, half_precision):
    # Neighbouring float16 numbers at 2048 are 2 apart: these scores would be one.
    scores = [[[2048.0, 2048.25, 2049.0]]]
    layer = AttentionNormalization(normalization)
    result = layer(np.asarray(scores, "float32"))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    expected = attention(scores, normalization)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), expected)
    if normalization == "range_norm":
        np.testing.assert_array_equal(expected, [[[0, 0.25, 1]]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "range"}, "normalization must be one of softmax, .*got 'range'"),
        ({"normalization": None}, "normalization must be one of"),
        ({"scope": "image"}, "scope must be one of sample, batch; got 'image'"),
    ],
)
def test_unknown_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        AttentionNormalization(**options)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_life_cycle(normalization, scope, tmp_path):
    assert_layer_life_cycle(AttentionNormalization(normalization, scope), [(4, 5)], tmp_path)
