import numpy as np
import pytest
from astropy.stats import binom_conf_interval

from keras_astroattn.evaluation import effective_sample_size, wilson_interval
from keras_astroattn.evaluation.intervals import (
    bootstrap_interval,
    bootstrap_weights,
    clustered_wilson_interval,
)


def test_wilson_interval_of_95_in_104_computed_manually():
    # z = 1.959964, p = 0.913462: (0.931930 -+ 0.057105) / 1.036937
    np.testing.assert_allclose(wilson_interval(95 / 104, 104), (0.84366, 0.95380), atol=1e-5)


@pytest.mark.parametrize(("right", "size"), [(0, 5), (5, 5), (1, 3), (97, 104), (130, 153)])
@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_wilson_interval_agrees_with_astropy(right, size, level):
    expected = binom_conf_interval(right, size, level, interval="wilson")
    np.testing.assert_allclose(wilson_interval(right / size, size, level), expected, atol=1e-12)


def test_views_that_agree_are_worth_one():
    assert effective_sample_size(np.array([1.0, 1.0, 0.0, 1.0]), views=360) == 4


def test_independent_views_are_worth_all():
    random = np.random.default_rng(0)
    proportions = random.binomial(50, 0.7, size=4000) / 50
    assert effective_sample_size(proportions, 50) == pytest.approx(200_000, rel=0.1)


def test_effective_sample_size_computed_manually():
    # p = 0.6, variance of the sources 0.08 / 3, of their mean a quarter of it: 0.24 / 0.00667
    proportions = np.array([0.4, 0.6, 0.6, 0.8])
    assert effective_sample_size(proportions, views=10) == pytest.approx(36.0)


def test_certainty_is_worth_the_number_of_sources():
    assert effective_sample_size(np.ones(7), views=360) == 7


def test_clustered_interval_covers_as_promised_where_the_naive_one_does_not():
    random = np.random.default_rng(1)
    sources, views, runs, truth = 104, 60, 1500, 0.9
    chances = random.beta(0.9, 0.1, size=(runs, sources))
    proportions = random.binomial(views, chances) / views
    clustered = [clustered_wilson_interval(one, views) for one in proportions]
    naive = [wilson_interval(one.mean(), sources * views) for one in proportions]
    covered, naively_covered = (
        np.mean([low <= truth <= high for low, high in intervals])
        for intervals in (clustered, naive)
    )
    assert 0.93 < covered < 0.98
    assert naively_covered < 0.5


def test_bootstrap_resamples_each_class_to_its_own_size():
    labels = np.array([0, 0, 0, 1, 1])
    weights = bootstrap_weights(labels, draws=4000, seed=0)
    np.testing.assert_array_equal(weights[:, labels == 0].sum(axis=1), 3)
    np.testing.assert_array_equal(weights[:, labels == 1].sum(axis=1), 2)
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.06)
    # A count among n draws of chance 1 / n has variance 1 - 1 / n.
    np.testing.assert_allclose(weights.var(axis=0), [2 / 3] * 3 + [1 / 2] * 2, atol=0.06)


@pytest.mark.parametrize(("statistic", "function"), [("mean", np.mean), ("median", np.median)])
@pytest.mark.parametrize("count", [7, 8])
def test_bootstrap_interval_is_that_of_resampled_values(statistic, function, count):
    values = np.random.default_rng(5).normal(size=count)
    labels = np.arange(count) % 2
    times = bootstrap_weights(labels, 300, 2).astype(int)
    samples = [function(np.repeat(values, row)) for row in times]
    expected = np.quantile(samples, [0.025, 0.975])
    found = bootstrap_interval(values, labels, statistic, draws=300, seed=2)
    np.testing.assert_allclose(found, expected)
