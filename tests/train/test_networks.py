"""Where a training starts: a network that was trained before."""

import keras
import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.models import AGCNN, EquivariantAGCNN, from_preset
from train.configuration import TrainConfig
from train.loop import build
from train.training import train

OTHER_SEED = 7
OPTIONS = {"gates": 1, "data": "simulated"}


def trained_network(**options):
    """The network of `OPTIONS`, other weights than those that a training starts with."""
    return build(TrainConfig(**{**OPTIONS, "seed": OTHER_SEED, **options}), 8).get_layer("network")


def make(kind, path):
    """A file or folder that is not what a training can start from, or learn from."""
    if kind == "empty folder":
        path.mkdir()
    elif kind == "corrupt":
        path.write_bytes(b"no zip archive")
    elif kind == "other images":
        image = keras.Input((8, 8, 1))
        pooled = keras.layers.GlobalAveragePooling2D()(image)
        keras.Model(image, keras.layers.Dense(2)(pooled)).save(path)
    elif kind == "other options":
        AGCNN(gates=1, normalization="softmax").save(path)
    elif kind == "other symmetry":
        EquivariantAGCNN(gates=1).save(path)


def test_a_training_starts_from_the_weights_of_a_file(tmp_path):
    other = trained_network(dropout=0.5)
    for weight in other.weights:  # also those that are not trained
        weight.assign(weight + 0.25)
    other.save(tmp_path / "best.keras")
    fresh = build(TrainConfig(**OPTIONS), 8).get_layer("network")
    started = build(TrainConfig(**OPTIONS, initial_weights=str(tmp_path)), 8).get_layer("network")
    for weight, theirs in zip(started.weights, other.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), theirs.numpy())
    assert not np.allclose(
        started.get_layer("logits").dense.kernel, fresh.get_layer("logits").dense.kernel
    )


@pytest.mark.usefixtures("small_data")
def test_a_run_starts_where_another_one_ended(tmp_path, command, reference_run):
    start = ("--initial-weights", reference_run.folder)
    still = "--data simulated --epochs 1 --batch-size 8 --learning-rate 1e-12 --weight-decay 0"
    assert command(still, *start, "--output", tmp_path / "run")[0] == 0
    before, after = (
        keras.models.load_model(folder / "best.keras")
        for folder in (reference_run.folder, tmp_path / "run")
    )
    for weight, theirs in zip(after.trainable_weights, before.trainable_weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no preset"),
        ("empty folder", "no preset"),
        ("corrupt", "cannot be loaded"),
        ("other images", "is another network"),
    ],
)
def test_a_wrong_network_is_one_clear_line_and_makes_nothing(kind, message, tmp_path):
    path, output = tmp_path / "other.keras", tmp_path / "run"
    make(kind, path)
    with pytest.raises(InputError, match=message) as error:
        train(TrainConfig(**OPTIONS, initial_weights=str(path), output=output))
    assert str(error.value).startswith(f"--initial-weights {path}")
    assert "\n" not in str(error.value)
    assert not output.exists()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("other options", "has normalization softmax, not sigmoid"),
        ("other symmetry", "is a EquivariantAGCNN, not a AGCNN"),
    ],
)
def test_weights_of_another_network_are_refused(kind, message, tmp_path):
    path, output = tmp_path / "other.keras", tmp_path / "run"
    make(kind, path)
    with pytest.raises(InputError, match=message):
        train(TrainConfig(**OPTIONS, initial_weights=str(path), output=output))
    assert not output.exists()


def test_a_preset_can_be_started_from():
    config = TrainConfig(symmetry="p4m", initial_weights="agcnn_mirabest")
    started = build(config, 8).get_layer("network")
    for weight, theirs in zip(started.weights, from_preset("agcnn_mirabest").weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), theirs.numpy())
