import keras
import numpy as np
import pytest
from support.life_cycle import save_and_load, to_numpy

from keras_astroattn.models import AGCNN, EquivariantAGCNN
from keras_astroattn.models.framed_network import FramedNetwork, can_have_frames

pytestmark = pytest.mark.backend
BACKEND = keras.backend.backend()
# JAX compiles each operation, which takes minutes.
seldom_on_jax = pytest.mark.slow if BACKEND == "jax" else pytest.mark.backend

WHOLE = 54  # its maps have 27, 13, 6 and 3 pixels, odd and even as those of 150 pixels
OPTIONS = {"aggregation": "votes", "padding": "sky", "input_shape": (WHOLE, WHOLE, 1)}


def full_frames(size, count=4):
    """Images whose sources fill a frame up to its border; the rest is black."""
    images = np.full((count, WHOLE, WHOLE, 1), -1, "float32")
    part = slice((WHOLE - size) // 2, (WHOLE + size) // 2)
    pixels = np.random.default_rng(size).uniform(-0.9, 1, (count, size, size, 1))
    images[:, part, part] = pixels
    return images, images[:, part, part]


def trained(network, weights, images):
    """Return the loss, and the weights after a step of plain gradient descent."""
    network.set_weights(weights)
    image = keras.Input((*images.shape[1:3], 1))
    model = keras.Model(image, FramedNetwork(network)(image))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=False, run_eagerly=BACKEND != "jax")
    targets = np.eye(2, dtype="float32")[np.arange(len(images)) % 2]
    return model.train_on_batch(images, targets), network.get_weights()


def relative(values, expected):
    """Norm of the differences of all arrays, in parts of the norm of the expected ones."""
    values, expected = (np.concatenate([x.ravel() for x in xs]) for xs in (values, expected))
    assert np.linalg.norm(expected) > 0.1
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


@seldom_on_jax
def test_a_step_in_a_frame_is_that_of_whole_images():
    keras.utils.set_random_seed(1)
    network = EquivariantAGCNN(gates=2, **OPTIONS)
    before = network.get_weights()
    is_trained = [variable.trainable for variable in network.weights]
    images, _ = full_frames(26)
    losses, gradients, statistics = {}, {}, {}
    for size in (26, 50, WHOLE):
        part = slice((WHOLE - size) // 2, (WHOLE + size) // 2)
        losses[size], after = trained(network, before, images[:, part, part])
        moved = [(one - other) for one, other in zip(after, before, strict=True)]
        gradients[size] = [x for x, learned in zip(moved, is_trained, strict=True) if learned]
        statistics[size] = [x for x, learned in zip(moved, is_trained, strict=True) if not learned]
    assert losses[26] == pytest.approx(losses[WHOLE], rel=1e-4)
    assert relative(statistics[26], statistics[WHOLE]) < 1e-4
    assert relative(gradients[26], gradients[50]) < 1e-3
    # Whole images are rounded more, because the sky is not subtracted. A ReLU or maximum that
    # this flips changes the gradient by a percent; in float64 the difference is 1e-7.
    assert relative(gradients[26], gradients[WHOLE]) < 5e-2


@seldom_on_jax
def test_predictions_use_the_moving_statistics():
    keras.utils.set_random_seed(2)
    network = EquivariantAGCNN(**OPTIONS)
    whole, frames = full_frames(34)
    random = np.random.default_rng(0)
    network.set_weights([random.uniform(0.1, 0.3, one.shape) for one in network.get_weights()])
    expected = to_numpy(network(whole, training=False))
    framed = FramedNetwork(network)
    np.testing.assert_allclose(to_numpy(framed(frames)), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(to_numpy(framed(whole)), expected)


def test_it_is_saved_with_its_network(tmp_path):
    image = keras.Input((None, None, 1))
    model = keras.Model(image, FramedNetwork(EquivariantAGCNN(**OPTIONS), name="frames")(image))
    loaded = save_and_load(model, tmp_path)
    assert loaded.get_layer("frames").network.get_config()["padding"] == "sky"
    _, frames = full_frames(26)
    np.testing.assert_array_equal(to_numpy(loaded(frames)), to_numpy(model(frames)))


@pytest.mark.parametrize("options", [{"padding": "zeros"}, {"aggregation": "mean"}])
def test_other_networks_are_refused(options):
    network = EquivariantAGCNN(**{**OPTIONS, **options}, name="other")
    assert not can_have_frames(network)
    with pytest.raises(ValueError, match="other cannot have frames: give an EquivariantAGCNN"):
        FramedNetwork(network)
    assert not can_have_frames(AGCNN(gates=1))


@pytest.mark.parametrize("size", [24, 58])
def test_other_sizes_are_refused(size):
    layer = FramedNetwork(EquivariantAGCNN(**OPTIONS))
    with pytest.raises(ValueError, match=f"smaller than 54 pixels by a multiple of 4; got {size}"):
        layer(np.zeros((1, size, size, 1), "float32"))
