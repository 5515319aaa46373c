"""Temperature, shift and threshold that follow from labels."""

import numpy as np
import pytest
from scipy.optimize import minimize

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import fit_calibration, fit_odds
from keras_astroattn.recalibration.fit import confidence_for


def survey(count: int, temperature: float, shift: float, seed: int = 0):
    """Odds of a network, and classes that follow from them by T and b."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 4, count)
    return odds, random.random(count) < 1 / (1 + np.exp(-(odds / temperature + shift)))


def test_temperature_and_shift_are_found_again():
    odds, is_frii = survey(20000, 2.5, -0.7)
    temperature, shift = fit_odds(odds, is_frii)
    assert temperature == pytest.approx(2.5, rel=0.04)
    assert shift == pytest.approx(-0.7, abs=0.06)


def test_the_fit_minimizes_the_posterior():
    """Compared with scipy on the same posterior, written down independently."""
    odds, is_frii = survey(60, 2.0, 0.5, seed=3)
    sign = np.where(is_frii, 1, -1)

    def loss(point):
        score = sign * (odds * np.exp(point[0]) + point[1])
        return np.log1p(np.exp(-score)).sum() + point[0] ** 2 / (2 * 0.5**2) + point[1] ** 2 / 8

    expected = minimize(loss, [0.1, 0.1], method="Nelder-Mead", options={"xatol": 1e-8}).x
    temperature, shift = fit_odds(odds, is_frii)
    assert temperature == pytest.approx(np.exp(-expected[0]), rel=1e-4)
    assert shift == pytest.approx(expected[1], abs=1e-4)


def test_a_weight_is_as_many_equal_labels():
    odds, is_frii = survey(40, 1.5, 0.0, seed=4)
    weights = np.tile([0.5, 1.5], 20)
    weighted = fit_odds(np.tile(odds, 2), np.tile(is_frii, 2), np.tile(weights, 2))
    repeats = np.tile([1, 3], 20)
    repeated = fit_odds(np.repeat(odds, repeats), np.repeat(is_frii, repeats))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6)


@pytest.mark.parametrize("right", [True, False])
def test_labels_that_all_agree_or_disagree_give_finite_values(right):
    odds = np.array([-9.0, -8.0, 8.0, 9.0] * 25)
    temperature, shift = fit_odds(odds, (odds > 0) == right)
    assert 0 < temperature < np.inf
    assert abs(shift) < 1
    assert (temperature > 10) == (not right)


def test_a_label_of_the_random_part_stands_for_the_sources_that_it_represents():
    """Half of the sources at odds 4 are FRII; all uncertain ones that were chosen are FRI."""
    odds = np.array([4.0] * 40 + [-4.0] * 40 + [0.1] * 40)
    true = ["FRII"] * 20 + ["FRI"] * 60 + ["FRI"] * 40
    p = 1 / (1 + np.exp(-odds))
    table = np.stack([1 - p, p], axis=1)
    rows = list(range(120))
    plain = fit_calibration("m", table, rows, true, 0.4)
    weighted = fit_calibration("m", table, rows, true, 0.4, [0.01] * 80 + [None] * 40)
    at_four = np.array([[1 - p[0], p[0]]])
    assert weighted.apply(at_four)[0, 1] > plain.apply(at_four)[0, 1]


def test_the_threshold_follows_from_the_probabilities():
    p = np.array([[0.01, 0.99], [0.95, 0.05], [0.4, 0.6]])
    # Mean of 1 - p of the first, two, three sources: 0.01, 0.03, 0.153.
    assert confidence_for(p, 0.02) == pytest.approx(0.99)
    assert confidence_for(p, 0.031) == pytest.approx(0.95)
    assert confidence_for(p, 0.2) == pytest.approx(0.6)
    with pytest.raises(InputError, match="give a larger --error-rate"):
        confidence_for(p, 0.005)


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        (["FRI"] * 15 + ["FRII"] * 14, "15 FRI and 14 FRII"),
        (["FRI"] * 40 + ["FRII"] * 4, "40 FRI and 4 FRII"),
        (["unsure"] * 60, "0 FRI and 0 FRII"),
    ],
)
def test_too_few_labels_are_refused(labels, counts):
    table = np.full((len(labels), 2), 0.5)
    with pytest.raises(InputError, match=f"too few: {counts}"):
        fit_calibration("m", table, range(len(labels)), labels)


def test_labels_of_sources_without_a_class_do_not_count():
    table = np.full((40, 2), np.nan)
    with pytest.raises(InputError, match="0 FRI and 0 FRII"):
        fit_calibration("m", table, range(40), ["FRI", "FRII"] * 20)
