import keras
import numpy as np
import pytest
from support.life_cycle import save_and_load, to_numpy

from keras_astroattn.models import AGCNN, ConsistentNetwork, EquivariantAGCNN
from keras_astroattn.models.consistency import inconsistency

pytestmark = pytest.mark.backend
eager = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="takes a minute on JAX, which compiles each operation"
)

SIZE = 32
OPTIONS = {
    "normalization": "sigmoid",
    "aggregation": "votes",
    "psi_bias": 0.0,
    "dropout": 0.0,
    "gates": 1,
    "input_shape": (SIZE, SIZE, 1),
}


def images(count=6):
    """Discs of random brightness."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    pixels = np.random.default_rng(0).uniform(-0.9, 1, (count, SIZE, SIZE))
    return np.where(np.hypot(x, y) < 10, pixels, -1).astype("float32")[..., None]


def training_model(network, weight=0.1):
    image = keras.Input((SIZE, SIZE, 1))
    return keras.Model(image, ConsistentNetwork(network, weight, seed=2, name="consistency")(image))


def test_inconsistency_computed_manually():
    m = [keras.ops.convert_to_tensor(np.array(v, "float32")) for v in ([1, 2], [3, 2], [0, 4])]
    # (3 - 0)^2 + (2 - 4)^2 = 13 over ((4 + 0) + (1 + 4)) / 2 + 0.1 = 4.6
    assert float(inconsistency(*m)) == pytest.approx(13 / 4.6, rel=1e-6)


@eager
@pytest.mark.parametrize("kind", [AGCNN, EquivariantAGCNN])
def test_it_classifies_as_the_network_and_adds_its_loss_while_training(kind):
    network = kind(**OPTIONS)
    layer = training_model(network).get_layer("consistency")
    np.testing.assert_array_equal(
        to_numpy(layer(images(), training=False)), to_numpy(network(images(), training=False))
    )
    assert layer.losses == []
    logits = layer(images(), training=True)
    assert tuple(logits.shape) == (6, 2)
    (loss,) = layer.losses
    assert 0 < float(to_numpy(loss)) < 10
    assert len(layer.trainable_variables) == len(network.trainable_variables)


@eager
def test_logits_in_training_are_those_of_one_batch_with_the_deleted_images():
    network = EquivariantAGCNN(**OPTIONS)
    layer = training_model(network).get_layer("consistency")
    moving = network.get_layer("stage_1_block_1_norm").moving_mean
    alone = to_numpy(network(images(), training=True))
    before = to_numpy(moving).copy()
    together = to_numpy(layer(images(), training=True))
    assert np.abs(together - alone).max() > 1e-3
    assert (to_numpy(moving) != before).any()


def test_training_makes_the_votes_say_what_deletion_does():
    keras.utils.set_random_seed(1)
    network = EquivariantAGCNN(**OPTIONS)
    model = training_model(network, weight=1.0)
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        run_eagerly=keras.backend.backend() != "jax",  # tracing takes longer than these steps
        jit_compile=keras.backend.backend() == "jax",
    )
    undecided = np.full((6, 2), 0.5, "float32")
    state = model.get_layer("consistency").deletion.seed_generator.state
    seed, losses = to_numpy(state).copy(), []
    for _ in range(15):
        state.assign(seed)  # the same parts every time, but for what the guide changes
        losses.append(float(np.ravel(model.train_on_batch(images(), undecided))[0]))
    assert np.isfinite(losses).all()
    missing = np.array(losses) - np.log(2)  # the least cross-entropy there is
    assert missing[-5:].mean() < 0.8 * missing[:5].mean()


def test_it_is_saved_with_its_network_and_optimizer(tmp_path):
    model = training_model(EquivariantAGCNN(**OPTIONS))
    model.compile("adam", loss="mse", run_eagerly=True, jit_compile=False)
    model.train_on_batch(images(), np.zeros((6, 2), "float32"))
    loaded = save_and_load(model, tmp_path)
    layer = loaded.get_layer("consistency")
    assert isinstance(layer.network, EquivariantAGCNN)
    assert layer.get_config() == model.get_layer("consistency").get_config()
    np.testing.assert_allclose(
        to_numpy(loaded(images(), training=False)),
        to_numpy(model(images(), training=False)),
        atol=1e-6,
    )
    assert int(loaded.optimizer.iterations) == 1


@pytest.mark.parametrize(
    ("network", "weight", "message"),
    [
        ({"aggregation": "concat"}, 0.1, 'must have aggregation="votes" and two classes'),
        ({"num_classes": 3}, 0.1, 'must have aggregation="votes" and two classes'),
        ({}, 0.0, "weight must be above 0"),
    ],
    ids=str,
)
def test_what_cannot_be_trained_so_is_named(network, weight, message):
    with pytest.raises(ValueError, match=message):
        ConsistentNetwork(AGCNN(**{**OPTIONS, **network}), weight)
