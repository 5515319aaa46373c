"""Processes that alternate: ratios of paired rounds, and a contender that cannot run."""

import pytest

from benchmarks.contenders import Contender, race, ratio_and_range
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
