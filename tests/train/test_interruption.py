"""A run that is killed and resumed ends as if it had never stopped."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_astroattn.callbacks import EpochSeed
from train.configuration import TrainConfig
from train.loop import build
from train.run_folder import require_free

REPOSITORY = Path(__file__).resolve().parents[2]

Command = Callable[..., tuple[int, str, str]]


def weights_of(path: Path) -> list[np.ndarray]:
    return keras.models.load_model(path).get_weights()


def history_of(folder: Path) -> tuple[list[str], np.ndarray]:
    with (folder / "history.csv").open(newline="") as file:
        columns, *rows = list(csv.reader(file))
    kept = [k for k, name in enumerate(columns) if name != "seconds"]
    return [row[0] for row in rows], np.array([[float(row[k]) for k in kept] for row in rows])


def files_of(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "tensorboard" not in path.parts
    }


def assert_same_run(folder: Path, expected: Path) -> None:
    epochs, values = history_of(folder)
    expected_epochs, expected_values = history_of(expected)
    assert epochs == expected_epochs
    np.testing.assert_allclose(values, expected_values, rtol=1e-4, atol=1e-5)
    assert files_of(folder) == files_of(expected)
    assert (folder / "config.json").read_bytes() == (expected / "config.json").read_bytes()
    for name in ("best.keras", "last.keras"):
        for one, other in zip(weights_of(folder / name), weights_of(expected / name), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    for path in sorted((expected / "attention").glob("*.npz")):
        with np.load(path) as one, np.load(folder / "attention" / path.name) as other:
            for name in one.files:
                np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-3)
    accuracies = [
        json.loads((place / "evaluation.json").read_text())["clean"]["accuracy"]
        for place in (folder, expected)
    ]
    assert accuracies[0] == accuracies[1]
    assert 0 <= accuracies[0] <= 1


def test_every_epoch_is_committed_after_all_its_other_files(reference_run) -> None:
    written = [state.about_to_write for state in reference_run.states]
    for epoch in (1, 2, 3):
        commit = written.index(f"resume_000{epoch}.keras")
        assert written[commit - 1] == "last.keras"
        assert written.index(f"epoch_000{epoch}.npz") < commit
        assert written[:commit].count("history.csv") == epoch
    assert written[0] == "config.json"
    assert written[-1] == "evaluation.json"


def test_resumed_just_before_an_epoch_is_committed_it_ends_the_same(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    # Of all moments the one at which most files are ahead of the last commit.
    state = reference_run.before("resume_0002.keras")
    assert list(state.folder.glob(".*.partial.*")), "the kill left a file behind"
    shutil.copytree(state.folder, tmp_path / "run")
    status, out, err = command("--resume", "--output", tmp_path / "run")
    assert (status, err) == (0, "")
    assert "epoch    2/3" in out
    assert "epoch    1/3" not in out
    assert_same_run(tmp_path / "run", reference_run.folder)


@pytest.mark.slow
def test_resumed_before_any_of_its_renames_it_ends_the_same(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    assert len(reference_run.states) >= 1 + 3 * 5 + 3
    for state in reference_run.states[1:]:
        folder = tmp_path / state.folder.name
        shutil.copytree(state.folder, folder)
        status, _, err = command("--resume", "--output", folder)
        assert (status, err) == (0, ""), state.about_to_write
        assert_same_run(folder, reference_run.folder)
        keras.utils.clear_session()


def test_killed_before_there_is_a_run_it_can_be_started_again(
    reference_run,
) -> None:
    state = reference_run.states[0]
    assert not (state.folder / "config.json").exists()
    require_free(state.folder, TrainConfig(output=state.folder))


def test_killed_after_the_results_were_written_it_only_says_so(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    shutil.copytree(reference_run.folder, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}
    status, out, err = command("--resume", "--output", tmp_path / "run")
    assert (status, err) == (0, "")
    assert "already finished" in out
    assert "validation, one clean pass" in out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")} == before


def test_dropout_and_augmentation_are_the_same_after_a_resume(reference_run) -> None:
    """The generators of a loaded model, in the order in which EpochSeed finds them."""
    images = np.random.default_rng(0).uniform(-1, 1, (4, 150, 150, 1)).astype(np.float32)

    def draws(model: keras.Model) -> list[np.ndarray]:
        callback = EpochSeed(3)
        callback.set_model(model)
        callback.on_epoch_begin(1)
        network = model.get_layer("network")
        drawn = [np.asarray(model.get_layer("augmentation")(images, training=True))]
        for number in (1, 2, 3):
            ones = np.ones((4, 50), np.float32)
            drawn.append(np.asarray(network.get_layer(f"dropout_{number}")(ones, training=True)))
        return drawn

    state = reference_run.before("resume_0002.keras")
    loaded = keras.models.load_model(state.folder / "resume_0001.keras")
    fresh = build(TrainConfig(gates=3, dropout=0.3, seed=3), sources=6)
    for one, other in zip(draws(loaded), draws(fresh), strict=True):
        np.testing.assert_array_equal(one, other)
    # Two dropouts, and the augmentation and the image, differ from each other.
    drawn = draws(loaded)
    assert not np.array_equal(drawn[1], drawn[2])
    assert not np.array_equal(drawn[0], images)


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_it_ends_the_same(
    small_cache: Path, reference_run, tmp_path: Path
) -> None:
    environment = {**os.environ, "KERAS_ASTROATTN_CACHE": str(small_cache)}
    # A library that a test imported may have set the second: TensorFlow would then talk.
    for name in ("KERAS_ASTROATTN_DATA", "TF_CPP_MIN_LOG_LEVEL"):
        environment.pop(name, None)
    folder = tmp_path / "run"
    moments = random.Random(20201204)

    def start(*options: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "train.run", *options, "--output", str(folder)],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    process = start(*reference_run.options)
    for epoch in (1, 2, 3):
        # Up to the epoch's first file, then a little on: into its writing, or the next epoch.
        mark = folder / "attention" / f"epoch_{epoch:04d}.npz"
        while not mark.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        process = start("--resume")
    _, errors = process.communicate(timeout=1200)
    assert (process.returncode, errors) == (0, "")
    assert_same_run(folder, reference_run.folder)
