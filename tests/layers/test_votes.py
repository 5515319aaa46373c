import keras
import numpy as np
import pytest
from support.backends import gradient
from support.life_cycle import assert_layer_life_cycle, to_numpy

from keras_astroattn.layers import VotesAggregation
from keras_astroattn.layers.votes import antialiased_matrix

pytestmark = pytest.mark.backend

# One gate at half the image's size, g at a quarter of it.
SHAPES = [(4, 4, 2), (4, 4), (2, 2, 3), (8, 8, 1)]


@pytest.mark.parametrize(("size", "target"), [(150, t) for t in (150, 75, 37, 18, 9)] + [(24, 3)])
def test_matrices_are_those_of_keras_antialiased_resizing(size, target):
    eye = np.eye(size, dtype="float32")[..., np.newaxis]
    resized = keras.ops.image.resize(
        eye, (target, size), interpolation="bilinear", antialias=True, data_format="channels_last"
    )
    expected = keras.ops.convert_to_numpy(resized)[..., 0]
    np.testing.assert_allclose(antialiased_matrix(size, target), expected, atol=1e-5)


def by_hand(weights=None):
    """An image of 4 x 4 with two bright pixels, a gate at its size, and g of one pixel."""
    layer = VotesAggregation(2)
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    a = np.full((1, 4, 4), 0.5, "float32")
    a[0, 0, 0] = 0.25
    g = np.full((1, 1, 1, 1), 7, "float32")
    image = np.full((1, 4, 4, 1), -1, "float32")
    image[0, 0, 0], image[0, 1, 1] = -1 + 2 / 255, 1  # one grey level is source too
    layer.build([array.shape for array in (x, a, g, image)])
    layer.dense.kernel.assign([[1, 0], [0, 2]])
    layer.dense.bias.assign([0.5, -1])
    norm = layer.batch_normalization
    norm.moving_mean.assign([1, 3])
    norm.moving_variance.assign([4 - 1e-5, 1 - 1e-5])
    norm.gamma.assign([1, 1])
    norm.beta.assign([0, 0.5])
    return to_numpy(layer([x, a, g, image], training=False))


def test_logits_computed_manually():
    logits, _, _ = by_hand()
    # v_1 = (0.25 * 0 + 0.5 * 5) / 0.75 = 10 / 3, normalized (10 / 3 - 1) / 2 = 7 / 6;
    # v_g = 7, normalized 7 - 3 + 0.5 = 4.5
    np.testing.assert_allclose(logits, [[7 / 6 + 0.5, 2 * 4.5 - 1]], rtol=1e-5)


def test_evidence_computed_manually():
    _, evidence, weights = by_hand()
    expected = np.zeros((4, 4, 2))
    # The gate's votes (x - 1) / 2 + 0.5 / 2 and -1 / 2, shared as 1 to 2; g's vote by the
    # triangle of its one pixel, which is flat between the pixels of the middle: of (0, 0) the
    # distance is 1.5 of 4 along both axes, of (1, 1) it is 0.5.
    expected[0, 0] += np.array([-0.25, -0.5]) / 3
    expected[1, 1] += np.array([2.25, -0.5]) * 2 / 3
    outer, inner = (1 - 1.5 / 4) ** 2, (1 - 0.5 / 4) ** 2
    for pixel, share in (((0, 0), outer), ((1, 1), inner)):
        expected[pixel] += np.array([0.25, 8.5]) * share / (outer + inner)
    np.testing.assert_allclose(evidence[0], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(weights[0][[0, 1], [0, 1]], [0.25, 0.5])
    assert np.count_nonzero(weights) == 2


def random_inputs(black=False):
    random = np.random.default_rng(1)
    arrays = [random.uniform(0, 1, (3, *shape)).astype("float32") for shape in SHAPES]
    arrays[-1][...] = np.where(random.uniform(0, 1, arrays[-1].shape) < 0.3, 0.5, -1)
    if black:
        arrays[-1][...] = -1
    return arrays


def trained():
    layer = VotesAggregation(3)
    arrays = random_inputs()
    for _ in range(3):
        layer(arrays, training=True)
    layer.dense.bias.assign([0.5, -1, 2])
    return layer


def test_evidence_adds_up_to_the_logits_and_is_zero_off_the_source():
    arrays = random_inputs()
    logits, evidence, _ = to_numpy(trained()(arrays, training=False))
    np.testing.assert_allclose(evidence.sum(axis=(1, 2)), logits, rtol=1e-4, atol=1e-5)
    assert not evidence[arrays[-1][..., 0] == -1].any()
    assert np.abs(evidence[arrays[-1][..., 0] > -1]).min() > 0


def test_a_gate_without_attention_on_the_source_has_no_vote():
    arrays = random_inputs()
    arrays[1][...] = 0
    logits, evidence, _ = to_numpy(trained()(arrays, training=False))
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(evidence.sum(axis=(1, 2)), logits, rtol=1e-4, atol=1e-5)


def test_a_black_image_gives_the_bias_no_evidence_and_finite_gradients():
    layer, arrays = trained(), random_inputs(black=True)
    logits, evidence, weights = to_numpy(layer(arrays, training=False))
    np.testing.assert_array_equal(logits, [[0.5, -1, 2]] * 3)
    assert not evidence.any()
    assert not weights.any()
    for number in range(2):

        def loss(values, number=number):
            tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
            tensors[number] = values
            logits, evidence, _ = layer(tensors, training=False)
            return keras.ops.sum(logits) + keras.ops.sum(evidence)

        assert np.isfinite(gradient(loss, arrays[number])).all()


def test_half_precision_features_give_float32():
    arrays = random_inputs()
    arrays[0] = arrays[0].astype("float16")
    logits, evidence, weights = trained()(arrays, training=False)
    for value in (logits, evidence, weights):
        assert keras.backend.standardize_dtype(value.dtype) == "float32"


def test_life_cycle(tmp_path):
    layer = VotesAggregation(num_classes=3, dropout=0.1)
    assert_layer_life_cycle(layer, SHAPES, tmp_path, as_list=True)
