"""The option `source_alone` of the networks: it is stated, kept, and changes no number."""

import json
import zipfile

import keras
import numpy as np
import pytest

from keras_astroattn.models import (
    AGCNN,
    ClassicCNN,
    EquivariantAGCNN,
    attention_model,
    calibrated_model,
    evidence_model,
    images_seen_by,
    sees_source_alone,
    tta_model,
)

OPTIONS = {"gates": 1, "aggregation": "votes", "normalization": "sigmoid"}


def two_islands() -> np.ndarray:
    """(1, 150, 150) uint8: a source in the middle, and a brighter one 70 pixels from it."""
    image = np.zeros((1, 150, 150), np.uint8)
    image[0, 74, 73:77] = [20, 100, 51, 7]
    image[0, 74, 3:7] = [60, 255, 255, 60]
    return image


def small(**options) -> AGCNN:
    return AGCNN(**OPTIONS, input_shape=(32, 32, 1), **options)


@pytest.mark.parametrize("kind", [AGCNN, EquivariantAGCNN])
def test_a_file_keeps_the_option(kind, tmp_path):
    network = kind(**OPTIONS, input_shape=(32, 32, 1), source_alone=True)
    assert network.get_config()["source_alone"] is True
    network.save(tmp_path / "a.keras")
    assert keras.models.load_model(tmp_path / "a.keras").source_alone is True


def test_a_file_from_before_the_option_is_of_whole_frames(tmp_path):
    small().save(tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                config = json.loads(content)
                del config["config"]["source_alone"]
                content = json.dumps(config).encode()
            old.writestr(name, content)
    assert keras.models.load_model(tmp_path / "old.keras").source_alone is False


def test_the_option_changes_no_number():
    one, other = small(source_alone=True), small()
    other.set_weights(one.get_weights())
    images = np.random.default_rng(3).uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    given = [keras.ops.convert_to_numpy(network(images)) for network in (one, other)]
    np.testing.assert_array_equal(*given)


@pytest.mark.parametrize("value", ["yes", None, 2])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="source_alone"):
        small(source_alone=value)


@pytest.mark.parametrize(
    ("wrap", "name", "alone"),
    [
        (evidence_model, "a.keras", True),
        (tta_model, "a.keras", True),
        (lambda network: calibrated_model(attention_model(network), 1.5), "a.keras", True),
        (attention_model, "a.keras", False),
        (calibrated_model, "a.h5", True),
    ],
)
@pytest.mark.filterwarnings("ignore:.*HDF5:UserWarning")
def test_files_of_wrappers_state_what_their_network_sees(wrap, name, alone, tmp_path):
    wrapper = wrap(small(source_alone=alone))
    wrapper.save(tmp_path / name)
    loaded = keras.models.load_model(tmp_path / name)
    assert sees_source_alone(loaded) is alone
    images = np.random.default_rng(3).uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    given, again = (keras.tree.flatten(model(images)) for model in (wrapper, loaded))
    for one, other in zip(given, again, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))


@pytest.mark.parametrize("alone", [False, True])
def test_wrappers_state_what_their_network_sees(alone):
    network = small(source_alone=alone)
    for wrapper in (attention_model, evidence_model, calibrated_model, tta_model):
        assert sees_source_alone(wrapper(network)) is alone
    assert sees_source_alone(calibrated_model(attention_model(network))) is alone


def test_images_are_as_the_network_sees_them():
    images = two_islands()
    for network in (small(), ClassicCNN()):
        assert images_seen_by(network, images) is images
    seen = images_seen_by(small(source_alone=True), images)
    # 255 / 100 of 20, 51 and 7 are 51, 130.05 and 17.85.
    np.testing.assert_array_equal(seen[0, 74, 73:77], [51, 255, 130, 18])
    assert np.count_nonzero(seen) == 4
