"""Purity, completeness and calibration error from the random part of the labels."""

import numpy as np
import pytest

from keras_astroattn.evaluation import confidence_bins
from keras_astroattn.recalibration import calibration_error, estimate_shares
from keras_astroattn.recalibration.estimates import (
    error_by_chance,
    reliability,
    weighted_share,
)


def test_equal_weights_give_the_interval_of_a_proportion():
    member = np.array([True] * 30 + [False] * 10)
    share, interval = weighted_share(member, np.full(40, 7.0))
    assert share == 0.75
    # v has n - 1, so n = 39, p = 0.75, z^2 = 3.8415, and 2 (n + z^2) = 85.683:
    # (58.5 + 3.8415 - 1 - 1.96 sqrt(3.8415 - 2 - 1 / 39 + 3 (9.75 + 1))) / 85.683
    # (58.5 + 3.8415 + 1 + 1.96 sqrt(3.8415 + 2 - 1 / 39 + 3 (9.75 - 1))) / 85.683
    assert interval == pytest.approx((0.5824, 0.8688), abs=1e-4)


def test_all_members_give_the_interval_of_the_effective_size():
    # Weights 1 and 3, twenty each: (20 + 60)^2 / (20 + 180) = 32 effective labels.
    share, interval = weighted_share(np.ones(40, bool), np.repeat([1.0, 3.0], 20))
    assert share == 1
    # 32 of 32 (Newcombe's method 4): (2 n + z^2 - 1 - z sqrt(z^2 + 2 - 1 / n)) / 2 (n + z^2).
    assert interval == pytest.approx((0.8666, 1.0), abs=1e-4)


def test_shares_are_weighted_by_hand():
    # 12 sources labelled FRI with inclusion 1/2, and 12 labelled FRII with inclusion 1/4.
    stated = ["FRI"] * 12 + ["FRII"] * 12
    true = (
        ["FRI"] * 9 + ["FRII", "not_radio_galaxy", "unsure"]
        + ["FRII"] * 10 + ["FRI"] * 2
    )  # fmt: skip
    found = {
        (one.quantity, one.label): one
        for one in estimate_shares(stated, true, np.repeat([0.5, 0.25], 12))
    }
    assert found["purity", "FRI"].value == pytest.approx(9 / 11)
    assert found["purity", "FRI"].count == 11
    assert found["purity", "FRII"].value == pytest.approx(10 / 12)
    # FRI: 9 x 2 of 9 x 2 + 2 x 4; FRII: 10 x 4 of 10 x 4 + 1 x 2.
    assert found["completeness", "FRI"].value == pytest.approx(18 / 26)
    assert found["completeness", "FRII"].value == pytest.approx(40 / 42)
    for one in found.values():
        assert one.interval[0] < one.value < one.interval[1]


def test_fewer_than_ten_labels_give_no_estimate():
    found = estimate_shares(["FRI"] * 9, ["FRI"] * 9, np.ones(9))
    assert [(one.value, one.interval) for one in found] == [(None, None)] * 4
    assert [one.count for one in found] == [9, 9, 0, 0]


def test_the_interval_holds_the_share_of_the_population():
    """Two strata with 10 and 50 % members, drawn with 2 and 20 %: in 95 of 100 draws."""
    random = np.random.default_rng(5)
    member = np.append(random.random(4000) < 0.1, random.random(400) < 0.5)
    held = 0
    for _ in range(400):
        drawn = np.append(
            random.choice(4000, 80, replace=False), 4000 + random.choice(400, 80, replace=False)
        )
        _, (low, high) = weighted_share(member[drawn], np.repeat([50.0, 5.0], 80))
        held += low <= member.mean() <= high
    assert held >= 372  # at least 380 expected; two standard deviations are 8.7


def test_the_calibration_error_is_that_of_the_evaluation():
    random = np.random.default_rng(2)
    p = random.random(500)
    p = np.stack([1 - p, p], axis=1)
    is_frii = random.random(500) < 0.6
    expected = confidence_bins(is_frii.astype(int), p).error
    assert calibration_error(p, is_frii, np.full(500, 3.0)) == pytest.approx(expected)


def test_the_calibration_error_weighs_its_sources():
    p = np.array([[0.25, 0.75], [0.25, 0.75]])
    # Right with weight 3, wrong with weight 1: accuracy 0.75.
    assert calibration_error(p, np.array([True, False]), np.array([3.0, 1.0])) == pytest.approx(0)
    assert calibration_error(p, np.array([True, False]), np.ones(2)) == pytest.approx(0.25)


def test_reliability_is_the_share_of_right_classes_in_each_bin():
    p = np.array([[0.45, 0.55], [0.35, 0.65], [0.95, 0.05], [0.93, 0.07], [0.03, 0.97]])
    is_frii = np.array([True, False, False, True, True])
    found = reliability(p, is_frii, np.array([1.0, 1.0, 3.0, 1.0, 1.0]))
    assert [one[3] for one in found] == [1, 1, 3]
    assert [one[1] for one in found] == pytest.approx([1, 0, 0.8])  # 3 and 1 of 3, 1 and 1
    assert found[2][0] == pytest.approx((3 * 0.95 + 0.93 + 0.97) / 5)
    assert found[2][2][0] < 0.8 < found[2][2][1]


def test_chance_alone_gives_the_error_of_a_binomial_count():
    # One bin of 100 labels at 0.75: mean |k / 100 - 0.75| = sqrt(2 / pi 0.75 0.25 / 100) = 0.0346.
    p = np.tile([0.25, 0.75], (100, 1))
    assert error_by_chance(p, np.ones(100), draws=2000) == pytest.approx(0.0346, abs=0.002)
    # Of 10000 labels a tenth.
    many = np.tile([0.25, 0.75], (10000, 1))
    assert error_by_chance(many, np.ones(10000)) == pytest.approx(0.00346, abs=0.0006)


@pytest.mark.parametrize("count", range(10, 60))
def test_an_interval_of_members_alone_ends_at_one_whatever_the_rounding(count):
    """Of 11 equal weights the sum is 0.9999999999999999."""
    share, (_, high) = weighted_share(np.ones(count, bool), np.full(count, 50.0))
    assert (share, high) == (1.0, 1.0)
