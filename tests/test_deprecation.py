"""Names of the release before still work, and files saved with them load."""

import contextlib
import importlib
import io
import runpy
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_astroattn.edge import Classifier
from keras_astroattn.evaluation import effective_sample_size
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
        ("evaluation", "transformed_turns", "augmented_views"),
        ("plots", "moves_figure", "equivariance_figure"),
        ("plots", "reading_figure", "source_maps_figure"),
        ("survey", "Roles", "ColumnMapping"),
        ("survey", "find_roles", "map_columns"),
    ],
)
def test_a_former_name_is_the_present_one_and_warns(package, former, present):
    module = importlib.import_module(f"keras_astroattn.{package}")
    with pytest.warns(DeprecationWarning, match=f"{former} is now keras_astroattn.*{present}"):
        found = getattr(module, former)
    assert found is getattr(module, present)


@pytest.mark.parametrize(
    ("package", "former", "module"),
    [
        ("evaluation", "REST", "images"),
        ("evaluation", "flux_patches", "images"),
        ("datasets", "cache_folder", "files"),
    ],
)
def test_an_object_that_moved_is_found_where_it_was(package, former, module):
    package = importlib.import_module(f"keras_astroattn.{package}")
    module = importlib.import_module(f"keras_astroattn.{module}")
    with pytest.warns(DeprecationWarning, match=f"{former} is now {module.__name__}.{former}"):
        found = getattr(package, former)
    assert found is getattr(module, former)


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("observation", "simulation.telescope"),
        ("simulated_survey", "simulation.survey"),
    ],
)
def test_a_former_module_has_the_names_of_the_present_one(former, present):
    sys.modules.pop(f"keras_astroattn.datasets.{former}", None)
    with pytest.warns(DeprecationWarning, match=f"{former} is now .*{present}"):
        module = importlib.import_module(f"keras_astroattn.datasets.{former}")
    present = importlib.import_module(f"keras_astroattn.datasets.{present}")
    names = [name for name in vars(present) if not name.startswith("_")]
    assert names
    assert all(getattr(module, name) is getattr(present, name) for name in names)


def test_a_former_argument_is_the_present_one_and_warns():
    with pytest.warns(DeprecationWarning, match="turns of effective_sample_size is now views"):
        former = effective_sample_size(np.array([0.5, 1.0]), turns=10)
    assert former == effective_sample_size(np.array([0.5, 1.0]), views=10)
    with pytest.warns(DeprecationWarning, match="turns of Classifier.__init__ is now tta"):
        classifier = Classifier(turns=2)
    assert classifier.tta == 2


def test_a_former_and_the_present_argument_together_are_an_error():
    with pytest.raises(TypeError, match="both turns and views"):
        effective_sample_size(np.array([0.5, 1.0]), views=10, turns=10)


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")
@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("benchmarks.accuracy", "train.studies.accuracy"),
        ("benchmarks.attention", "train.studies.attention"),
        ("benchmarks.robustness", "train.studies.robustness"),
        ("train.experiments", "train.paper"),
    ],
)
def test_a_former_command_names_the_present_one(former, present, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [former, "--help"])
    with contextlib.suppress(SystemExit):
        runpy.run_module(former, run_name="__main__")
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert f"use python -m {present}" in captured.err
    assert f"Usage: python -m {present}" in captured.out


def test_a_former_experiment_is_the_present_one(capsys, tmp_path):
    from train.paper.__main__ import main

    assert main(["reading", "--weights", str(tmp_path / "none")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == "the experiment reading is now attention"
    assert second.startswith("error: ")


def test_a_name_that_never_was_is_an_attribute_error():
    module = importlib.import_module("keras_astroattn.layers")
    with pytest.raises(AttributeError, match="no attribute 'Twist'"):
        _ = module.Twist
