import keras
import numpy as np
import pytest
from support.life_cycle import assert_model_life_cycle, save_and_load, to_numpy
from support.small_networks import with_statistics

from keras_astroattn.models import AGCNN, EquivariantAGCNN, attention_model, evidence_model

pytestmark = pytest.mark.backend

SIZE = 48
OPTIONS = {
    "normalization": "sigmoid",
    "aggregation": "votes",
    "padding": "sky",
    "psi_bias": 0.0,
    "dropout": 0.0,
    "stretch": "sqrt",
}
KINDS = [AGCNN, EquivariantAGCNN]


def network(kind, size=SIZE, **options):
    model = with_statistics(kind(**{**OPTIONS, "input_shape": (size, size, 1), **options}))
    for number in (1, 2, 3):  # scores of random weights saturate a sigmoid
        psi = model.get_layer(f"gate_{number}").psi
        psi.kernel.assign(0.1 * to_numpy(psi.kernel))
    return model


def sources(size=SIZE, corner=18):
    """Three sources of 12 x 12 pixels on black sky."""
    images = np.full((3, size, size, 1), -1, "float32")
    inside = slice(corner, corner + 12)
    images[:, inside, inside] = np.random.default_rng(3).uniform(-0.9, 1, (3, 12, 12, 1))
    return images


@pytest.fixture(scope="module", params=KINDS)
def evidence(request):
    return evidence_model(network(request.param))


def test_outputs_have_the_documented_names_and_shapes():
    outputs = evidence_model(EquivariantAGCNN(aggregation="votes")).output
    assert {name: tensor.shape for name, tensor in outputs.items()} == {
        "logits": (None, 2),
        "evidence": (None, 150, 150, 2),
        "attention_1": (None, 18, 18),
        "attention_2": (None, 37, 37),
        "attention_3": (None, 75, 75),
        "attention_mean": (None, 150, 150),
    }
    assert {tensor.dtype for tensor in outputs.values()} == {"float32"}


def test_evidence_adds_up_to_the_logits_and_is_zero_on_the_sky(evidence):
    images = sources()
    found = to_numpy(evidence(images, training=False))
    size = np.abs(found["logits"]).max()
    np.testing.assert_allclose(
        found["evidence"].sum(axis=(1, 2)), found["logits"], atol=1e-4 * size
    )
    assert not found["evidence"][images[..., 0] == -1].any()
    assert np.abs(found["evidence"]).max() > 1e-3


def test_attention_is_the_weight_of_the_votes_and_zero_far_from_the_source(evidence):
    found = to_numpy(evidence(sources(), training=False))
    finest = found["attention_3"][0]
    near = finest[tuple(slice(n // 3, n // 3 * 2) for n in finest.shape)]
    assert near.sum() == pytest.approx(finest.sum(), rel=1e-2)


@pytest.mark.parametrize(("r", "m"), [(1, 0), (2, 1), (3, 0)])
def test_evidence_of_the_equivariant_network_turns_with_the_image(r, m):
    model = evidence_model(network(EquivariantAGCNN))
    images = sources(corner=10)

    def turned(array):
        array = np.flip(array, axis=2) if m else array
        return np.rot90(array, r, axes=(1, 2)).copy()

    one = to_numpy(model(images, training=False))
    other = to_numpy(model(turned(images), training=False))
    np.testing.assert_allclose(other.pop("logits"), one["logits"], rtol=1e-5, atol=1e-5)
    for name, values in other.items():
        np.testing.assert_allclose(values, turned(one[name]), atol=1e-5, err_msg=name)


def test_the_attention_model_gives_the_same_without_evidence():
    model = network(EquivariantAGCNN)
    one, other = (
        to_numpy(view(model)(sources(), training=False))
        for view in (evidence_model, attention_model)
    )
    assert one.keys() - other.keys() == {"evidence"}
    for name, values in other.items():
        np.testing.assert_array_equal(values, one[name])


def test_a_black_image_gives_the_bias(evidence):
    black = np.full((1, SIZE, SIZE, 1), -1, "float32")
    found = to_numpy(evidence(black, training=False))
    head = next(layer for layer in evidence.layers if layer.name == "logits")
    np.testing.assert_array_equal(found["logits"][0], to_numpy(head.dense.bias))
    assert not found["evidence"].any()


@pytest.mark.parametrize("kind", KINDS)
def test_sky_padding_leaves_every_map_of_an_empty_image_constant(kind):
    images = np.full((1, SIZE, SIZE, 1), -1, "float32")
    for padding, constant in (("sky", True), ("zeros", False)):
        model = network(kind, padding=padding)
        gates = [model.get_layer(f"gate_{number}").output[1] for number in (1, 2, 3)]
        maps = to_numpy(keras.Model(model.input, gates)(images, training=False))
        spread = max(np.ptp(a) for a in maps)
        assert (spread < 1e-5) == constant, spread


@pytest.mark.parametrize("kind", KINDS)
def test_an_isolated_source_gives_the_same_in_a_larger_black_frame(kind):
    """By 16 pixels, so that the pooling grids of both frames coincide.

    The source lies further from the border than a feature sees: 3 + 6 + 12 + 16 pixels.
    """
    small, large = network(kind, size=96), network(kind, size=128)
    large.set_weights(small.get_weights())
    images = sources(96, corner=42)[:1]
    framed = np.pad(images, [(0, 0), (16, 16), (16, 16), (0, 0)], constant_values=-1)
    one = to_numpy(evidence_model(small)(images, training=False))
    other = to_numpy(evidence_model(large)(framed, training=False))
    np.testing.assert_allclose(other["logits"], one["logits"], rtol=1e-5, atol=1e-5)
    inside = other["evidence"][:, 16:-16, 16:-16]
    np.testing.assert_allclose(inside, one["evidence"], atol=1e-6)


def test_the_evidence_model_is_saved_and_loaded(evidence, tmp_path):
    expected = to_numpy(evidence(sources(), training=False))
    loaded = save_and_load(evidence, tmp_path)
    for name, values in to_numpy(loaded(sources(), training=False)).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
@pytest.mark.parametrize("kind", KINDS)
def test_life_cycle(kind, dtype, tmp_path):
    model = kind(**{**OPTIONS, "input_shape": (32, 32, 1), "dropout": 0.2, "dtype": dtype})
    assert_model_life_cycle(model, sources(32, corner=8), np.array([0, 1, 1]), tmp_path)


def test_half_precision_still_adds_up():
    model = network(EquivariantAGCNN, dtype="mixed_float16")
    found = to_numpy(evidence_model(model)(sources(), training=False))
    size = np.abs(found["logits"]).max()
    np.testing.assert_allclose(
        found["evidence"].sum(axis=(1, 2)), found["logits"], atol=1e-4 * size
    )


def test_another_aggregation_has_no_evidence():
    with pytest.raises(ValueError, match='use a network with aggregation="votes"'):
        evidence_model(AGCNN(input_shape=(24, 24, 1)))


@pytest.mark.parametrize("normalization", ["tanh", "std_mean_norm"])
def test_votes_need_attention_that_is_not_negative(normalization):
    with pytest.raises(ValueError, match="normalization with aggregation='votes' must be one of"):
        AGCNN(aggregation="votes", normalization=normalization)
