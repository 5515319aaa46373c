"""Grids of training runs: which runs there are, and that they are trained once."""

import csv
from pathlib import Path

import pytest

from train.sweep import SweepConfig, main, plan

TINY = ["--data", "simulated", "--epochs", "1", "--batch-size", "8", "--recipe", "fast"]


def configurations(configs):
    return [(one.data, one.gates, one.normalization, one.aggregation) for one in configs]


def test_without_a_grid_it_is_the_papers_set():
    configs = plan(SweepConfig(output=Path("out")))
    assert len(configs) == 21
    found = configurations(configs)
    for data in ("mirabest", "mirabest-confident", "frdeep"):
        assert (data, 3, "range_norm", "ft") in found
    for normalization in ("softmax", "sigmoid", "std_mean_norm", "range_norm"):
        for aggregation in ("mean", "concat", "deep_sup", "ft"):
            assert ("mirabest", 3, normalization, aggregation) in found
    assert [one.gates for one in configs].count(0) == 1
    # Section 4 of the paper: Adam, 5e-5, but 1e-5 for one gate; 100 epochs of 72 passes.
    assert {(one.gates, one.learning_rate) for one in configs} == {
        (0, 5e-5),
        (1, 1e-5),
        (2, 5e-5),
        (3, 5e-5),
    }
    assert {(one.optimizer, one.epochs, one.passes) for one in configs} == {("adam", 100, 72)}


def test_a_grid_takes_commas_and_repeated_values():
    sweep = SweepConfig(
        output=Path("out"),
        gates=("1,2", "3"),
        normalization=("range_norm",),
        aggregation=("ft", "mean"),
        seeds=("0,1",),
    )
    configs = plan(sweep)
    assert len(configs) == 3 * 1 * 2 * 2
    assert len({one.output for one in configs}) == len(configs)
    assert {one.seed for one in configs} == {0, 1}


def test_without_gates_one_network_stands_for_the_grid():
    sweep = SweepConfig(
        output=Path("out"), gates=("0,1",), normalization=("softmax,sigmoid",), data=("mirabest",)
    )
    assert [one.gates for one in plan(sweep)] == [0, 1, 1]


def test_options_of_a_run_go_through():
    sweep = SweepConfig(output=Path("out"), gates=("2",), recipe="fast")
    (config,) = plan(sweep, ["--epochs", "7", "--learning-rate=0.01", "--no-flip"])
    assert (config.epochs, config.learning_rate, config.flip) == (7, 0.01, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--gates 4", "--gates"),
        ("--gates 1,1", "twice"),
        ("--normalization batch_norm", "batch_norm"),
        ("--gates 1 --seed 3", "--seed is set by the sweep"),
        ("--gates 1 --resume", "--resume is set by the sweep"),
        ("--gates 1 --seeds -1", "--seed must be at least 0"),
        ("--gates 1 --epochs 0", "--epochs must be at least 1"),
        ("--gates 1 --no-such-option 3", "no-such-option"),
    ],
)
def test_a_wrong_option_is_one_line_and_makes_nothing(
    arguments, words, tmp_path, capsys, monkeypatch
):
    # Were it accepted, it would train for hours.
    monkeypatch.setattr("train.training.train", lambda *_: pytest.fail("it was accepted"))
    status = main([*arguments.split(), "--output", str(tmp_path / "sweep")])
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert words in error
    assert not (tmp_path / "sweep").exists()


def test_runs_are_trained_once_and_compared_over_seeds(tmp_path, small_data, capsys):
    folder = tmp_path / "sweep"
    assert main([*TINY, "--gates", "0", "--seeds", "0", "--output", str(folder)]) == 0
    best = folder / "simulated-0gates-seed0" / "best.keras"
    written = best.stat().st_mtime_ns
    assert main([*TINY, "--gates", "0", "--seeds", "0,1", "--output", str(folder)]) == 0
    assert "already finished" in capsys.readouterr().out
    assert best.stat().st_mtime_ns == written

    with (folder / "runs.csv").open(newline="") as file:
        runs = list(csv.DictReader(file))
    assert [row["seed"] for row in runs] == ["0", "1"]
    with (folder / "summary.csv").open(newline="") as file:
        (summary,) = csv.DictReader(file)
    first, second = (float(row["accuracy"]) for row in runs)
    assert float(summary["accuracy_mean"]) == pytest.approx((first + second) / 2)
    assert float(summary["accuracy_spread"]) == pytest.approx(abs(first - second) / 2**0.5)
    assert "± " in (folder / "summary.md").read_text()
