import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import combined, mutual_information, predict_ensemble


def test_networks_that_agree_have_no_mutual_information():
    found = combined(np.array([[[0.5, 0.5], [0.9, 0.1]]] * 3))
    np.testing.assert_allclose(found.mutual_information, 0, atol=1e-15)
    # H(1/2) = ln 2; H(0.9) manually
    np.testing.assert_allclose(found.entropy, [np.log(2), 0.325083], rtol=1e-5)


def test_networks_that_are_certain_of_different_classes_have_all_of_it():
    found = combined(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    np.testing.assert_allclose(found.probabilities, [[0.5, 0.5]])
    np.testing.assert_allclose(found.mutual_information, [np.log(2)])


def test_mutual_information_computed_manually():
    # H(0.7) - (H(0.9) + H(0.5)) / 2 = 0.610864 - (0.325083 + 0.693147) / 2
    found = mutual_information(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]))
    np.testing.assert_allclose(found, [0.610864 - 0.509115], atol=1e-6)


def test_models_are_asked_for_the_same_images():
    def brightness(sign):
        def model(x):
            z = sign * np.asarray(x).mean(axis=(1, 2, 3))
            return np.stack([z, -z], axis=-1)

        return model

    images = np.stack([np.zeros((8, 8)), np.full((8, 8), 255)]).astype(np.uint8)
    found = predict_ensemble([brightness(1), brightness(1), brightness(-1)], images)
    # softmax of (-1, 1) and (1, -1): 0.1192 and 0.8808
    np.testing.assert_allclose(found.probabilities[:, 0], [0.37307, 0.62693], atol=1e-4)
    assert (found.mutual_information > 0.2).all()


def test_no_model_is_refused():
    with pytest.raises(InputError, match="at least one model"):
        predict_ensemble([], np.zeros((1, 8, 8), np.uint8))
