"""Runs whose last passes train for consistency."""

import os
from pathlib import Path

import pytest
from test_interruption import assert_same_run, history_of

from keras_astroattn.models import ConsistentNetwork
from train.configuration import TrainConfig
from train.loop import build, build_consistency, network_of, number_of_epochs

OPTIONS = (
    "--data simulated --symmetry p4m --aggregation votes --consistency 0.1 --epochs 1 "
    "--consistency-passes 2 --batch-size 8 --seed 3"
)


def test_the_last_passes_have_their_own_schedule_and_share_the_network():
    config = TrainConfig(
        gates=1, symmetry="p4m", aggregation="votes", consistency=0.1, epochs=3, batch_size=8
    )
    assert number_of_epochs(config) == 3 + 10
    first = build(config, sources=16)
    last = build_consistency(config, network_of(first), sources=16)
    assert isinstance(last.get_layer("consistency"), ConsistentNetwork)
    assert network_of(last) is network_of(first)
    schedule = last.optimizer._learning_rate
    assert float(schedule(0)) == pytest.approx(1e-3)
    assert float(schedule(10 * 2)) == pytest.approx(0, abs=1e-9)  # 2 batches an epoch


@pytest.mark.slow
@pytest.mark.parametrize("stopped_before", ["resume_0002.keras", "resume_0001.keras"])
def test_a_run_that_was_stopped_ends_the_same(
    command, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_before
) -> None:
    assert command(OPTIONS, "--output", tmp_path / "whole")[0] == 0
    epochs, _ = history_of(tmp_path / "whole")
    assert epochs == ["1", "2", "3"]
    rename = os.replace

    def stop(source, target):
        if Path(target).name == stopped_before:
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        assert command(OPTIONS, "--output", tmp_path / "run")[0] != 0
    assert command("--resume", "--output", tmp_path / "run")[0] == 0
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--consistency 0.1", "--consistency needs --aggregation votes and gates"),
        ("--aggregation votes --consistency -1", "--consistency must be at least 0"),
        ("--aggregation votes --consistency-passes 0", "--consistency-passes must be at least 1"),
        ("--aggregation votes --normalization tanh", "needs attention without negative values"),
    ],
)
def test_options_that_mean_nothing_are_named(command, options, message):
    status, _, err = command(options)
    assert status == 2
    assert message in err
