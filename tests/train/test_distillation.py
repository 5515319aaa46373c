"""Learning from another network."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from keras_astroattn.models import AGCNN
from train.configuration import TrainConfig
from train.distillation import Distillation
from train.training import build


def small_network(seed):
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(image))
    return keras.Model(image, keras.layers.Dense(2)(pooled))


@pytest.fixture
def taught():
    """A pupil and its teacher, and the pupil as it is trained."""
    pupil, teacher = small_network(0), small_network(1)
    image = keras.Input((8, 8, 1))
    logits = Distillation(teacher, 0.25, name="teacher")((image, pupil(image)))
    return pupil, teacher, keras.Model(image, logits)


IMAGES = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype(np.float32)


def test_the_loss_is_the_cross_entropy_with_the_teachers_probabilities(taught):
    pupil, teacher, model = taught
    logits = model(IMAGES, training=True)
    np.testing.assert_array_equal(logits, pupil(IMAGES))
    expected = -(softmax(teacher(IMAGES), -1) * log_softmax(pupil(IMAGES), -1)).sum(-1).mean()
    (loss,) = model.losses
    assert float(loss) == pytest.approx(0.25 * expected, rel=1e-5)


def test_there_is_no_loss_but_in_training(taught):
    model = taught[2]
    model(IMAGES, training=False)
    assert model.losses == []


def test_only_the_pupil_learns_also_after_saving(taught, tmp_path):
    pupil, teacher, model = taught
    before = [weight.numpy() for weight in teacher.weights]
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(IMAGES, np.eye(2)[[0, 1, 0, 1, 0]], verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.fit(IMAGES, np.eye(2)[[0, 1, 0, 1, 0]], verbose=0)
    assert len(again.trainable_variables) == len(pupil.trainable_variables) == 4
    for weight, old in zip(again.get_layer("teacher").teacher.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    assert not np.allclose(again.predict(IMAGES, verbose=0), pupil.predict(IMAGES, verbose=0))


def test_a_frozen_gated_network_stays_frozen_when_it_is_loaded(tmp_path):
    model = AGCNN(gates=1, input_shape=(32, 32, 1))
    model.trainable = False
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.trainable_variables == []
    assert not any(variable.trainable for variable in again.variables)


def test_a_network_is_trained_beside_a_file(tmp_path):
    AGCNN(gates=1, psi_bias=0.5).save(tmp_path / "best.keras")
    model = build(TrainConfig(gates=1, teacher=str(tmp_path)), sources=1)
    assert model.get_layer("teacher").teacher.psi_bias == 0.5
    assert model.get_layer("teacher").weight == TrainConfig().teacher_weight
    assert {v.path for v in model.trainable_variables} == {
        v.path for v in model.get_layer("network").trainable_variables
    }
