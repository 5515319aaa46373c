"""The model of a survey on many workers, against sums on paper."""

from dataclasses import replace

import pytest

from benchmarks.survey_model import Survey, app
from keras_astroattn.command import run_app

SMALL = Survey(
    rows=1000,
    workers=10,
    chunk_size=10,
    row_time=0.01,
    plan_rate=1000,
    start=5,
    task_time=1e-3,
    field_bytes=360_000,
    read_again=1,
    bandwidth=1e9,
)


def test_the_parts_are_those_of_the_formula():
    # 1000 / 1000; 1000 x 0.01 / 10; 100 chunks x 0.001; 1000 x 360 kB / (1 GB/s).
    assert SMALL.parts() == pytest.approx(
        {"planning": 1.0, "compute": 1.0, "scheduler": 0.1, "storage": 0.36}
    )
    # 5 + 1 + 1 + the last chunk of 10 x 0.01.
    assert SMALL.duration() == pytest.approx(7.1)


@pytest.mark.parametrize(
    ("changes", "duration"),
    [
        ({"workers": 1}, 5 + 1 + 10),
        ({"workers": 1000}, 5 + 1 + 0.36 + 0.1),  # the storage
        ({"chunk_size": 1, "task_time": 2e-3}, 5 + 1 + 2.0 + 0.01),  # the scheduler
        ({"chunk_size": 500}, 5 + 1 + 5.0 + 5.0),  # two chunks keep two workers busy
    ],
)
def test_the_slowest_part_limits(changes, duration):
    assert replace(SMALL, **changes).duration() == pytest.approx(duration)


def test_the_command_prints_a_row_for_each_number_of_workers(capsys):
    assert run_app(app, ["--rows", "1000"]) == 0
    text = capsys.readouterr().out
    assert all(f" {workers} " in text for workers in (1, 10, 30, 100, 300, 1000))
