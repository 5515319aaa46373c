"""Gradient maps of networks small enough to be worked out manually."""

import sys

import keras
import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import feature_layer, gradient_maps
from keras_astroattn.models import AGCNN, ClassicCNN, EquivariantAGCNN, attention_model

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf-keras-vis is for TensorFlow"
)


def two_channels(bias=(0.0, 0.0), several_outputs=False):
    """Pixels x of 1 x 2 images to A1 = relu(x + 1) and A2 = relu(1 - x), then one dense layer.

    With x = (1, -1), A1 = (2, 0) and A2 = (0, 2). The derivatives of the logits by
    (A1, A2) are, at the left and the right pixel:
    class 0: (1, 2), (3, -1/2); class 1: (-1, 0), (0, 1/4).
    """
    image = keras.Input((1, 2, 1))
    x = keras.layers.Conv2D(2, 1, name="conv")(image)
    x = keras.layers.ReLU(name="relu")(x)
    logits = keras.layers.Dense(2, name="dense")(keras.layers.Flatten()(x))
    outputs = {"logits": logits, "map": x[..., 0]} if several_outputs else logits
    model = keras.Model(image, outputs)
    model.get_layer("conv").set_weights([np.array([[[[1.0, -1.0]]]]), np.array([1.0, 1.0])])
    weights = np.array([[1, -1], [2, 0], [3, 0], [-0.5, 0.25]])
    model.get_layer("dense").set_weights([weights, np.array(bias)])
    return model


IMAGE = np.array([[[255, 0]]], np.uint8)


def gradient_map(method, *arguments, **options):
    return gradient_maps(*arguments, methods=(method,), **options)[method]


def test_grad_cam_computed_manually():
    # Mean derivatives: class 0 (2, 3/4), class 1 (-1/2, 1/8).
    for label, expected in ((0, [4.0, 1.5]), (1, [0.0, 0.25])):
        found = gradient_map("Grad-CAM", two_channels(), IMAGE, np.array([label]))
        np.testing.assert_allclose(found, [[expected]], atol=1e-6)


def test_grad_cam_plus_plus_computed_manually():
    # Of both channels the sum is 2, so alpha ~ 1 / (2 + 2 g): for A1 of class 0 it is 1/4
    # and 1/8, that is 2/3 and 1/3 of their sum, and its weight 2/3 1 + 1/3 3 = 5/3; for A2
    # 1/6 and 1, that is 1/7 and 6/7, and its weight 1/7 2 + 0 = 2/7.
    found = gradient_map("Grad-CAM++", two_channels(), IMAGE, np.array([0]))
    np.testing.assert_allclose(found, [[[10 / 3, 4 / 7]]], rtol=1e-6)


def test_saliency_computed_manually():
    # dy/dx at the left pixel is dy/dA1 there (A2 is clipped), at the right -dy/dA2.
    for label, expected in ((0, [1.0, 0.5]), (1, [1.0, 0.25])):
        found = gradient_map("saliency", two_channels(), IMAGE, np.array([label]))
        np.testing.assert_allclose(found, [[expected]], atol=1e-6)


def test_a_logit_beyond_the_range_of_exp_changes_nothing():
    far = two_channels(bias=(500.0, 500.0))
    for method, expected in (("Grad-CAM", [4, 1.5]), ("Grad-CAM++", [10 / 3, 4 / 7])):
        found = gradient_map(method, far, IMAGE, np.array([0]))
        np.testing.assert_allclose(found, [[expected]], rtol=1e-5)


def test_the_predicted_class_is_explained_by_default():
    # Logits of IMAGE: 2 - 1 = 1 and -2 + 1/2; the bias turns the second.
    for bias, expected in (((0, 0), [1.0, 0.5]), ((0, 5), [1.0, 0.25])):
        found = gradient_map("saliency", two_channels(bias), IMAGE)
        np.testing.assert_allclose(found, [[expected]], atol=1e-6)


def test_images_of_a_batch_are_explained_by_their_own_classes():
    images, classes = np.concatenate([IMAGE, IMAGE, IMAGE]), np.array([0, 1, 0])
    found = gradient_map("Grad-CAM", two_channels(), images, classes, batch_size=2)
    np.testing.assert_allclose(found[:, 0], [[4, 1.5], [0, 0.25], [4, 1.5]], atol=1e-6)


def test_a_model_of_several_outputs_is_wrapped():
    maps = gradient_maps(two_channels(several_outputs=True), IMAGE, np.array([0]))
    np.testing.assert_allclose(maps["Grad-CAM"], [[[4.0, 1.5]]], rtol=1e-6)
    np.testing.assert_allclose(maps["Grad-CAM++"], [[[10 / 3, 4 / 7]]], rtol=1e-6)
    np.testing.assert_allclose(maps["saliency"], [[[1.0, 0.5]]], rtol=1e-6)


def test_the_features_are_those_of_the_last_convolution():
    assert feature_layer(AGCNN(gates=2, input_shape=(16, 16, 1))) == "stage_4_block_2_relu"
    assert feature_layer(ClassicCNN(input_shape=(30, 30, 1))) == "conv_5"
    equivariant = EquivariantAGCNN(gates=2, input_shape=(32, 32, 1))
    assert feature_layer(equivariant) == "stage_4_group_pool"
    with_maps = attention_model(AGCNN(gates=3, input_shape=(16, 16, 1)))
    assert feature_layer(with_maps) == "stage_4_block_2_relu"


def test_an_attention_gated_network_has_maps_of_its_gating_signal_and_its_image():
    keras.utils.set_random_seed(0)
    model = attention_model(AGCNN(gates=1, input_shape=(32, 32, 1), psi_bias=0.0))
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    maps = gradient_maps(model, images, batch_size=2)
    assert {name: one.shape for name, one in maps.items()} == {
        "Grad-CAM": (3, 4, 4),
        "Grad-CAM++": (3, 4, 4),
        "saliency": (3, 32, 32),
    }
    assert all(one.min() >= 0 for one in maps.values())


def test_a_network_that_mixes_its_batch_is_explained_one_image_at_a_time():
    model = AGCNN(gates=1, scope="batch", input_shape=(16, 16, 1))
    images = np.zeros((2, 16, 16), np.uint8)
    with pytest.raises(InputError, match="batch_size=1"):
        gradient_map("Grad-CAM", model, images)
    assert gradient_map("Grad-CAM", model, images, batch_size=1).shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("images", "classes", "layer", "message"),
    [
        (IMAGE.astype(float), [0], None, "images are float64"),
        (IMAGE, [2], None, "from 0 to 1"),
        (IMAGE, [0, 1], None, "one number an image"),
        (IMAGE, [0], "stage_5", "no layer stage_5"),
    ],
)
def test_bad_input_is_named(images, classes, layer, message):
    with pytest.raises(InputError, match=message):
        gradient_map("Grad-CAM", two_channels(), images, np.array(classes), layer)


def test_a_model_without_a_convolution_is_named():
    image = keras.Input((1, 2, 1))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    with pytest.raises(InputError, match="no convolution"):
        gradient_map("Grad-CAM", model, IMAGE)


def test_what_is_not_installed_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("tf_keras_vis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tf_keras_vis", None)
    with pytest.raises(InputError, match="pip install tf-keras-vis"):
        gradient_map("Grad-CAM", two_channels(), IMAGE)


def test_another_backend_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="KERAS_BACKEND=tensorflow"):
        gradient_map("Grad-CAM", two_channels(), IMAGE)
