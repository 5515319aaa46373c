"""Each benchmark runs on tiny sizes and prints its table."""

import importlib
import shutil
from pathlib import Path

import pytest

from keras_astroattn.command import run_app
from keras_astroattn.samples import sample_paths


def run(module: str, *arguments: str) -> int:
    """Run `python -m benchmarks.MODULE ARGUMENTS` in this process."""
    return run_app(importlib.import_module(f"benchmarks.{module}").app, arguments)


def test_an_unknown_contender_is_refused(capsys):
    assert run("training", "--contender", "caffe") == 2
    assert "unknown contender 'caffe'; choose from keras, pytorch" in capsys.readouterr().err


@pytest.mark.slow
def test_training_compares_keras_with_pytorch(capsys):
    pytest.importorskip("torch")
    sizes = ("--batch-size", "4", "--images", "8", "--rounds", "1", "--threads", "1")
    assert run("training", *sizes) == 0
    text = capsys.readouterr().out
    assert "Keras (TensorFlow)" in text
    assert "PyTorch" in text


@pytest.mark.slow
def test_pooled_evaluation_is_compared_with_pytorch(capsys):
    pytest.importorskip("torch")
    assert run("pooled", "--repeats", "1", "--rounds", "1", "--count", "4") == 0
    assert "4 images, 1 transforms of each" in capsys.readouterr().out


@pytest.mark.slow
def test_snapshots_are_timed(capsys):
    assert run("snapshots", "--epochs", "1", "--images", "32") == 0
    assert "32 images an epoch" in capsys.readouterr().out


@pytest.mark.slow
def test_inference_gives_the_outputs_of_keras_in_every_runtime(published_dir, capsys):
    for name in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(name)
    name = "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05"
    checkpoint = str(published_dir / "checkpoints" / name)
    assert run("inference", checkpoint, "--rounds", "1", "--calls", "1") == 0
    text = capsys.readouterr().out
    for runtime in ("LiteRT", "ONNX Runtime", "PyTorch"):
        assert runtime in text


@pytest.mark.slow
def test_classify_is_compared_with_the_bare_model(capsys):
    pytest.importorskip("psutil")
    sizes = ("--count", "64", "--kinds", "png", "--workers", "1", "--starts", "1")
    assert run("classify", *sizes) == 0
    assert "bare model" in capsys.readouterr().out


@pytest.mark.slow
def test_a_survey_is_timed_with_one_worker_and_with_two(tmp_path, capsys):
    for name in ("psutil", "distributed", "pyarrow"):
        pytest.importorskip(name)
    sizes = ("--sources", "4", "--tiles", "1", "--rows", "8", "--rounds", "1")
    assert run("survey.__main__", "speed", *sizes, "--folder", str(tmp_path)) == 0
    assert "command / network" in capsys.readouterr().out


@pytest.mark.slow
def test_reading_is_compared_with_another_checkout(tmp_path, capsys):
    shutil.copy(sample_paths()[0], tmp_path)
    here = str(Path(__file__).parents[2])
    sizes = ("--processes", "1", "--rounds", "1")
    assert run("reading", str(tmp_path), "--baseline", here, *sizes) == 0
    text = capsys.readouterr().out
    assert "1 fields, 1 processes each" in text
    assert text.count("yes") == 2


def test_reading_needs_maps_and_a_checkout(tmp_path, capsys):
    assert run("reading", str(tmp_path)) == 2
    assert "holds no .fits file" in capsys.readouterr().err
    shutil.copy(sample_paths()[0], tmp_path)
    assert run("reading", str(tmp_path), "--baseline", str(tmp_path)) == 2
    assert "is not a checkout of keras-astroattn" in capsys.readouterr().err


@pytest.mark.slow
def test_the_constants_of_a_survey_are_measured(capsys):
    for name in ("distributed", "pyarrow", "psutil"):
        pytest.importorskip(name)
    sizes = ("--sources", "4", "--tiles", "1", "--tasks", "10")
    assert run("survey_constants", *sizes) == 0
    text = capsys.readouterr().out
    for option in ("--open-time", "--part-time", "--result-bytes", "--task-time"):
        assert f"| {option} |" in text


@pytest.mark.slow
def test_the_served_table_is_timed(capsys):
    assert run("serve", "--rows", "2000", "--settle", "0") == 0
    text = capsys.readouterr().out
    assert "2,000 rows in 10 files" in text
    assert "most uncertain first" in text


def test_a_baseline_must_be_a_checkout(tmp_path, capsys):
    assert run("baseline", str(tmp_path)) == 2
    assert f"{tmp_path} is not a checkout of keras-astroattn" in capsys.readouterr().err


@pytest.mark.slow
def test_survey_and_classify_are_compared_with_another_checkout(capsys):
    pytest.importorskip("psutil")
    sizes = ("--rows", "40", "--sources", "4", "--tiles", "1", "--count", "64", "--rounds", "1")
    checkout = str(Path(__file__).resolve().parents[2])
    assert run("baseline", checkout, *sizes) == 0
    text = capsys.readouterr().out
    assert "survey" in text
    assert "classify" in text


def test_a_network_without_frames_is_refused(capsys):
    assert run("frames", "agcnn_mirabest") == 2
    text = capsys.readouterr().err
    assert "has no frames: its network does not see the source alone" in text
    assert run("frames", "agcnn_mirabest", "--batches", "0") == 2
    assert "--batches must be at least 1; got 0" in capsys.readouterr().err
