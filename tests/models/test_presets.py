"""The trained networks that come with the package."""

import json
import zipfile

import keras
import numpy as np
import pytest
from support.backends import run_python

from keras_astroattn import edge
from keras_astroattn.datasets import load_sources
from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_array, to_network_units
from keras_astroattn.models import from_preset, list_presets, preset_metadata
from keras_astroattn.models.loading import load_network
from keras_astroattn.presets import preset_file

PRESETS = list_presets()


def test_the_default_is_among_them_and_the_edge_knows_the_same():
    assert DEFAULT_PRESET in PRESETS
    assert edge.list_presets() == PRESETS


@pytest.mark.parametrize("find", [from_preset, preset_metadata, load_network, Classifier])
def test_a_removed_preset_names_the_one_to_use(find):
    with pytest.raises(InputError, match=r"^the preset agcnn_field was removed: use agcnn_survey$"):
        find("agcnn_field")


@pytest.mark.parametrize("name", PRESETS)
def test_both_files_of_a_preset_are_one_network(name):
    images = to_network_units(simulate(4, seed=3).image)[..., np.newaxis]
    logits = keras.ops.convert_to_numpy(from_preset(name)(images, training=False))
    given = Classifier(name).predict(images)
    metadata = preset_metadata(name)
    # Eleven bits of a weight: what is lost in ten layers.
    logit, probability = {"float32": (1e-3, 5e-4), "float16": (1e-2, 2e-3)}[metadata["precision"]]
    np.testing.assert_allclose(given["logits"], logits, atol=logit)
    temperature = metadata["calibration"]["temperature"]
    exponentials = np.exp(logits / temperature)
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(given["probabilities"], expected, atol=probability)
    both = from_preset(name, calibrated=True)(images, training=False)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(both["logits"]), logits)
    found = keras.ops.convert_to_numpy(both["probabilities"])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_both_files_say_the_same_of_themselves(name):
    with zipfile.ZipFile(preset_file(name, ".tflite")) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    assert len(metadata.pop("network_sha256")) == 64
    assert metadata == preset_metadata(name)
    assert metadata["name"] == name


@pytest.mark.parametrize("name", PRESETS)
def test_the_network_comes_without_an_optimizer(name):
    with zipfile.ZipFile(preset_file(name, ".keras")) as archive:
        assert not json.loads(archive.read("config.json")).get("compile_config")


@pytest.mark.parametrize("name", PRESETS)
def test_the_card_tells_classes_data_figures_failures_and_terms(name):
    card = preset_file(name, ".keras").with_suffix(".md").read_text(encoding="utf-8")
    for needed in (
        "head-tail", "double-double", "Hybrids", "270 arcsec", "z < 0.54", "seed",
        "python -m train.run", "95 % interval", "Known failures", "LICENSE-WEIGHTS", "md5:",
    ):  # fmt: skip
        assert needed in card, needed


def test_the_default_reaches_on_the_test_images_what_its_card_says(data_dir):
    sources = load_sources("mirabest-confident", "test", data_dir)
    classifier = Classifier()
    seen = [classifier.network_input(cutout_from_array(image)) for image in sources.image]
    given = classifier.predict(np.concatenate(seen))
    right = int((given["probabilities"].argmax(axis=1) == sources.label).sum())
    card = preset_file(DEFAULT_PRESET, ".md").read_text(encoding="utf-8")
    assert f"| {len(sources)} | {100 * right / len(sources):.1f} (" in card
    assert right / len(sources) > 0.9


def test_an_unknown_preset_names_the_known():
    with pytest.raises(InputError, match=DEFAULT_PRESET):
        from_preset("unheard-of")


def test_the_default_classifies_where_the_base_alone_is_installed(tmp_path):
    np.save(tmp_path / "source.npy", simulate(1, seed=3).image[0])
    code = f"""
import sys
for name in ("keras", "tensorflow", "torch", "jax", "scipy", "matplotlib", "pyarrow"):
    sys.modules[name] = None
from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
assert run_app(app, ["classify", {str(tmp_path)!r}]) == 0
"""
    header, row = run_python("-c", code).stdout.splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert cells["label"] in ("FRI", "FRII", "uncertain", "unresolved")
    assert cells["model"] == DEFAULT_PRESET
