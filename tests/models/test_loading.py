"""One way to find and load a network, and one error for what cannot be loaded."""

import io
import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.models import AGCNN, EquivariantAGCNN
from keras_astroattn.models.keras_files import load_keras_file
from keras_astroattn.models.loading import find_network, load_network
from keras_astroattn.presets import DEFAULT_PRESET, preset_file

SMALL = (32, 32, 1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "small.keras"
    AGCNN(gates=1, input_shape=SMALL).save(path)
    return path


def members(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, content: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def weights(shape, **options) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("layers/dense/vars/0", shape, "float32", **options)
    return buffer.getvalue()


def test_a_network_is_found_by_each_kind_of_name(saved, tmp_path):
    run = tmp_path / "a_run"
    run.mkdir()
    shutil.copy(saved, run / "best.keras")
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "3.pt").touch()
    expected = {
        DEFAULT_PRESET: (DEFAULT_PRESET, "preset", preset_file(DEFAULT_PRESET, ".keras")),
        str(saved): ("small", "file", saved),
        str(run): ("a_run", "run", run / "best.keras"),
        str(tmp_path / "paper"): ("paper", "checkpoint", tmp_path / "paper"),
    }
    for name, (title, kind, path) in expected.items():
        found = find_network(name)
        assert (found.name, found.kind, found.path) == (title, kind, path)


def test_a_run_and_its_file_are_one_network(saved, tmp_path):
    shutil.copy(saved, tmp_path / "best.keras")
    image = np.zeros((1, *SMALL), "float32")
    one, other = (
        keras.ops.convert_to_numpy(load_network(path)(image)) for path in (saved, tmp_path)
    )
    np.testing.assert_array_equal(one, other)


def test_what_is_no_network_names_the_presets(tmp_path):
    with pytest.raises(InputError, match=rf"no preset \(.*{DEFAULT_PRESET}.*no checkpoint"):
        find_network(tmp_path)


def damaged(saved, kind: str) -> dict[str, bytes]:
    content = members(saved)
    layer = keras.saving.serialize_keras_object(keras.layers.Dense(2))
    content["config.json"] = {
        "empty config": b"",
        "empty object": b"{}",
        "foreign object": b'{"hello": [1, 2]}',
        "list": b"[1]",
        "deep": b"[" * 100_000,
        "bare layer": json.dumps(layer).encode(),
        "unknown class": content["config.json"].replace(b"AGCNN", b"OTHER"),
        "wrong option": content["config.json"].replace(b'"gates": 1', b'"gates": 99'),
    }.get(kind, content["config.json"])
    if kind == "no weights":
        del content["model.weights.h5"]
    if kind == "other weights":
        content["model.weights.h5"] = weights((3, 3))
    if kind == "weights of zeros":
        content["model.weights.h5"] = bytes(100)
    if kind == "metadata of another kind":
        content["metadata.json"] = b"[]"
    return content


@pytest.mark.filterwarnings("ignore::UserWarning:keras")
@pytest.mark.parametrize(
    "kind",
    [
        *("empty config", "empty object", "foreign object", "list", "deep", "bare layer"),
        *("unknown class", "wrong option", "no weights", "other weights", "weights of zeros"),
    ],
)
def test_a_damaged_file_is_one_line(saved, tmp_path, kind):
    path = write(tmp_path / "damaged.keras", damaged(saved, kind))
    with pytest.raises(InputError) as raised:
        load_keras_file(path, remedy="train it again")
    message = str(raised.value)
    assert message.startswith(f"{path} cannot be loaded: ")
    assert message.endswith("; train it again")
    assert "\n" not in message
    assert len(message) < 300 + len(str(path))


@pytest.mark.parametrize("length", [0, 3, 1000, -30])
def test_a_truncated_file_is_one_line(saved, tmp_path, length):
    path = tmp_path / "cut.keras"
    path.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(InputError, match=r"cut\.keras cannot be loaded"):
        load_keras_file(path)


def test_weights_that_unpack_to_gigabytes_are_refused_by_their_stated_size(saved, tmp_path):
    content = members(saved)
    # 4 GB of zeros: the chunks are never written, so the file is small.
    content["model.weights.h5"] = weights((10**9,), chunks=(10**6,), compression="gzip")
    path = write(tmp_path / "bomb.keras", content)
    assert path.stat().st_size < 10**6
    with pytest.raises(InputError, match="4000000000 bytes; at most"):
        load_keras_file(path)


def test_a_member_that_unpacks_to_gigabytes_is_refused_by_its_stated_size(saved, tmp_path):
    content = members(saved) | {"config.json": bytes(17 * 2**20)}
    path = write(tmp_path / "bomb.keras", content)
    with pytest.raises(InputError, match=r"config\.json has 17825792 bytes; at most 16777216"):
        load_keras_file(path)


def test_weights_in_another_file_are_refused(saved, tmp_path):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    path = write(tmp_path / "link.keras", members(saved) | {"model.weights.h5": buffer.getvalue()})
    with pytest.raises(InputError, match="has links"):
        load_keras_file(path)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5:UserWarning")
@pytest.mark.parametrize("kind", [AGCNN, EquivariantAGCNN])
def test_clones_and_hdf5_files_are_the_same_network(kind, tmp_path):
    model = kind(gates=1, input_shape=SMALL)
    image = np.random.default_rng(0).uniform(-1, 1, (1, *SMALL)).astype("float32")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    model.save(tmp_path / "model.h5")
    loaded = load_keras_file(tmp_path / "model.h5")
    assert loaded.get_config() == model.get_config()
    expected = keras.ops.convert_to_numpy(model(image))
    for other in (clone, loaded):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(other(image)), expected, atol=1e-6)


def test_quantize_says_what_to_do_instead():
    with pytest.raises(NotImplementedError, match=r"AGCNN cannot .* export\.run --precision int8"):
        AGCNN(gates=1, input_shape=SMALL).quantize("int8")


def test_a_class_loads_its_presets_alone():
    assert isinstance(EquivariantAGCNN.from_preset(DEFAULT_PRESET), EquivariantAGCNN)
    with pytest.raises(InputError, match=r"EquivariantAGCNN, not AGCNN: use EquivariantAGCNN\."):
        AGCNN.from_preset(DEFAULT_PRESET)


def test_a_file_with_the_former_training_loss_gives_the_same_answers(saved, tmp_path):
    content = members(saved)
    config = json.loads(content["config.json"])
    config["config"]["source_correlation"] = 0.3
    content["config.json"] = json.dumps(config).encode()
    loaded = load_network(write(tmp_path / "former.keras", content))
    assert "source_correlation" not in loaded.get_config()
    images = np.random.default_rng(0).random((2, *SMALL)).astype(np.float32)
    np.testing.assert_array_equal(loaded(images), load_network(saved)(images))
