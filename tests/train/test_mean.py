"""The mean of runs that differ in their seed."""

import json

import numpy as np
import pytest

from keras_astroattn.models.loading import load_network
from train.mean import main, mean_weights

OPTIONS = (
    "--data simulated --gates 1 --epochs 1 --batch-size 8 --train-limit 16 --learning-rate 0.01"
)


def test_weights_are_averaged_and_random_states_kept():
    several = [
        [np.array([1.0, 2.0], np.float32), np.array([7, 8], np.uint32)],
        [np.array([3.0, 0.0], np.float32), np.array([1, 1], np.uint32)],
    ]
    mean, state = mean_weights(several)
    np.testing.assert_array_equal(mean, [2, 1])
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(state, [7, 8])


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small_cache):
    """A start, and two runs that continue it with other seeds."""
    from train.run import main as train

    folder = tmp_path_factory.mktemp("runs")
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_ASTROATTN_CACHE", str(small_cache))
    patch.delenv("KERAS_ASTROATTN_DATA", raising=False)
    assert train([*OPTIONS.split(), "--output", str(folder / "start")]) == 0
    for seed in (1, 2):
        start = ["--initial-weights", str(folder / "start"), "--seed", str(seed)]
        assert train([*OPTIONS.split(), *start, "--output", str(folder / f"seed{seed}")]) == 0
    yield folder
    patch.undo()


@pytest.mark.slow
def test_the_mean_of_two_runs_is_a_run(runs, tmp_path, capsys):
    output = tmp_path / "mean"
    assert main([str(runs / "seed1"), str(runs / "seed2"), "--output", str(output)]) == 0
    one, other, found = (
        load_network(str(folder)).get_weights()
        for folder in (runs / "seed1", runs / "seed2", output)
    )
    for a, b, c in zip(one, other, found, strict=True):
        if np.issubdtype(a.dtype, np.floating):
            np.testing.assert_allclose(c, (a + b) / 2, atol=1e-6)
    saved = json.loads((output / "config.json").read_text())
    assert [member["seed"] for member in saved["mean_of"]] == [1, 2]
    assert "accuracy" in json.loads((output / "evaluation.json").read_text())["clean"]
    capsys.readouterr()
    assert main([str(runs / "seed1"), str(runs / "seed2"), "--output", str(output)]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert main([str(runs / "start"), str(runs / "seed2"), "--output", str(tmp_path / "m")]) == 2
    assert "started from random weights" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("runs", "message"), [(["a"], "two runs or more"), (["a", "b"], "a holds no training run")]
)
def test_what_has_no_mean_is_one_line(runs, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*runs, "--output", "mean"]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "mean").exists()
