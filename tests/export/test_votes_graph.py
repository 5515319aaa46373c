"""Networks with the aggregation `votes` and sky padding, exported."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from support.tiny_model_file import untrained_model
from support.votes_network import OPTIONS, votes_network

from export.conversion import convert, write_saved_model
from export.export_source import ExportSource
from export.exporting import Export, export_opened
from export.inference_graph import inference_outputs
from export.verification import reference_of, verify, verify_litert, verify_saved_model
from keras_astroattn.edge import Classifier
from keras_astroattn.edge.model_file import SIGNATURE
from keras_astroattn.errors import InputError
from keras_astroattn.models import AGCNN, EquivariantAGCNN, evidence_model


def images(count: int) -> np.ndarray:
    """Sources of 30 x 50 pixels in the middle, and a neighbour that touches the border."""
    pixels = np.full((count, 150, 150, 1), -1, np.float32)
    random = np.random.default_rng(0)
    pixels[:, 60:90, 50:100] = random.uniform(-0.9, 1, (count, 30, 50, 1))
    pixels[:, :20, 130:] = random.uniform(-0.9, 1, (count, 20, 20, 1))
    return pixels


@pytest.fixture(scope="module", params=[EquivariantAGCNN, AGCNN])
def model(request):
    return votes_network(request.param)


def test_the_graph_gives_what_keras_gives(model):
    batch = images(2)
    expected = evidence_model(model)(batch, training=False)
    given = inference_outputs(model)(tf.constant(batch))
    assert set(given) == set(expected)
    for name in expected:
        largest = np.abs(expected[name]).max()
        np.testing.assert_allclose(given[name], expected[name], atol=1e-5 * largest, err_msg=name)


@pytest.mark.parametrize("half", [False, True])
def test_evidence_adds_up_to_the_logits(model, half):
    given = inference_outputs(model, half=half)(tf.constant(images(2)))
    sums = given["evidence"].numpy().sum(axis=(1, 2))
    np.testing.assert_allclose(sums, given["logits"], atol=1e-5)


def test_a_black_image_gives_the_bias(model):
    given = inference_outputs(model)(tf.fill((1, 150, 150, 1), -1.0))
    np.testing.assert_array_equal(given["logits"], [[0.25, -0.5]])
    assert all(np.isfinite(values).all() for values in given.values())
    assert not given["evidence"].numpy().any()


def test_one_grey_level_is_source(model):
    faint = tf.tensor_scatter_nd_update(tf.fill((150, 150), -1.0), [[70, 80]], [-1 + 2 / 255])
    evidence = inference_outputs(model)(faint[tf.newaxis, ..., tf.newaxis])["evidence"].numpy()
    assert np.count_nonzero(np.abs(evidence).sum(axis=-1)) == 1


def test_maps_can_be_left_out(model):
    given = inference_outputs(model, attention=False)(tf.constant(images(1)))
    assert set(given) == {"logits"}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic", "int8"])
def test_a_file_is_verified_with_its_evidence(precision, tmp_path):
    from export.metadata import append_metadata, describe

    source = ExportSource("votes", untrained_model(EquivariantAGCNN, **OPTIONS))
    path = tmp_path / "votes.tflite"
    content = convert(source, precision, images(3))
    path.write_bytes(content)
    append_metadata(path, describe(source, precision))
    reference = reference_of(source, images(3), np.array([0, 1, 0]))
    found = verify_litert(path, reference, precision, attention=True)
    assert (
        found.evidence_sum_difference
        < {"float32": 1e-5, "float16": 1e-5, "dynamic": 5e-2, "int8": 1e-5}[precision]
    )
    assert found.evidence_difference > 0
    assert not [failure for failure in found.failures if "evidence" in failure]
    classifier = Classifier(path)
    assert classifier.has_evidence
    attention = classifier.attention(reference.images[0, ..., 0])
    logits = classifier.predict(reference.images[:1])["logits"][0]
    difference = attention.evidence.sum() - (logits[1] - logits[0])
    assert abs(difference) < 5e-2 * np.abs(logits).max()


@pytest.mark.slow
def test_a_saved_model_carries_evidence(tmp_path):
    source = ExportSource("votes", untrained_model(EquivariantAGCNN, **OPTIONS))
    write_saved_model(source, tmp_path / "saved")
    serve = tf.saved_model.load(str(tmp_path / "saved")).signatures[SIGNATURE]
    assert serve.structured_outputs["evidence"].shape[1:] == (150, 150, 2)
    reference = reference_of(source, images(2), np.array([0, 1]))
    found = verify_saved_model(tmp_path / "saved", reference, attention=True)
    assert found.passed, found.failures


def test_evidence_that_does_not_add_up_is_refused():
    source = ExportSource("votes", untrained_model(EquivariantAGCNN, **OPTIONS))
    reference = reference_of(source, images(2), np.array([0, 1]))
    wrong = dict(reference.outputs)
    wrong["evidence"] = wrong["evidence"] * np.float32(1.001)
    found = verify(lambda _: wrong, reference, "float32")
    assert "evidence adds up to the logits within" in found.failures[0]
    assert verify(lambda _: reference.outputs, reference, "float32").passed


def test_all_precisions_are_those_that_the_network_can_have(tmp_path, monkeypatch):
    soft = ExportSource("soft", AGCNN(normalization="softmax"))
    votes = ExportSource("votes", untrained_model(EquivariantAGCNN, **OPTIONS))
    asked = []

    def stop(source, wanted):
        asked.append(wanted.precision)
        raise InputError("no data")

    monkeypatch.setattr("export.exporting._with_images", stop)
    shown = io.StringIO()
    every = ("float32", "float16", "dynamic", "int8")
    for source, precision in (
        (soft, every),
        (soft, ("int8",)),
        (votes, every),
        (votes, ("dynamic",)),
    ):
        with pytest.raises(InputError):
            export_opened(source, Export(tmp_path, ("tflite",), precision), Console(file=shown))
    assert asked == [
        ("float32", "float16", "dynamic"),
        ("float32", "float16", "int8"),
        ("dynamic",),
    ]
    assert "model_int8.tflite is left out" in shown.getvalue()
    assert "model_dynamic.tflite is left out" in shown.getvalue()


def test_a_convolution_without_a_border_is_kept():
    image = keras.Input((150, 150, 1))
    x = keras.layers.Conv2D(2, 3, name="valid")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(image, keras.layers.Dense(2)(x))
    expected = network(images(1), training=False)
    given = inference_outputs(network)(tf.constant(images(1)))["logits"]
    np.testing.assert_allclose(given, expected, atol=1e-5)
