"""`python -m export.preset`: a run to a preset."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from support import tiny_model_file

from export.export_source import Calibration, ExportSource, open_export_source
from export.exporting import Result
from export.metadata import describe
from export.model_card import model_card
from export.preset import main
from export.verification import Verification
from keras_astroattn.evaluation import evaluate_predictions
from train.configuration import TrainConfig

CONFIG = TrainConfig(data="simulated", train_limit=40, seed=7, flip=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a-run"
    folder.mkdir()
    source = tiny_model_file.untrained_source()
    source.model.compile("adam", "mse")
    source.model.save(folder / "best.keras")
    data = {"name": "simulated", "checksum": "generator:1", "training": 32, "validation": 8}
    saved = {"config": CONFIG.to_json(), "data": data, "backend": "tensorflow"}
    (folder / "config.json").write_text(json.dumps({**saved, "versions": {"keras": "3.15.1"}}))
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    probabilities = np.where(labels[:, None] == [0, 1], 0.75, 0.25)
    probabilities[0] = [0.25, 0.75]
    found = evaluate_predictions(labels, probabilities, protocol="validation, one clean pass")
    clean = json.loads(found.to_json())
    (folder / "evaluation.json").write_text(json.dumps({"model": "best.keras", "clean": clean}))
    calibration = {"temperature": 1.5, "uncertain_below": 0.8, "source": "8 validation images"}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    return folder


def test_the_card_says_that_the_network_sees_the_source_alone(run):
    source = open_export_source(run)
    verified = Result(0, Verification(8, 0.0, 0.0, 1.0, 0.0, (), ()))
    metadata = describe(source, "float32")
    sentence = "The network sees the source alone"
    for more, count in (({}, 0), ({"source_alone": True}, 1)):
        card = model_card(source, run, metadata | more, {"a.tflite": 1}, verified)
        assert card.count(sentence) == count


@pytest.fixture(scope="module")
def preset(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    assert main([str(run), "--name", "a_run", "--output", str(folder)]) == 0
    return folder


def test_three_files_are_written(preset):
    assert sorted(path.name for path in preset.iterdir()) == [
        "a_run.keras", "a_run.md", "a_run.tflite",
    ]  # fmt: skip


def test_the_keras_file_carries_calibration_training_and_data(preset):
    source = open_export_source(preset / "a_run.keras")
    assert source.calibration == Calibration(1.5, 0.8, "8 validation images")
    assert source.training == CONFIG
    assert source.data["checksum"] == "generator:1"
    assert getattr(source.model, "optimizer", None) is None


def test_the_card_tells_the_run(preset):
    card = (preset / "a_run.md").read_text()
    # By hand: 7 of 8 right; FRI 3 of 4, FRII 4 of 4.
    assert "| validation, one clean pass | 8 | 87.5 (" in card
    assert "| 0.750 | 1.000 |" in card
    assert "softmax(logits / 1.5)" in card
    assert "is below 0.8, the label is" in " ".join(card.split())
    assert "python -m train.run --data simulated --train-limit 40 --seed 7 --no-flip\n" in card
    assert "Apache License 2.0" in card


def test_the_card_tells_where_a_run_started(run, tmp_path, data_dir):
    second = tmp_path / "second"
    shutil.copytree(run, second)
    saved = json.loads((run / "config.json").read_text())
    config = dataclasses.replace(CONFIG, data="mirabest", split="all", initial_weights=str(run))
    saved["config"], saved["data"] = config.to_json(), {**saved["data"], "name": "mirabest"}
    (second / "config.json").write_text(json.dumps(saved))
    arguments = ["--name", "second", "--output", str(tmp_path), "--data-dir", str(data_dir)]
    assert main([str(second), *arguments]) == 0
    card = (tmp_path / "second.md").read_text()
    assert (
        f"python -m train.run --data simulated --train-limit 40 --seed 7 --no-flip --output {run}\n"
        "python -m train.run --data mirabest --split all --train-limit 40 "
        f"--initial-weights {run} --seed 7 --no-flip\n"
    ) in card
    text = " ".join(card.split())
    assert "Two runs. The first starts from random weights, and each other one from" in text
    rows = {line.split(" | ")[0]: line for line in card.splitlines() if line.startswith("| ")}
    assert rows["| data set"] == "| data set | `simulated` | `mirabest` |"
    assert rows["| training images"] == "| training images | 32 | 32 |"
    assert rows["| held out for validation"] == "| held out for validation | 8 | 8 |"
    assert rows["| seed"] == "| seed | 7 | 7 |"
    assert rows["| split"] == "| split | train | all |"
    assert rows["| simulated sources"] == "| simulated sources | 1000 | - |"
    assert "| flip" not in rows
    assert "The same in all runs: gates 3" in text
    assert "flip no." in text
    assert "Checksums of the data: `simulated` generator:1, `mirabest` generator:1." in text
    assert "The test batch of the data is among the training images." in text
    assert "Each run keeps the epoch with the lowest loss on the images held out" in text
    assert "Temperature and threshold of `uncertain`: 8 validation images." in text


def test_the_card_tells_the_start_of_the_run_before(run, tmp_path, data_dir):
    folders = [tmp_path / "middle", tmp_path / "last"]
    for folder, start in zip(folders, ["agcnn_evidence", str(folders[0])], strict=True):
        shutil.copytree(run, folder)
        saved = json.loads((run / "config.json").read_text())
        config = dataclasses.replace(CONFIG, degraded_copies=1, initial_weights=start)
        saved["config"] = config.to_json()
        (folder / "config.json").write_text(json.dumps(saved))
    arguments = ["--name", "last", "--output", str(tmp_path), "--data-dir", str(data_dir)]
    assert main([str(folders[1]), *arguments]) == 0
    text = " ".join((tmp_path / "last.md").read_text().split())
    assert "Two runs. The first starts from the weights of `agcnn_evidence`, and each" in text
    assert "degraded copies 1," in text  # of both runs
    assert "No run was trained on the test batch of its data." in text
    assert f"--initial-weights agcnn_evidence --seed 7 --no-flip --output {folders[0]} " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "Has Spaces"], "--name"),
        (["--name", "../escape"], "--name"),
    ],
)
def test_wrong_names_are_one_line(run, tmp_path, arguments, message, capsys):
    assert main([str(run), *arguments, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_run_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "nothing"), "--name", "a"]) == 2
    assert "not the folder of a training run" in capsys.readouterr().err


def test_a_run_without_evaluation_gets_no_card(run, tmp_path):
    source = dataclasses.replace(open_export_source(run), name="a")
    assert isinstance(source, ExportSource)
    from keras_astroattn.errors import InputError

    with pytest.raises(InputError, match="evaluate the run first"):
        model_card(source, tmp_path, {"labels": {}}, {}, None)
