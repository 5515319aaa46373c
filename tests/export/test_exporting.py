"""What is exported, what it says of itself, and what is refused."""

import dataclasses
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from support.tiny_model_file import TEMPERATURE, radio_galaxy, untrained_model

from export.conversion import convert, write_saved_model
from export.export_source import Calibration, ExportSource, open_export_source
from export.metadata import append_metadata, describe
from export.run import FAILED, main
from export.verification import operators_beyond_litert, reference_of, verify, verify_litert
from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.edge import DEFAULT_PRESET, Classifier, ModelFile
from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.models import AGCNN

OUTPUTS = {
    "logits": (1, 2),
    "probabilities": (1, 2),
    "attention_1": (1, 37, 37),
    "attention_2": (1, 75, 75),
    "attention_3": (1, 150, 150),
    "attention_mean": (1, 150, 150),
}


def image() -> np.ndarray:
    return to_network_units(radio_galaxy())[np.newaxis, ..., np.newaxis]


def test_the_signature_names_input_and_outputs(model_path):
    interpreter = Interpreter(model_path=str(model_path))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": sorted(OUTPUTS)}
    }
    given = interpreter.get_signature_runner("serving_default")(image=image())
    assert {name: value.shape for name, value in given.items()} == OUTPUTS


def test_probabilities_are_the_softmax_of_logits_over_the_temperature(model_path):
    given = Interpreter(model_path=str(model_path)).get_signature_runner()(image=image())
    exponentials = np.exp(given["logits"] / TEMPERATURE)
    np.testing.assert_allclose(
        given["probabilities"], exponentials / exponentials.sum(), rtol=1e-4, atol=1e-7
    )


def test_the_whole_network_is_one_delegate_partition(model_path):
    interpreter = Interpreter(model_path=str(model_path))
    interpreter.allocate_tensors()
    names = [op["op_name"] for op in interpreter._get_ops_details()]
    assert names.count("DELEGATE") == 1


def test_the_file_is_verified_against_keras(untrained_source, model_path):
    reference = reference_of(untrained_source, np.repeat(image(), 2, axis=0), np.array([0, 1]))
    found = verify_litert(model_path, reference, precision="float32", attention=True)
    assert found.passed, found
    assert found.unknown_operators == ()


def test_the_metadata_are_read_by_zipfile(model_path):
    with zipfile.ZipFile(model_path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata["class_names"] == ["FRI", "FRII"]
    assert metadata["pixel_scale_arcsec"] == 1.8
    assert metadata["beam_arcsec"] == 5.4
    assert metadata["calibration"]["temperature"] == TEMPERATURE
    assert metadata["network"]["config"]["gates"] == 3
    assert "doi:10.5281/zenodo.4288837" in metadata["terms"]


def test_the_same_model_gives_the_same_metadata_bytes(untrained_source, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"network")
        append_metadata(tmp_path / name, describe(untrained_source, "float32"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes().startswith(b"network")


def reference_with_probabilities(probabilities):
    from export.verification import Reference

    count = len(probabilities)
    return Reference(
        np.zeros((count, 150, 150, 1), np.float32),
        np.zeros(count, np.int64),
        {"logits": np.zeros((count, 2)), "probabilities": np.asarray(probabilities)},
    )


@pytest.mark.parametrize(("off_by", "passes"), [(4e-4, True), (6e-4, False)])
def test_exact_files_may_differ_by_five_ten_thousandths(off_by, passes):
    expected = np.full((4, 2), 0.5)
    shifted = expected + np.array([off_by, -off_by])
    found = verify(
        lambda batch: {"logits": np.zeros((len(batch), 2)), "probabilities": shifted},
        reference_with_probabilities(expected),
        precision="float32",
        attention=False,
    )
    assert found.passed == passes
    assert found.probability_difference == pytest.approx(off_by)


@pytest.mark.parametrize(("flipped", "passes"), [(0, True), (1, True), (2, False)])
def test_other_files_must_agree_on_98_of_100_classes(flipped, passes):
    expected = np.tile([0.9, 0.1], (100, 1))
    given = expected.copy()
    given[:flipped] = given[:flipped, ::-1]
    reference = dataclasses.replace(
        reference_with_probabilities(expected), images=np.zeros((25, 1, 1, 1))
    )
    found = verify(
        lambda _: {"logits": given, "probabilities": given}, reference, False, attention=False
    )
    # Two of 100 are 98 % agreement, and two points of accuracy.
    assert found.class_agreement == pytest.approx(1 - flipped / 100)
    assert found.passed == passes


def test_missing_outputs_and_unknown_operators_fail():
    given = {"logits": np.zeros((1, 2)), "probabilities": np.full((1, 2), 0.5)}
    reference = reference_with_probabilities(given["probabilities"])
    reference.outputs["attention_1"] = np.zeros((1, 5, 5))
    found = verify(lambda _: given, reference, precision="float16", unknown_operators=("FlexErf",))
    assert "FlexErf" in str(found.failures)
    assert "outputs are" in str(found.failures)


def test_no_operator_of_the_file_is_beyond_litert(model_path):
    assert operators_beyond_litert(model_path.read_bytes()) == ()


def test_int8_refuses_softmax_attention():
    source = ExportSource("soft", AGCNN(normalization="softmax"))
    with pytest.raises(InputError, match="softmax attention"):
        convert(source, "int8", np.zeros((1, 150, 150, 1), np.float32))


def test_integer_borders_go_through_the_classifier(untrained_source, model_path):
    images = to_network_units(simulate(6, seed=4).image)[..., np.newaxis]
    content = convert(untrained_source, "int8", images, integer_borders=True)
    classifier = Classifier(
        ModelFile("int8", model_path, content, describe(untrained_source, "int8"))
    )
    runner = Interpreter(model_content=content).get_signature_runner()
    details = [*runner.get_input_details().values(), *runner.get_output_details().values()]
    assert {one["dtype"] for one in details} == {np.int8}
    given, exact = classifier.predict(images), Classifier(model_path).predict(images)
    for name, values in given.items():
        assert values.dtype == np.float32
        assert values.shape == exact[name].shape
    # Steps of 1/256, and what rounding every layer to them does.
    np.testing.assert_allclose(given["probabilities"].sum(axis=1), 1, atol=2 / 256)
    np.testing.assert_allclose(given["probabilities"], exact["probabilities"], atol=0.15)
    np.testing.assert_allclose(given["attention_1"], exact["attention_1"], atol=0.25)


@pytest.mark.slow
def test_saved_model_serves_without_this_package(untrained_source, tmp_path):
    write_saved_model(untrained_source, tmp_path / "saved", attention=False)
    np.save(tmp_path / "image.npy", image())
    script = (
        "import sys, numpy as np, tensorflow as tf\n"
        f"serve = tf.saved_model.load({str(tmp_path / 'saved')!r}).signatures['serving_default']\n"
        f"given = serve(image=tf.constant(np.load({str(tmp_path / 'image.npy')!r})))\n"
        "assert not any(m.startswith(('keras_astroattn', 'export')) for m in sys.modules)\n"
        "print(*given['logits'].numpy().ravel().tolist())\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    expected = np.asarray(untrained_source.model(image(), training=False)).ravel()
    np.testing.assert_allclose([float(v) for v in printed.split()], expected, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_no_temperature_is_refused(temperature):
    with pytest.raises(InputError, match="temperature"):
        Calibration(temperature)


def test_a_network_of_another_input_is_refused(tmp_path):
    path = tmp_path / "small.keras"
    keras.Sequential(
        [keras.Input((20, 20, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    ).save(path)
    with pytest.raises(InputError, match=r"only functional ones from one image of 150 x 150 x 1"):
        open_export_source(path)


@pytest.mark.parametrize("content", [b"", b"no zip at all"])
def test_a_broken_model_is_one_line(tmp_path, content):
    (tmp_path / "broken.keras").write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.keras cannot be loaded") as raised:
        open_export_source(tmp_path / "broken.keras")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [b"{}", b"[]", b"{} x", b"\xff", b'{"calibration": {}}'])
def test_a_preset_with_damaged_metadata_is_one_line(tmp_path, untrained_source, text):
    path = tmp_path / "odd.keras"
    untrained_source.model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("keras_astroattn.json", text)
    with pytest.raises(InputError, match=r"odd\.keras has a damaged keras_astroattn\.json"):
        open_export_source(path)


def test_no_model_is_status_2(tmp_path, capsys):
    assert main(["nowhere.keras", "--output", str(tmp_path)]) == 2
    assert "nowhere.keras: no preset" in capsys.readouterr().err


@pytest.mark.slow
def test_all_formats_verify_or_fail_by_themselves(data_dir, tmp_path):
    model = untrained_model(aggregation="concat_gating", pooling="weighted_mean")
    model.save(tmp_path / "model.keras")
    output = tmp_path / "out"
    data = ["--data", "mirabest-confident", "--data-dir", str(data_dir)]
    status = main([str(tmp_path / "model.keras"), "--output", str(output), *data])
    summary = json.loads((output / "export.json").read_text())
    assert set(summary["files"]) == {
        "saved_model",
        *(f"model_{p}.tflite" for p in ("float32", "float16", "dynamic", "int8")),
    }
    for name, file in summary["files"].items():
        assert (output / name).exists() == file["passed"]
    assert status == (0 if all(f["passed"] for f in summary["files"].values()) else FAILED)
    assert summary["files"]["model_float32.tflite"]["passed"]
    assert summary["files"]["saved_model"]["passed"]


@pytest.mark.slow
def test_the_published_model_fails_below_float32(data_dir, published_dir, tmp_path):
    from keras_astroattn.models import load_published

    folder = "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05"
    model = load_published(published_dir / "checkpoints" / folder)
    model.save(tmp_path / "published.keras")
    output = tmp_path / "out"
    formats = ["--formats", "tflite", "--precision", "float16", "int8"]
    data = ["--data", "mirabest-confident", "--data-dir", str(data_dir)]
    path = str(tmp_path / "published.keras")
    assert main([path, "--output", str(output), *formats, *data]) == FAILED
    assert not (output / "model_int8.tflite").exists()


@pytest.mark.slow
def test_half_the_bytes_of_the_preset_keep_to_its_probabilities():
    """With biases and the last layer in float16 as well, a probability moved by 1.2e-2."""
    source = open_export_source(DEFAULT_PRESET)
    content = convert(source, "float16")
    images = to_network_units(simulate(24, seed=4).image)[..., np.newaxis]
    reference = reference_of(source, images, np.zeros(24, np.int64))
    half = ModelFile("half", Path("half.tflite"), content, describe(source, "float16"))
    given = Classifier(half).predict(images)
    expected = reference.outputs["probabilities"]
    # A temperature below 1 makes what is lost in sixteen bits larger.
    atol = 1e-3 / min(1.0, source.calibration.temperature)
    np.testing.assert_allclose(given["probabilities"], expected, rtol=0, atol=atol)
    # The graphs of the frames are not halved: only the kernels are, which they share.
    assert len(content) < 0.6 * len(convert(source, "float32"))


@pytest.mark.slow
@pytest.mark.parametrize("integer_borders", [False, True], ids=["float", "int8"])
def test_eight_bits_of_the_preset_agree_with_keras(integer_borders):
    """Before the black sky was a step of 8 bits and the offset was subtracted, 75 % did."""
    source = open_export_source("agcnn_mirabest")  # the votes of others need more than 8 bits
    images = to_network_units(simulate(96, seed=4).image)[..., np.newaxis]
    content = convert(source, "int8", images[:48], integer_borders=integer_borders)
    model = ModelFile("int8", Path("int8.tflite"), content, describe(source, "int8"))
    given = Classifier(model).predict(images[48:])["logits"]
    expected = source.model.predict(images[48:], batch_size=8, verbose=0)
    assert (given.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95
    assert np.abs((given - expected).mean(axis=0)).max() < 0.5
