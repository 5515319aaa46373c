import numpy as np
import pytest
from scipy.special import expit

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    calibrated,
    confidence_threshold,
    fit_entropy_temperature,
    fit_temperature,
    uncertainty_bins,
)


def test_temperature_computed_manually():
    """Nine of ten are right at one logit difference d: best is p = 0.9, T = d / ln 9."""
    labels = np.array([1] * 9 + [0])
    logits = np.tile([0.0, 6.0], (10, 1))
    temperature = fit_temperature(labels, logits)
    assert temperature == pytest.approx(6 / np.log(9), rel=1e-4)
    np.testing.assert_allclose(calibrated(logits, temperature)[:, 1], 0.9, rtol=1e-4)


def test_it_finds_the_temperature_that_the_labels_were_drawn_with():
    random = np.random.default_rng(0)
    difference = random.normal(0, 4, 100_000)
    labels = (random.uniform(size=difference.size) < expit(difference / 2.5)).astype(int)
    logits = np.stack([np.zeros_like(difference), difference], axis=-1)
    assert fit_temperature(labels, logits) == pytest.approx(2.5, rel=0.02)


def test_entropy_is_the_error_rate_computed_manually():
    """H(p) / ln 2 = 0.5 at p = 0.889972: half of the answers may be wrong, so d / T = 2.09046."""
    labels = np.array([1, 0] * 5)
    logits = np.tile([0.0, 6.0], (10, 1))
    temperature = fit_entropy_temperature(labels, logits)
    assert temperature == pytest.approx(6 / 2.09046, rel=1e-4)
    probabilities = calibrated(logits, temperature)
    np.testing.assert_allclose(probabilities[:, 1], 0.889972, rtol=1e-5)
    assert uncertainty_bins(labels, probabilities).error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("fit", [fit_temperature, fit_entropy_temperature])
@pytest.mark.parametrize(("label", "word"), [(1, "all"), (0, "never")])
def test_no_temperature_is_best_for_a_perfect_network(fit, label, word):
    with pytest.raises(InputError, match=f"no temperature fits 3 sources that are {word}"):
        fit(np.full(3, label), np.tile([0.0, 1.0], (3, 1)))


def test_no_temperature_where_the_logits_say_nothing():
    labels, logits = np.array([0, 0, 0, 1]), np.zeros((4, 2))
    with pytest.raises(InputError, match=r"the mean entropy of 4 sources their error rate, 0\.25"):
        fit_entropy_temperature(labels, logits)


def test_threshold_computed_manually():
    # by falling confidence: right .95, right .9, wrong .8, right .7, wrong .6
    p = np.array([0.95, 0.9, 0.8, 0.7, 0.6])
    probabilities = np.stack([1 - p, p], axis=-1)[[3, 0, 4, 1, 2]]
    labels = np.array([1, 1, 0, 1, 0])
    strict = confidence_threshold(labels, probabilities, 0.0)
    assert (strict.confidence, strict.coverage, strict.error_rate) == (0.9, 0.4, 0)
    # one of four is wrong at 0.7
    loose = confidence_threshold(labels, probabilities, 0.25)
    assert (loose.confidence, loose.coverage, loose.error_rate) == (0.7, 0.8, 0.25)
    assert confidence_threshold(labels, probabilities, 0.5).coverage == 1


def test_sources_of_one_confidence_stay_together():
    probabilities = np.tile([0.2, 0.8], (4, 1))
    labels = np.array([1, 1, 1, 0])
    with pytest.raises(InputError, match=r"no confidence leaves an error rate of 0\.1"):
        confidence_threshold(labels, probabilities, 0.1)
    assert confidence_threshold(labels, probabilities, 0.25).coverage == 1
