"""The same weights and images give the same on TensorFlow, JAX and PyTorch."""

import keras
import numpy as np
import pytest
from support.backends import BACKENDS, REPOSITORY, installed, run_python
from support.small_networks import IMAGES, SHAPE, to_numpy, with_statistics

from keras_astroattn.layers import AttentionGate
from keras_astroattn.models import AGCNN, attention_model

HERE = keras.backend.backend()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model in a trained state and images, and what they give here."""
    folder = tmp_path_factory.mktemp("saved")
    # With mean, max, division, resizing, square root and batch normalization in the head.
    model = AGCNN(
        aggregation="concat_gating", pooling="weighted_mean", stretch="sqrt", input_shape=SHAPE
    )
    with_statistics(model).save(folder / "model.keras")
    np.save(folder / "images.npy", IMAGES)
    return folder, to_numpy(attention_model(model)(IMAGES))


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != HERE])
def test_logits_and_maps_are_the_same_on_another_backend(backend, saved):
    if not installed(backend):
        pytest.skip(f"{backend} is not installed")
    folder, expected = saved
    output = folder / f"{backend}.npz"
    program = str(REPOSITORY / "tests" / "support" / "backends.py")
    run_python(
        program,
        str(folder / "model.keras"),
        str(folder / "images.npy"),
        str(output),
        backend=backend,
    )
    there = dict(np.load(output))
    assert there.pop("backend") == backend
    assert there.keys() == expected.keys()
    for name, values in expected.items():
        # The images must make a difference larger than what is tolerated between backends.
        assert np.ptp(values, axis=0).max() > 1e-2
        np.testing.assert_allclose(there[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


def test_the_model_compared_has_all_gates(saved):
    folder, _ = saved
    layers = keras.models.load_model(folder / "model.keras").layers
    assert sum(isinstance(layer, AttentionGate) for layer in layers) == 3
