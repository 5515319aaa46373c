import keras
import numpy as np
import pytest

from keras_astroattn.models import AGCNN, attention_model, calibrated_model

pytestmark = pytest.mark.backend

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype("float32")


@pytest.fixture(scope="module")
def network():
    return AGCNN(gates=1, input_shape=(32, 32, 1))


def outputs(model):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(IMAGES, training=False))


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_logits_stay_and_probabilities_are_theirs_at_the_temperature(network):
    found = outputs(calibrated_model(network, 2.5))
    assert set(found) == {"logits", "probabilities"}
    np.testing.assert_array_equal(found["logits"], outputs(network))
    np.testing.assert_allclose(found["probabilities"], softmax(outputs(network) / 2.5), rtol=1e-5)


def test_the_maps_of_an_attention_model_are_kept(network):
    found = outputs(calibrated_model(attention_model(network), 2.5))
    assert set(found) == {"logits", "probabilities", "attention_1", "attention_mean"}
    for name, values in outputs(attention_model(network)).items():
        np.testing.assert_array_equal(found[name], values)


def test_a_temperature_that_was_fitted_later_is_saved(network, tmp_path):
    model = calibrated_model(network)
    model.get_layer("probabilities").temperature.assign(3.0)
    model.save(tmp_path / "model.keras")
    found = outputs(keras.models.load_model(tmp_path / "model.keras"))
    np.testing.assert_allclose(found["probabilities"], softmax(outputs(network) / 3), rtol=1e-5)


def test_outputs_without_logits_are_named():
    image = keras.Input((4,))
    model = keras.Model(image, {"energy": keras.layers.Dense(2, name="energy")(image)}, name="m")
    with pytest.raises(ValueError, match="m has no output `logits` but energy"):
        calibrated_model(model)
