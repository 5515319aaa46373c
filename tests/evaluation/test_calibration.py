import numpy as np
import pytest

from keras_astroattn.evaluation import confidence_bins, uncertainty_bins
from keras_astroattn.evaluation.calibration import normalized_entropy

LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.1, 0.9]])


def entropy(p):
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))


def test_expected_calibration_error_computed_manually():
    bins = confidence_bins(LABELS, PROBABILITIES)
    # Two right at 0.9, two wrong at 0.6: (0.1 + 0.6) / 2.
    assert bins.error == pytest.approx(0.35)
    assert bins.count == (0, 0, 0, 0, 0, 2, 0, 0, 2, 0)
    assert bins.observed[5] == 0
    assert bins.observed[8] == 1
    assert bins.stated[8] == pytest.approx(0.9)


def test_uncertainty_calibration_error_computed_manually():
    bins = uncertainty_bins(LABELS, PROBABILITIES)
    # H(0.9) = 0.4690 and never wrong, H(0.6) = 0.9710 and always wrong.
    assert bins.error == pytest.approx((0.4690 + 1 - 0.9710) / 2, abs=1e-4)
    assert bins.count == (0, 0, 0, 0, 2, 0, 0, 0, 0, 2)


def test_predictions_of_one_bin_are_averaged_before_they_are_compared():
    # Two at confidence 0.72 and 0.78, one right: |1 / 2 - 0.75|, not a mean of gaps.
    bins = confidence_bins(np.array([0, 0]), np.array([[0.72, 0.28], [0.22, 0.78]]))
    assert bins.error == pytest.approx(0.25)


def test_bins_are_closed_above():
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0]])
    bins = confidence_bins(np.array([0, 0]), probabilities, bins=4)
    assert bins.count == (0, 1, 0, 1)


def test_views_are_pooled():
    turned = np.stack([PROBABILITIES, PROBABILITIES[::-1]])
    flat = np.concatenate([PROBABILITIES, PROBABILITIES[::-1]])
    pooled = confidence_bins(LABELS, turned, bins=7)
    assert pooled == confidence_bins(np.tile(LABELS, 2), flat, bins=7)
    assert sum(pooled.count) == 8


def test_normalized_entropy_runs_from_certain_to_uniform():
    p = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    np.testing.assert_allclose(normalized_entropy(p), [0, 1, entropy(0.9)], atol=1e-12)
    np.testing.assert_allclose(normalized_entropy(np.full((1, 5), 0.2)), 1)


def test_a_calibrated_model_has_little_error():
    random = np.random.default_rng(0)
    p = random.uniform(size=200_000)
    labels = (random.uniform(size=p.size) < p).astype(int)
    assert confidence_bins(labels, np.stack([1 - p, p], axis=1)).error < 0.01
