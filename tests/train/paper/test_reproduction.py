import numpy as np
import pytest


def test_auc_by_either_class_differs_by_ties_alone():
    from train.paper.reproduction import auc_by_first_class

    # p(FRII) is 1 for both in single precision, p(FRI) still ranks them.
    views = np.array([[[1e-9, 1.0], [1e-12, 1.0]]], np.float32)
    assert auc_by_first_class(views, np.array([0, 1])) == 1.0


def test_monte_carlo_error_is_the_standard_error_over_repeats():
    from train.paper.reproduction import monte_carlo_errors

    right, wrong = [0.1, 0.9], [0.9, 0.1]
    labels = np.array([0, 1])
    # Accuracies 1/2, 1/2, 1, 1: deviation sqrt(1/12), over sqrt(4).
    views = np.array([[right, right], [right, right], [wrong, right], [wrong, right]])
    accuracy, _ = monte_carlo_errors(views, labels)
    assert accuracy == pytest.approx(np.sqrt(1 / 12) / 2)
