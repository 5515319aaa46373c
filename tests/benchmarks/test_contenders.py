"""Processes that alternate: ratios of paired rounds, and a contender that cannot run."""

import json
import subprocess
import sys

import pytest

from benchmarks.contenders import REPOSITORY, Contender, race, ratio_and_range
from keras_astroattn.errors import InputError


def test_the_ratio_is_the_median_of_the_rounds():
    # 1/4, 2/4 and 6/4; the ratio of the medians would be 2/4 as well, that of the means 3/4.
    assert ratio_and_range([1, 2, 6], [4, 4, 4]) == "0.50 (0.25 to 1.50)"
    # Rounds are paired: 1/1, 4/2 and 3/4, though the medians are 3 and 2.
    assert ratio_and_range([1, 4, 3], [1, 2, 4]) == "1.00 (0.75 to 2.00)"


def test_a_contender_that_cannot_run_gives_its_last_message():
    contender = Contender("Caffe", ("keras_astroattn.no_such_module",))
    with pytest.raises(InputError, match=r"Caffe could not run: .*No module"):
        race([contender], rounds=1)


def test_a_worker_answers_each_line_and_keeps_messages_apart():
    code = (
        "from benchmarks.contenders import serve\n"
        "serve(lambda: lambda: print('loaded', flush=True) or {'wall': 2.0, 'images': 3})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        input="run\nrun\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["wall"], answer["images"]) for answer in answers] == [(2.0, 3)] * 2
    assert all(answer["processor"] >= 0 and answer["peak_mib"] > 1 for answer in answers)
    assert done.stderr.splitlines() == ["loaded"] * 2
