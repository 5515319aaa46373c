import keras
import numpy as np
import pytest
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import AGGREGATIONS

pytestmark = pytest.mark.backend

# One image; two gates of two and one channels.
VECTORS = [np.array([[1, 2]], "float32"), np.array([[3]], "float32")]
SHAPES = [(1, 2), (1, 1)]
KERNEL_1 = [[1, 0], [1, -1]]  # (1, 2) -> (3, -2)
KERNEL_2 = [[2, -3]]  # (3) -> (6, -9)
KERNEL = [[1, 2], [3, 4], [5, 6]]  # (1, 2, 3) -> (22, 28)


def aggregated(name, **weights):
    layer = AGGREGATIONS[name]()
    layer.build(SHAPES)
    if hasattr(layer, "dense_per_gate"):
        first, second = layer.dense_per_gate
        first.kernel.assign(KERNEL_1)
        first.bias.assign([0.5, 0.5])
        second.kernel.assign(KERNEL_2)
        second.bias.assign([0, 1])
    if hasattr(layer, "dense"):
        layer.dense.kernel.assign(weights.get("kernel", KERNEL))
        layer.dense.bias.assign([0.1, 0.2])
    return keras.ops.convert_to_numpy(layer(VECTORS))


def test_concat_computed_manually():
    np.testing.assert_allclose(aggregated("concat"), [[22.1, 28.2]], rtol=1e-6)


def test_mean_computed_manually():
    # (3.5, -1.5) and (6, -8)
    np.testing.assert_allclose(aggregated("mean"), [[4.75, -4.75]])


def test_deep_sup_computed_manually():
    # the two above and (22.1, 28.2)
    np.testing.assert_allclose(aggregated("deep_sup"), [[31.6 / 3, 18.7 / 3]], rtol=1e-6)


def test_ft_computed_manually():
    # relu leaves (3.5, 0) and (6, 0); the negative votes must not count
    kernel = [[1, -1], [100, 100], [2, 3], [100, 100]]
    np.testing.assert_allclose(aggregated("ft", kernel=kernel), [[15.6, 14.7]], rtol=1e-6)


def test_concat_gating_normalizes_before_the_dense_layer():
    layer = AGGREGATIONS["concat_gating"]()
    layer.build(SHAPES)
    layer.batch_normalization.moving_mean.assign([1, 1, 1])
    layer.batch_normalization.moving_variance.assign([1 - 1e-5, 4 - 1e-5, 4 - 1e-5])
    layer.batch_normalization.gamma.assign([1, 2, 1])
    layer.batch_normalization.beta.assign([0, 0, 1])
    layer.dense.kernel.assign(KERNEL)
    layer.dense.bias.assign([0.1, 0.2])
    # ((1, 2, 3) - 1) / (1, 2, 2) * (1, 2, 1) + (0, 0, 1) = (0, 1, 2)
    expected = [[3 + 10 + 0.1, 4 + 12 + 0.2]]
    result = keras.ops.convert_to_numpy(layer(VECTORS, training=False))
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_concat_gating_learns_the_statistics_while_training():
    layer = AGGREGATIONS["concat_gating"]()
    values = np.array([[0.0], [2.0]], "float32")
    layer([values], training=True)
    # 0.9 of the initial (0, 1) and 0.1 of the batch's mean 1 (and variance 1)
    statistics = layer.batch_normalization
    np.testing.assert_allclose(keras.ops.convert_to_numpy(statistics.moving_mean), [0.1], rtol=1e-6)
    layer([values], training=False)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(statistics.moving_mean), [0.1], rtol=1e-6)


# Of three classes, from vectors of 4 and 3 values: hand counts, each dense with bias.
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("concat", 7 * 3 + 3),
        ("mean", (4 * 3 + 3) + (3 * 3 + 3)),
        ("deep_sup", (4 * 3 + 3) + (3 * 3 + 3) + (7 * 3 + 3)),
        ("ft", (4 * 3 + 3) + (3 * 3 + 3) + (6 * 3 + 3)),
        ("concat_gating", 2 * 7 + (7 * 3 + 3)),
    ],
)
def test_numbers_of_weights_and_logits(name, weights):
    layer = AGGREGATIONS[name](num_classes=3)
    logits = layer([np.ones((5, 4), "float32"), np.ones((5, 3), "float32")])
    assert tuple(logits.shape) == (5, 3)
    assert sum(int(np.prod(w.shape)) for w in layer.trainable_weights) == weights


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_logits_are_float32_under_another_policy(name, half_precision):
    layer = AGGREGATIONS[name]()
    # 1 + 2**-12 is 1 in float16
    logits = layer([np.full((1, 2), 1 + 2**-12, "float32")])
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert all(keras.backend.standardize_dtype(w.dtype) == "float32" for w in layer.weights)
    exact = AGGREGATIONS[name]()
    exact.build([(1, 2)])
    exact.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(logits),
        keras.ops.convert_to_numpy(exact([np.full((1, 2), 1 + 2**-12, "float32")])),
    )


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_life_cycle(name, tmp_path):
    layer = AGGREGATIONS[name](num_classes=3)
    assert_layer_life_cycle(layer, [(4,), (3,)], tmp_path, as_list=True)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_life_cycle_of_one_vector(name, tmp_path):
    assert_layer_life_cycle(AGGREGATIONS[name](), [(4,)], tmp_path, as_list=True)
