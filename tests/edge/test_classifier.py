"""The classifier: labels that are earned, threads, and files that are no models of ours."""

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.tiny_model_file import TEMPERATURE, radio_galaxy

from export.metadata import append_metadata
from keras_astroattn import edge, presets
from keras_astroattn.datasets import load_sources
from keras_astroattn.datasets.simulation import (
    generator,
    observe,
    point_source,
    simulate_point_sources,
)
from keras_astroattn.datasets.simulation.telescope import NOISE
from keras_astroattn.edge import LABELS, Classifier, LabelRules, open_model
from keras_astroattn.edge.labels import entropy
from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_array, cutout_from_field, to_network_units
from keras_astroattn.models import from_preset, tta_model


@pytest.fixture(scope="module")
def classifier(model_path) -> Classifier:
    return Classifier(model_path)


def spots(*places: tuple[float, float], width: float = 2.3) -> np.ndarray:
    """(300, 300) map, Jy/beam: Gaussians of 3 pixels' width over noise of 0.1 mJy."""
    y, x = np.mgrid[:300, :300]
    sky = np.random.default_rng(5).normal(0, 1e-4, (300, 300))
    for row, column in places:
        sky += 0.05 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * (width / 2.355) ** 2))
    return sky


def cutout_of(sky: np.ndarray):
    return cutout_from_field(sky, pixel_scale=1.8, beam=5.4, as_is=True)


def test_a_point_source_is_compact_and_has_no_probability(classifier):
    found = classifier.classify(cutout_of(spots((150, 150), width=3)))
    assert found.label == "compact"
    assert found.p_fri is found.p_frii is found.entropy is None


def test_a_point_source_next_to_a_faint_one_is_compact(classifier):
    # 0.05 Jy/beam in the middle and a tenth of it 20 pixels off: two thirds of the gap over
    # which islands are linked.
    sky = spots((150, 150), width=3)
    sky[165:176, 145:156] += 0.1 * spots((150, 150), width=3)[145:156, 145:156]
    cutout = cutout_of(sky)
    assert cutout.size_in_beams > 5
    assert classifier.classify(cutout).label == "compact"


@pytest.mark.parametrize(("spike", "is_compact"), [(0.002, True), (0.02, False)])
def test_a_bright_point_source_with_a_faint_spike_is_compact(classifier, spike, is_compact):
    """A spike of 36 x 3 pixels of a point source of 0.5 Jy/beam, 5000 times the noise.

    Within a beam a point has 1 - 2^-4 = 94 % of its flux, which is 1.133 x 9 = 10.2 times its
    peak. The spike adds 108 x 0.002 = 0.2 or 108 x 0.02 = 2.2 times the peak:
    0.94 x 10.2 / 10.4 = 0.92 and 0.94 x 10.2 / 12.4 = 0.78.
    """
    sky = spots(*[(150, 150)] * 10, width=3)
    sky[149:152, 154:190] += 0.5 * spike
    cutout = cutout_of(sky)
    assert cutout.size_in_beams > 10
    assert cutout.point_share == pytest.approx(0.94 * 10.2 / (10.2 + 108 * spike), abs=0.02)
    assert (classifier.rules.before_network(cutout) == "compact") is is_compact


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_point_source_next_to_one_like_it_is_not(classifier, strength):
    sky = spots((150, 150), width=3)
    sky[165:176, 145:156] += strength * spots((150, 150), width=3)[145:156, 145:156]
    assert classifier.classify(cutout_of(sky)).label in ("FRI", "FRII")


def test_fewer_than_one_point_source_in_a_hundred_is_called_frii(classifier):
    """Of any brightness, alone in FIRST's noise, as maps and as pictures."""
    count = 300
    ratios = np.geomspace(5, 1000, count)
    asked = 0
    for index, picture in enumerate(simulate_point_sources(ratios, seed=8)):
        sky = observe(point_source(ratios[index] * NOISE), generator(8, index, 1))
        for cutout in (cutout_of(sky), cutout_from_array(picture)):
            asked += classifier.rules.before_network(cutout) is None
    # Whatever the network says of those that come to it.
    assert asked < 0.01 * 2 * count


def test_noise_is_no_source(classifier):
    assert classifier.classify(cutout_of(spots())).label == "no_source"


def test_emission_at_the_edge_is_beyond_the_frame(classifier):
    sky = spots((150, 150))
    sky[148:152, 70:230] += 0.02
    found = classifier.classify(cutout_of(sky))
    assert found.label == "beyond_frame"
    assert "beyond_frame" in found.flags


def test_two_lobes_are_classified(classifier):
    found = classifier.classify(radio_galaxy())
    assert found.label in ("FRI", "FRII")
    assert found.p_fri + found.p_frii == pytest.approx(1, abs=1e-6)
    assert found.label == ("FRI" if found.p_fri > found.p_frii else "FRII")


def test_uncertain_below_the_models_threshold(model_path):
    cutout = cutout_from_array(radio_galaxy())
    classifier = Classifier(model_path)
    classifier.rules = LabelRules(uncertain_below=1.1)
    found = classifier.classify(cutout)
    assert found.label == "uncertain"
    assert found.p_fri is not None


@pytest.mark.parametrize(
    ("threshold", "probabilities", "label"),
    [
        (None, [0.51, 0.49], "FRI"),
        (0.8, [0.81, 0.19], "FRI"),
        (0.8, [0.21, 0.79], "uncertain"),
        (0.8, [0.2, 0.8], "FRII"),
    ],
)
def test_thresholds_of_uncertain(threshold, probabilities, label):
    assert LabelRules(uncertain_below=threshold).of_probabilities(np.array(probabilities)) == label


@pytest.mark.parametrize(
    ("probabilities", "label"), [([0.98, 0.02], "uncertain"), ([0.02, 0.98], "FRII")]
)
def test_a_source_without_emission_near_the_middle_is_not_called_fri(probabilities, label):
    lobes = spots((150, 100), (150, 200), width=4)
    cutout = cutout_of(lobes)
    assert "off_centre" in cutout.flags
    assert LabelRules().after_network(np.array(probabilities), cutout) == label


def test_rules_come_from_the_metadata():
    rules = LabelRules.from_metadata({"compact_below_beams": 1.5, "uncertain_below": 0.7})
    assert (rules.compact_below_beams, rules.uncertain_below) == (1.5, 0.7)
    assert LabelRules.from_metadata(None) == LabelRules(1.0, None)


def test_entropy_computed_manually():
    assert entropy(np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert entropy(np.array([1.0, 0.0])) == 0
    assert entropy(np.array([0.9, 0.1])) == pytest.approx(0.325083, abs=1e-6)


def test_a_batch_gives_what_its_images_give(classifier):
    images = np.stack([radio_galaxy(), radio_galaxy().T])
    assert classifier.classify(images) == [classifier.classify(one) for one in images]
    network = to_network_units(images)[..., np.newaxis]
    together = classifier.predict(network)
    for row in range(2):
        alone = classifier.predict(network[row : row + 1])
        for name in together:
            np.testing.assert_allclose(together[name][row], alone[name][0], atol=1e-5)


def test_a_network_whose_logits_are_no_sums_over_pixels_gives_no_evidence(classifier):
    found = classifier.attention(radio_galaxy())
    assert not classifier.has_evidence
    assert found.evidence is None


def test_attention_maps_have_the_papers_sizes(classifier):
    found = classifier.attention(radio_galaxy())
    assert [one.shape for one in found.gates] == [(37, 37), (75, 75), (150, 150)]
    assert found.mean.shape == (150, 150)
    for one in found.gates:  # range_norm
        assert (one.min(), one.max()) == (0, pytest.approx(1, abs=1e-6))


def test_threads_do_not_disturb_each_other(classifier):
    turned = [np.rot90(radio_galaxy(), turns).copy() for turns in range(2)] * 8
    expected = [classifier.classify(image) for image in turned[:2]] * 8
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(classifier.classify, turned)) == expected


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64, np.bool_, np.complex64]),
        st.sampled_from([(), (0,), (150,), (150, 150), (1, 150, 150), (3, 150, 150), (149, 150)]),
        fill=st.just(0),
    )
)
def test_any_array_is_labelled_or_refused(classifier, values):
    try:
        found = classifier.classify(values)
    except InputError:
        return
    for one in found if isinstance(found, list) else [found]:
        assert one.label in LABELS


@pytest.mark.parametrize("option", ["threads", "tta"])
@pytest.mark.parametrize("value", [0, -1])
def test_threads_and_tta_below_one_are_refused(model_path, option, value):
    with pytest.raises(InputError, match=f"{option} must be at least 1"):
        Classifier(model_path, **{option: value})


def test_the_mean_of_views_is_that_of_tta_model():
    images = to_network_units(load_sources("simulated", "test").image[:8])[..., np.newaxis]
    preset = from_preset("agcnn_mirabest")
    once, expected = preset(images), tta_model(preset)(images)
    found = Classifier("agcnn_mirabest", tta=4).predict(images)
    # the file has 16-bit weights: 3e-3; what turning changes is more than a hundred times that
    np.testing.assert_allclose(found["logits"], expected, atol=1e-2)
    assert np.abs(once - expected).max() > 0.3
    alone = Classifier("agcnn_mirabest").predict(images)
    np.testing.assert_array_equal(found["attention_mean"], alone["attention_mean"])


def test_probabilities_of_views_are_at_the_files_temperature(model_path):
    found = Classifier(model_path, tta=2).predict(spots((75, 60), (75, 90))[None, ..., None])
    powers = np.exp(found["logits"] / TEMPERATURE)
    np.testing.assert_allclose(
        found["probabilities"], powers / powers.sum(axis=1, keepdims=True), atol=1e-6
    )


@pytest.mark.parametrize("calibration", [None, {}, {"temperature": None}, {"temperature": 0}])
def test_tta_needs_the_files_temperature(model_path, calibration):
    model = open_model(model_path)
    spoilt = replace(model, metadata={**model.metadata, "calibration": calibration})
    Classifier(spoilt)
    with pytest.raises(InputError, match="does not state the temperature"):
        Classifier(spoilt, tta=4)


def test_the_name_tells_the_views(classifier, model_path):
    assert classifier.name == "tiny"
    assert Classifier(model_path, tta=3).name == "tiny (tta 3)"


def test_an_unknown_model_names_the_presets():
    with pytest.raises(InputError, match="not a preset, and as a file it does not exist"):
        open_model("unheard-of")


def test_presets_are_found_by_name(monkeypatch, model_path):
    monkeypatch.setattr(presets, "presets_folder", lambda: model_path.parent)
    assert edge.list_presets() == ("tiny",)
    assert Classifier("tiny").model.name == "tiny"


@pytest.mark.parametrize("length", [0, 3, 100, 20000, -400])
def test_a_truncated_model_is_refused(tmp_path, model_path, length):
    path = tmp_path / "cut.tflite"
    path.write_bytes(model_path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"cut\.tflite"):
        Classifier(path)


def test_another_network_is_refused(tmp_path, model_path):
    import tensorflow as tf

    double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec((1, 2), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([double.get_concrete_function()])
    path = tmp_path / "double.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(InputError, match=r"metadata\.json"):
        Classifier(path)
    append_metadata(path, {"format": 1})
    with pytest.raises(InputError, match=r"double\.tflite cannot be run"):
        Classifier(path)


def test_neither_keras_nor_tensorflow_nor_astropy_is_imported(model_path):
    script = (
        "import sys, numpy as np\n"
        "from keras_astroattn.edge import Classifier\n"
        f"Classifier({str(model_path)!r}).classify(np.zeros((150, 150), np.uint8))\n"
        "heavy = {'keras', 'tensorflow', 'astropy', 'torch', 'matplotlib', 'scipy', 'asyncio'}\n"
        "print(*heavy & set(sys.modules))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stderr
