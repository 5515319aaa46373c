import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    Evaluation,
    evaluate_predictions,
    wilson_interval,
)


def two_columns(p):
    p = np.asarray(p, float)
    return np.stack([1 - p, p], axis=-1)


@pytest.fixture(scope="module")
def sample():
    """Labels of 60 sources and p(FRII) of 7 views, the views of a source alike."""
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1], [35, 25])
    score = 1.5 * (2 * labels - 1) + 2 * random.normal(size=60) + 0.5 * random.normal(size=(7, 60))
    return labels, two_columns(1 / (1 + np.exp(-score)))


def test_small_case_computed_manually():
    evaluation = evaluate_predictions([0, 0, 1, 1], two_columns([0.1, 0.6, 0.4, 0.9]))
    assert (evaluation.images, evaluation.predictions) == (4, 4)
    assert evaluation.accuracy == 0.5
    assert evaluation.confusion == ((1, 1), (1, 1))
    assert evaluation.recall == evaluation.precision == evaluation.f1 == (0.5, 0.5)
    assert evaluation.auc == 0.75
    assert evaluation.brier_score == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert evaluation.log_loss == pytest.approx(-(np.log(0.9) + np.log(0.4)) / 2)
    assert evaluation.expected_calibration_error == pytest.approx(0.35)


def test_pooled_metrics_are_scikit_learns_of_all_predictions(sample):
    labels, probabilities = sample
    evaluation = evaluate_predictions(labels, probabilities, "pooled 7")
    truth, p = np.tile(labels, 7), probabilities[..., 1].ravel()
    predicted = (p > 0.5).astype(int)
    assert (evaluation.images, evaluation.predictions) == (60, 420)
    assert evaluation.accuracy == pytest.approx(sk.accuracy_score(truth, predicted))
    for name in ("recall", "precision", "f1"):
        expected = getattr(sk, f"{name}_score")(truth, predicted, average=None)
        np.testing.assert_allclose(getattr(evaluation, name), expected)
    assert evaluation.auc == pytest.approx(sk.roc_auc_score(truth, p))
    assert evaluation.brier_score == pytest.approx(sk.brier_score_loss(truth, p))
    assert evaluation.log_loss == pytest.approx(sk.log_loss(truth, p))
    np.testing.assert_array_equal(evaluation.confusion, sk.confusion_matrix(truth, predicted))
    area = np.trapezoid(evaluation.true_positive_rate, evaluation.false_positive_rate)
    assert area == pytest.approx(evaluation.auc, abs=1e-6)


def test_ties_count_half_in_the_area():
    evaluation = evaluate_predictions([0, 0, 1, 1], two_columns([0.0, 1.0, 1.0, 1.0]))
    assert evaluation.auc == 0.75
    blind = evaluate_predictions([0, 0, 1, 1, 1], two_columns([0.5] * 5))
    assert blind.auc == 0.5
    assert blind.auc_interval == pytest.approx((0.5, 0.5))


def test_clean_intervals_of_proportions_are_wilsons():
    labels = np.repeat([0, 1], [49, 55])
    p = np.where(np.arange(104) < 45, 0.2, 0.8)
    evaluation = evaluate_predictions(labels, two_columns(p))
    assert evaluation.accuracy_interval == wilson_interval(100 / 104, 104)
    assert evaluation.recall_intervals == (wilson_interval(45 / 49, 49), wilson_interval(1.0, 55))


def test_identical_views_teach_nothing(sample):
    labels, probabilities = sample
    once = evaluate_predictions(labels, probabilities[0])
    often = evaluate_predictions(labels, np.repeat(probabilities[:1], 50, axis=0))
    assert often.predictions == 50 * once.predictions
    for (name, value, interval), (_, value_often, interval_often) in zip(
        once.rows(), often.rows(), strict=True
    ):
        np.testing.assert_allclose(value_often, value, err_msg=name)
        np.testing.assert_allclose(interval_often, interval, rtol=1e-6, err_msg=name)


def test_bootstrap_intervals_agree_with_one_that_resamples_and_recomputes(sample):
    labels, probabilities = sample
    evaluation = evaluate_predictions(labels, probabilities)
    random = np.random.default_rng(11)
    functions = {
        "auc": lambda y, p: sk.roc_auc_score(y, p),
        "log_loss": lambda y, p: sk.log_loss(y, p),
        "brier_score": lambda y, p: sk.brier_score_loss(y, p),
        "precision": lambda y, p: sk.precision_score(y, p > 0.5),
        "f1": lambda y, p: sk.f1_score(y, p > 0.5),
    }
    drawn = {name: [] for name in functions}
    for _ in range(300):
        chosen = np.concatenate(
            [random.choice(np.flatnonzero(labels == c), (labels == c).sum()) for c in (0, 1)]
        )
        truth, p = np.tile(labels[chosen], 7), probabilities[:, chosen, 1].ravel()
        for name, function in functions.items():
            drawn[name].append(function(truth, p))
    for name, values in drawn.items():
        if name in ("precision", "f1"):
            ours = getattr(evaluation, f"{name}_intervals")[1]
        else:
            ours = getattr(evaluation, f"{name}_interval")
        low, high = np.quantile(values, [0.025, 0.975])
        np.testing.assert_allclose(ours, (low, high), atol=0.2 * (high - low), err_msg=name)


def test_intervals_hold_their_values(sample):
    for name, value, (low, high) in evaluate_predictions(*sample).rows():
        assert low <= value <= high or "calibration" in name, name
        assert high - low > 0.01, name


def test_a_class_never_predicted_has_precision_and_f1_of_0():
    evaluation = evaluate_predictions([0, 1], two_columns([0.1, 0.2]))
    assert evaluation.precision == (0.5, 0.0)
    assert evaluation.f1 == (pytest.approx(2 / 3), 0.0)


def test_predictions_of_one_class_have_intervals_with_a_width():
    labels = np.repeat([0, 1], [12, 14])
    evaluation = evaluate_predictions(labels, two_columns(np.full(26, 0.1)))
    low, high = binomtest(12, 26).proportion_ci(method="wilson")
    assert evaluation.precision_intervals[0] == pytest.approx((low, high))
    # 12 of the 26 sources that are FRI or predicted as FRI are correct: J = 12 / 26.
    expected = (2 * low / (1 + low), 2 * high / (1 + high))
    assert evaluation.f1_intervals[0] == pytest.approx(expected)
    assert evaluation.precision_intervals[1] == (0, 1)
    # None of 14: the upper bound is z^2 / (14 + z^2), z = 1.96.
    high = 3.8415 / 17.8415
    assert evaluation.f1_intervals[1] == pytest.approx((0, 2 * high / (1 + high)), abs=1e-4)
    for name, value, (low, high) in evaluation.rows():
        if name.startswith(("precision", "F1")):
            assert low <= value <= high, name


def test_correct_predictions_have_a_precision_that_may_be_below_1():
    labels = np.repeat([0, 1], [12, 14])
    evaluation = evaluate_predictions(labels, two_columns(0.1 + 0.8 * labels))
    # n of n: the lower bound is n / (n + z^2), z = 1.96.
    lowest = [n / (n + 3.8415) for n in (12, 14)]
    assert [low for low, _ in evaluation.precision_intervals] == pytest.approx(lowest, abs=1e-4)
    assert [high for _, high in evaluation.f1_intervals] == [1, 1]


def test_roc_of_many_predictions_is_thinned_but_keeps_its_area():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 3000)
    p = 1 / (1 + np.exp(-random.normal(2.0 * labels - 1, 1)))
    evaluation = evaluate_predictions(labels, two_columns(p), bootstrap_draws=10)
    assert len(evaluation.false_positive_rate) <= 500
    assert (evaluation.false_positive_rate[0], evaluation.true_positive_rate[0]) == (0, 0)
    assert (evaluation.false_positive_rate[-1], evaluation.true_positive_rate[-1]) == (1, 1)
    area = np.trapezoid(evaluation.true_positive_rate, evaluation.false_positive_rate)
    assert area == pytest.approx(sk.roc_auc_score(labels, p), abs=2e-3)


def test_json_gives_the_same_evaluation_back(sample):
    evaluation = evaluate_predictions(*sample, protocol="pooled 7")
    text = evaluation.to_json()
    assert Evaluation.from_json(text) == evaluation
    assert json.loads(text)["protocol"] == "pooled 7"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"accuracy": 1}'])
def test_json_of_something_else_is_refused(text):
    with pytest.raises(InputError, match="not the JSON of an evaluation"):
        Evaluation.from_json(text)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 0], two_columns([0.1, 0.2]), "no FRII among the 2 labels"),
        ([0, 2], two_columns([0.1, 0.2]), "give 0 \\(FRI\\) and 1 \\(FRII\\) only"),
        ([0, 1, 1], two_columns([0.1, 0.2]), "shape \\(2, 2\\) for 3 labels"),
        ([0, 1], np.array([[0.1, 0.9], [np.nan, 0.1]]), "NaN"),
        ([0, 1], np.array([[3.0, -2.0], [0.5, 0.5]]), "softmax of the logits"),
        ([0, 1], np.array([[0.1, 0.1], [0.5, 0.5]]), "do not sum to 1"),
    ],
)
def test_bad_input_is_named(labels, probabilities, message):
    with pytest.raises(InputError, match=message):
        evaluate_predictions(labels, probabilities)
