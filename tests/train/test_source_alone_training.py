"""Training with `--source-alone`: every image that the network is given shows its source alone."""

import dataclasses
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from support.tiny_model_file import radio_galaxy

from export.export_source import ExportSource
from export.exporting import Export, _with_images
from export.metadata import describe
from keras_astroattn.datasets import load_sources
from keras_astroattn.images import cutout_from_array, source_alone, to_network_units
from keras_astroattn.models import AGCNN
from keras_astroattn.recalibration import GivenLabel
from train import labelled_sources
from train.configuration import TrainConfig
from train.loop import build
from train.predictions import view_logits
from train.sources import load_evaluation_sources, split_sources, training_images
from train.studies.attention.__main__ import _by_title

WHOLE = TrainConfig(data="simulated", gates=1, seed=3)
ALONE = dataclasses.replace(WHOLE, source_alone=True)


def neighbours_lit(images: np.ndarray) -> int:
    """The number of images with a lit pixel outside the source."""
    masks = [cutout_from_array(image).source_mask for image in images]
    return sum(bool(image[~mask].any()) for image, mask in zip(images, masks, strict=True))


def assert_alone(seen, whole):
    assert neighbours_lit(whole.image) > 0
    np.testing.assert_array_equal(seen.image, [source_alone(one) for one in whole.image])
    assert list(seen.name) == list(whole.name)


@pytest.mark.usefixtures("small_data")
def test_training_validation_and_test_images_show_the_source_alone():
    whole, alone = (split_sources(config, "simulated") for config in (WHOLE, ALONE))
    assert_alone(alone.training, whole.training)
    assert_alone(alone.validation, whole.validation)
    tested = dataclasses.replace(ALONE, evaluate="test")
    _, seen = load_evaluation_sources(tested, alone)
    assert_alone(seen, load_sources("simulated", "test"))
    assert load_evaluation_sources(ALONE, alone)[1] is alone.validation


@pytest.mark.usefixtures("small_data")
def test_copies_and_mixed_sources_are_made_of_whole_frames_first():
    sources = load_sources("simulated", "train").select(np.arange(4))
    more = {"degraded_copies": 1, "mixed_simulated": 6}
    whole, alone = (
        training_images(dataclasses.replace(config, **more), sources) for config in (WHOLE, ALONE)
    )
    assert len(alone) == 4 + 4 + 6
    assert_alone(alone, whole)


def test_the_network_of_a_run_states_it(tmp_path):
    before = build(WHOLE, 8).get_layer("network")
    assert before.source_alone is False
    before.save(tmp_path / "whole.keras")
    started = dataclasses.replace(ALONE, initial_weights=str(tmp_path / "whole.keras"))
    network = build(started, 8).get_layer("network")
    assert network.source_alone is True
    np.testing.assert_array_equal(network.get_weights()[0], before.get_weights()[0])


@pytest.mark.usefixtures("small_data")
def test_predictions_of_whole_frames_are_made_from_the_source_alone():
    images = load_sources("simulated", "test").image[:8]
    assert neighbours_lit(images) > 0
    network = AGCNN(gates=1, source_alone=True)
    seen = np.stack([source_alone(one) for one in images])
    expected = network.predict(to_network_units(seen)[..., np.newaxis], verbose=0)
    np.testing.assert_allclose(view_logits(network, images)[0], expected, atol=1e-6)


@pytest.mark.usefixtures("small_data")
@pytest.mark.parametrize("training", [ALONE, None], ids=["of a run", "without its run"])
def test_an_export_is_verified_on_the_source_alone(training, tmp_path):
    network = AGCNN(gates=1, source_alone=True)
    source = ExportSource("alone", network, training=training)
    wanted = Export(tmp_path, ("tflite",), ("float32",), data="simulated")
    _, images, reference = _with_images(source, wanted)
    config = training or TrainConfig(source_alone=True)
    sources = split_sources(config, "simulated")
    np.testing.assert_array_equal(images[..., 0], to_network_units(sources.training.image))
    np.testing.assert_array_equal(
        reference.images[..., 0], to_network_units(sources.validation.image)
    )


def test_the_metadata_of_such_a_network_are_of_format_2():
    found = describe(ExportSource("a", AGCNN(gates=1, source_alone=True)), "float32")
    assert (found["format"], found["source_alone"]) == (2, True)
    assert "pixels that do not belong to the source set to 0; the middle" in found["preprocessing"]
    assert found["network"]["config"]["source_alone"] is True
    found = describe(ExportSource("a", AGCNN(gates=1)), "float32")
    assert found["format"] == 1
    assert "source_alone" not in found
    assert "belong" not in found["preprocessing"]


@pytest.mark.slow
def test_the_command_has_the_option(command, small_data, tmp_path):
    words = "--data simulated --gates 1 --epochs 1 --batch-size 8 --source-alone"
    assert command(words, "--output", tmp_path / "run")[0] == 0
    from keras_astroattn.models.loading import load_network

    assert load_network(str(tmp_path / "run")).source_alone is True


@pytest.mark.parametrize("alone", [False, True])
def test_fine_tuning_reads_what_its_network_sees(alone, monkeypatch):
    frames = [radio_galaxy() for _ in range(60)]
    for frame in frames[::2]:
        frame[70:76, 8:14] = frame.max()
    cutouts = [cutout_from_array(frame) for frame in frames]
    monkeypatch.setattr(labelled_sources, "cut_of", lambda *options: cutouts.__getitem__)
    monkeypatch.setattr(labelled_sources, "survey_summary", lambda path: None)
    result = SimpleNamespace(
        path=None,
        sources=[str(row) for row in range(60)],
        numbers=lambda column: np.full(60, np.nan),
        probabilities=np.full((60, 2), 0.5),
    )
    labels = [GivenLabel(str(row), "FRI" if row % 3 else "FRII") for row in range(60)]
    found = labelled_sources.read_labelled(result, labels, Counter(), Console(), alone)
    assert neighbours_lit(found.image) == (0 if alone else 30)
    expected = cutouts[0].source_alone() if alone else cutouts[0]
    np.testing.assert_array_equal(found.image[0], expected.pixels)


@pytest.mark.usefixtures("small_data")
def test_the_attention_study_measures_a_network_on_what_it_sees(tmp_path):
    whole = load_sources("simulated", "test")
    for alone in (False, True):
        path = tmp_path / f"{alone}.keras"
        AGCNN(gates=1, source_alone=alone).save(path)
        groups = _by_title([str(path)], "simulated", "test", None, None, None)
        (((network, sources),),) = groups.values()
        assert network.model.source_alone is alone
        if alone:
            assert_alone(sources, whole)
        else:
            np.testing.assert_array_equal(sources.image, whole.image)
