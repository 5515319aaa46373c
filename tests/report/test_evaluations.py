import io

import numpy as np
import pytest
from rich.console import Console

from keras_astroattn.evaluation import evaluate_predictions
from keras_astroattn.report import (
    evaluation_markdown,
    evaluation_table,
    network_title,
    results_markdown,
    spread_records,
    spread_table,
)

NETWORK = {
    "gates": 3,
    "normalization": "sigmoid",
    "aggregation": "ft",
    "trained_on": "MiraBest",
    "seed": 0,
}


@pytest.fixture(scope="module")
def evaluation():
    """Two of four predictions are right: one of each class."""
    p = np.array([0.1, 0.6, 0.4, 0.9])
    return evaluate_predictions([0, 0, 1, 1], np.stack([1 - p, p], axis=-1), "clean")


def drawn(table) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()


def test_value_and_interval_are_shown(evaluation):
    text = drawn(evaluation_table(evaluation))
    # Wilson's interval of 2 in 4: (1/2 + z2 / 8 -+ z sqrt(1/16 + z2 / 64)) / (1 + z2 / 4)
    line = next(line for line in text.splitlines() if "accuracy" in line)
    assert "0.500" in line
    assert "0.150 - 0.850" in line
    assert "recall FRII" in text
    assert "4 sources" in text


def test_markdown_has_a_line_a_network(evaluation):
    records = [NETWORK | evaluation.record(), NETWORK | {"seed": 1} | evaluation.record()]
    _, _, first, second = evaluation_markdown(records).splitlines()
    assert "| 3 gates, sigmoid, ft | MiraBest | 0 | clean | 4 | 50.0 (15.0 to 85.0) |" in first
    assert "| 0.500 / 0.500 |" in first
    assert "| MiraBest | 1 |" in second
    assert first.count("|") == second.count("|")
    text = results_markdown("Networks", ["A remark."], records)
    assert "# Networks\n\nA remark.\n\n| network" in text
    assert "| 3 gates, sigmoid, ft | MiraBest | clean | 2 | 50.0 ± 0.0 | 0.750 ± 0.000 |" in text


def test_gates_are_spelt_out():
    assert network_title(NETWORK | {"gates": 0}) == "0 gates"
    assert network_title(NETWORK | {"gates": 1}) == "1 gate, sigmoid, ft"


def test_spread_is_the_sample_standard_deviation_over_seeds():
    common = NETWORK | {"protocol": "clean", "expected_calibration_error": 0.1}
    records = [
        common | {"seed": seed, "accuracy": accuracy, "AUC": 0.9}
        for seed, accuracy in enumerate((0.80, 0.84, 0.91))
    ]
    (one,) = spread_records(records)
    assert one["seeds"] == 3
    assert one["accuracy_mean"] == pytest.approx(0.85)
    # sqrt((0.05^2 + 0.01^2 + 0.06^2) / 2)
    assert one["accuracy_spread"] == pytest.approx(0.0556776, abs=1e-6)
    assert "85.0 ± 5.6" in drawn(spread_table([one]))
    (alone,) = spread_records(records[:1])
    assert alone["accuracy_spread"] == ""
    assert "80.0 " in drawn(spread_table([alone]))
