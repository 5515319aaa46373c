import keras
import numpy as np
import pytest
from scipy.ndimage import rotate

from keras_astroattn.models import AGCNN, EquivariantAGCNN, attention_model, tta_model

pytestmark = pytest.mark.backend

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype("float32")


def logits(model, images=IMAGES):
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.fixture(scope="module")
def network():
    return AGCNN(gates=1, aggregation="concat", input_shape=(32, 32, 1))


def test_it_is_the_mean_over_the_turned_images(network):
    angles = (0.0, 90.0, 30.0)
    options = {"axes": (1, 2), "reshape": False, "order": 1, "mode": "grid-constant", "cval": -1}
    each = [logits(network, rotate(IMAGES, angle, **options)) for angle in angles]
    assert np.ptp(each, axis=0).min() > 1e-3
    found = logits(tta_model(network, angles))
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-4)


def test_one_angle_of_nothing_is_the_network(network):
    np.testing.assert_array_equal(logits(tta_model(network, [0.0])), logits(network))


def test_quarters_in_four_and_the_symmetry_make_turns_by_22_degrees_nothing():
    """Of a bar and the same bar turned, the network says more alike where it looks four times."""
    model = EquivariantAGCNN(gates=1, input_shape=(64, 64, 1))
    y, x = np.mgrid[:64, :64] - 31.5
    bar = np.exp(-((x / 16) ** 2) - (y / 6) ** 2)
    images = (2 * np.stack([bar, rotate(bar, 22.5, reshape=False)]) - 1)[..., None]
    images = images.astype("float32")
    apart = np.abs(np.diff(logits(model, images), axis=0)).max()
    assert np.abs(np.diff(logits(tta_model(model), images), axis=0)).max() < 0.3 * apart


def test_it_is_saved_with_the_network(network, tmp_path):
    model = tta_model(network)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(logits(again), logits(model), atol=1e-6)
    assert len(model.weights) == len(network.weights)


def test_what_cannot_be_turned_is_named(network):
    with pytest.raises(ValueError, match="angles must hold at least one"):
        tta_model(network, [])
    with pytest.raises(ValueError, match="must give logits alone"):
        tta_model(attention_model(network))
