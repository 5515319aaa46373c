"""Names of the release before still work, and files saved with them load."""

import importlib
import io
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_astroattn.models import AGCNN, calibrated_model, tta_model

MODULES = {
    "CalibratedSoftmax": ("TemperatureScaling", "calibrated_softmax", "temperature_scaling"),
    "FoldedBatchNormalization": ("FastBatchNormalization", "", ""),
    "Turn": ("Rotate", "layers.turn", "layers.rotate"),
}


def saved_by_former_names(path, new):
    """The same .keras file, as the release before wrote it."""
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                text = content.decode()
                for former, (present, former_module, module) in MODULES.items():
                    text = text.replace(f'"{present}"', f'"{former}"')
                    text = text.replace(f">{present}", f">{former}")
                    if module:
                        text = text.replace(module, former_module)
                content = text.encode()
            if name == "model.weights.h5":
                content = with_former_groups(content)
            target.writestr(name, content)


def with_former_groups(content):
    """The same weights, in groups named by the former classes, as Keras does."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        layers = []
        file.visit(lambda path: layers.append(path) if path.endswith("layers") else None)
        for group in (file[path] for path in layers):
            for name in list(group):
                former = name.replace("temperature_scaling", "calibrated_softmax")
                former = former.replace("fast_batch", "folded_batch")
                if former != name:
                    group.move(name, former)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("wrap", "names"),
    [
        (calibrated_model, ("CalibratedSoftmax", "FoldedBatchNormalization")),
        (tta_model, ("Turn",)),
    ],
)
def test_a_file_saved_by_former_names_loads(wrap, names, tmp_path):
    # A plain functional model writes its layers out; an AGCNN writes its options alone.
    network = AGCNN(gates=1, input_shape=(32, 32, 1))
    model = wrap(network)
    for k, weight in enumerate(model.weights):  # no weight as it starts
        weight.assign(weight + 0.01 * (k + 1))
    model.save(tmp_path / "new.keras")
    saved_by_former_names(tmp_path / "former.keras", tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "former.keras") as archive:
        config = archive.read("config.json").decode()
    assert all(f"keras_astroattn>{name}" in config for name in names)
    loaded = keras.models.load_model(tmp_path / "former.keras")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    keras.tree.map_structure(
        lambda one, other: np.testing.assert_allclose(one, other, atol=1e-6),
        keras.tree.map_structure(keras.ops.convert_to_numpy, loaded(image)),
        keras.tree.map_structure(keras.ops.convert_to_numpy, model(image)),
    )
    loaded.save(tmp_path / "again.keras")
    with zipfile.ZipFile(tmp_path / "again.keras") as archive:
        config = archive.read("config.json").decode()
    assert not any(f'"{name}"' in config for name in names)


@pytest.mark.parametrize(
    ("package", "former", "present"),
    [
        ("layers", "CalibratedSoftmax", "TemperatureScaling"),
        ("layers", "FoldedBatchNormalization", "FastBatchNormalization"),
        ("layers", "Turn", "Rotate"),
        ("models", "turned_model", "tta_model"),
        ("images", "turn_angles", "tta_angles"),
        ("images", "turned", "rotate_image"),
        ("evaluation", "MOVES", "EQUIVARIANCE_TESTS"),
        ("evaluation", "Move", "EquivarianceTest"),
        ("evaluation", "move_images", "apply_transform"),
        ("evaluation", "move_back", "undo_transform"),
        ("plots", "moves_figure", "equivariance_figure"),
    ],
)
def test_a_former_name_is_the_present_one_and_warns(package, former, present):
    module = importlib.import_module(f"keras_astroattn.{package}")
    with pytest.warns(DeprecationWarning, match=f"{former} is now keras_astroattn.*{present}"):
        found = getattr(module, former)
    assert found is getattr(module, present)


def test_a_name_that_never_was_is_an_attribute_error():
    module = importlib.import_module("keras_astroattn.layers")
    with pytest.raises(AttributeError, match="no attribute 'Twist'"):
        _ = module.Twist
