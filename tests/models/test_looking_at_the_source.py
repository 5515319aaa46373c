"""Networks whose gates are kept from looking away from the source."""

import keras
import numpy as np
import pytest
from life_cycle import assert_same, save_and_load, to_numpy

from keras_astroattn.layers import SourceCorrelation
from keras_astroattn.models import AGCNN, EquivariantAGCNN, attention_model

pytestmark = pytest.mark.backend

SIZE = 32
LABELS = np.array([0, 1, 0, 1])
OPTIONS = {
    "gates": 1,
    "normalization": "sigmoid",
    "aggregation": "concat",
    "pooling": "weighted_mean",
    "psi_bias": 0.0,
    "dropout": 0.0,
    "input_shape": (SIZE, SIZE, 1),
}


def sources():
    """A blob in each corner of an image."""
    y, x = np.mgrid[:SIZE, :SIZE]
    centres = [(9, 9), (9, 22), (22, 9), (22, 22)]
    blobs = [np.exp(-((y - v) ** 2 + (x - u) ** 2) / 18) for v, u in centres]
    return np.where(np.array(blobs) > 0.1, 2 * np.array(blobs) - 1, -1).astype("float32")[..., None]


def correlation(model, images):
    a = attention_model(model)(images, training=False)["attention_1"]
    rho = SourceCorrelation(0.1).correlation(a, keras.ops.convert_to_tensor(images))
    return keras.ops.convert_to_numpy(rho)


@pytest.mark.parametrize("kind", [AGCNN, EquivariantAGCNN])
def test_it_is_saved_with_the_network_and_changes_nothing_of_what_it_says(kind, tmp_path):
    model = kind(**OPTIONS, source_correlation=0.4)
    without = kind(**OPTIONS)
    without.set_weights(model.get_weights())
    says, said = (attention_model(each)(sources()) for each in (model, without))
    assert_same(to_numpy(says), to_numpy(said))
    assert len(model.layers) == len(without.layers) + 1
    loaded = save_and_load(model, tmp_path)
    assert loaded.get_config() == model.get_config()
    assert_same(to_numpy(attention_model(loaded)(sources())), to_numpy(says))


@pytest.mark.parametrize("kind", [AGCNN, EquivariantAGCNN])
def test_training_turns_a_gate_that_looks_away(kind):
    model, images = kind(**OPTIONS, source_correlation=0.4), sources()
    psi = model.get_layer("gate_1").psi
    if correlation(model, images).mean() > 0:
        psi.kernel.assign(-psi.kernel)
    assert correlation(model, images).mean() < 0
    model.compile(
        keras.optimizers.Adam(1e-2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.backend.backend() == "jax",  # by far the slowest without
    )
    for _ in range(40):
        model.train_on_batch(images, LABELS)
    assert correlation(model, images).min() > 0.3


@pytest.mark.parametrize("kind", [AGCNN, EquivariantAGCNN])
@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_a_correlation_that_means_nothing_is_named(kind, value):
    with pytest.raises(ValueError, match=r"source_correlation must be in \[0, 1\)"):
        kind(**OPTIONS, source_correlation=value)
