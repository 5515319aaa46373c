"""Which sources are chosen to be labelled."""

import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import choose_sample
from keras_astroattn.recalibration.sample import equal_shares


def table(count: int = 1000):
    """One FRII in ten, and as many sources that are not classified."""
    p = np.linspace(0.001, 0.999, count)
    labels = ["FRII" if one > 0.9 else "FRI" for one in p] + ["compact"] * count
    p = np.append(p, np.full(count, np.nan))
    return labels, np.stack([1 - p, p], axis=1)


def test_half_of_a_stratified_sample_is_random_and_half_the_most_uncertain():
    labels, p = table()
    chosen = choose_sample(labels, p, count=200)
    random = [one for one in chosen if one.part == "random"]
    uncertain = [one for one in chosen if one.part == "uncertain"]
    assert (len(random), len(uncertain)) == (100, 100)
    assert len({one.row for one in chosen}) == 200
    # 50 of 900 FRI and 50 of 100 FRII.
    assert {(labels[one.row], round(one.inclusion, 6)) for one in random} == {
        ("FRI", round(50 / 900, 6)),
        ("FRII", round(50 / 100, 6)),
    }
    assert all(one.inclusion is None for one in uncertain)
    nearest = sorted(abs(p[one.row, 1] - 0.5) for one in uncertain)
    assert nearest[-1] < 0.06  # of 1000 even steps the nearest 100 are within 0.05
    assert all(np.isfinite(p[one.row]).all() for one in chosen)


def test_a_random_sample_includes_each_source_equally():
    labels, p = table(100)
    counts = np.zeros(200)
    for seed in range(400):
        for one in choose_sample(labels, p, "random", 20, seed):
            counts[one.row] += 1
            assert (one.part, one.inclusion) == ("random", 0.2)
    assert counts[100:].sum() == 0
    assert abs(counts[:100] - 80).max() < 5 * np.sqrt(400 * 0.2 * 0.8)


def test_an_uncertain_sample_has_the_most_even_probabilities_first():
    p = np.array([0.1, 0.45, 0.8, 0.5, np.nan])
    chosen = choose_sample(["FRI"] * 5, np.stack([1 - p, p], 1), "uncertain", 3)
    assert [one.row for one in chosen] == [3, 1, 2]


def test_a_small_table_is_taken_whole():
    labels, p = table(10)
    for how in ("stratified", "random", "uncertain"):
        assert sorted(one.row for one in choose_sample(labels, p, how, 200)) == list(range(10))


def test_a_sample_is_repeatable():
    labels, p = table()
    assert choose_sample(labels, p, seed=1) == choose_sample(labels, p, seed=1)
    assert choose_sample(labels, p, seed=1) != choose_sample(labels, p, seed=2)


@pytest.mark.parametrize(
    ("sizes", "count", "shares"),
    [
        ([100, 4, 100], 30, [13, 4, 13]),
        ([1, 1], 10, [1, 1]),
        ([50], 20, [20]),
        ([10, 10], 5, [2, 3]),
        ([], 5, []),
    ],
)
def test_shares_are_as_equal_as_the_groups_allow(sizes, count, shares):
    assert equal_shares(sizes, count) == shares


def test_wrong_requests_are_refused():
    labels, p = table(10)
    with pytest.raises(InputError, match="no way to choose"):
        choose_sample(labels, p, "best")
    with pytest.raises(InputError, match="no source with a class"):
        choose_sample(labels[10:], p[10:])
