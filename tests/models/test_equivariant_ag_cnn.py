import keras
import numpy as np
import pytest
from support.life_cycle import assert_model_life_cycle
from support.small_networks import to_numpy, with_statistics

from keras_astroattn.models import EquivariantAGCNN, attention_model

pytestmark = pytest.mark.backend

SHAPE = (34, 34, 1)
IMAGES = np.random.default_rng(5).uniform(-1, 1, (2, *SHAPE)).astype("float32")


def small(**options):
    return EquivariantAGCNN(**{"input_shape": SHAPE, **options})


def turned(images, r, m):
    images = np.flip(images, axis=2) if m else images
    return np.rot90(images, r, axes=(1, 2)).copy()


@pytest.fixture(scope="module")
def network():
    model = with_statistics(small())
    for number in (1, 2, 3):  # scores of random weights saturate a sigmoid
        psi = model.get_layer(f"gate_{number}").psi
        psi.kernel.assign(0.1 * to_numpy(psi.kernel))
    return attention_model(model)


@pytest.mark.parametrize("m", [0, 1])
@pytest.mark.parametrize("r", range(4))
def test_logits_are_invariant_and_maps_equivariant(network, r, m):
    """34 pixels become 17, 8, 4 and 2: an odd size is pooled on the way, as in the real one."""
    expected = to_numpy(network(IMAGES))
    result = to_numpy(network(turned(IMAGES, r, m)))
    np.testing.assert_allclose(result.pop("logits"), expected["logits"], rtol=1e-5, atol=1e-5)
    for name, a in result.items():
        np.testing.assert_allclose(a, turned(expected[name], r, m), atol=1e-5, err_msg=name)
        assert np.ptp(expected[name]) > 1e-3


def test_the_real_size_is_invariant_too():
    model = with_statistics(EquivariantAGCNN())
    images = np.random.default_rng(6).uniform(-1, 1, (1, 150, 150, 1)).astype("float32")
    expected, result = to_numpy(model(images)), to_numpy(model(turned(images, 1, 1)))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    shift = to_numpy(model(np.roll(images, 1, axis=1)))
    assert np.abs(shift - expected).max() > 1e-4


# By hand: convolutions 81,828; batch normalizations 200; gates 1,057, 929 and 801;
# vectors of 12, 8, 4, 20 and 20 values, normalized, and one dense layer.
@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, 82_028 + 2_787 + 64 * 2 + 64 * 2 + 2),
        ({"gates": 1}, 82_028 + 1_057 + 52 * 2 + 52 * 2 + 2),
        ({"aggregation": "concat"}, 82_028 + 2_787 + 24 * 2 + 2),
    ],
    ids=str,
)
def test_number_of_trainable_parameters(options, weights):
    model = EquivariantAGCNN(**options)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == weights < 102_000


def test_sizes_of_the_maps():
    shapes = {
        name: output.shape for name, output in attention_model(EquivariantAGCNN()).output.items()
    }
    assert shapes == {
        "logits": (None, 2),
        "attention_1": (None, 18, 18),
        "attention_2": (None, 37, 37),
        "attention_3": (None, 75, 75),
        "attention_mean": (None, 150, 150),
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "range_norm", "aggregation": "deep_sup", "pooling": "sum", "gates": 2},
        {"stretch": "linear", "dropout": 0.5, "gates": 1, "dtype": "mixed_float16"},
    ],
    ids=str,
)
def test_life_cycle(options, tmp_path):
    model = small(**options)
    assert_model_life_cycle(model, IMAGES, np.array([0, 1]), tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gates": 0}, "gates must be one of 1, 2, 3; got 0"),
        ({"input_shape": (35, 35, 1)}, "a square of an even size"),
        ({"input_shape": (40, 36, 1)}, "a square of an even size"),
        ({"input_shape": (16, 16, 1)}, "at least 32 x 32 pixels"),
        ({"normalization": "relu"}, "normalization must be one of"),
    ],
    ids=str,
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_predictions_do_not_depend_on_the_batch(network):
    np.testing.assert_allclose(
        to_numpy(network(IMAGES[:1]))["logits"],
        to_numpy(network(IMAGES))["logits"][:1],
        rtol=1e-5,
        atol=1e-5,
    )


def test_it_ends_in_logits():
    assert keras.activations.linear is small().layers[-1].dense.activation
