import csv
import io

import pytest

from keras_astroattn.report import (
    csv_table,
    markdown_table,
    mean_and_spread,
    percentage,
    with_interval,
)


def test_csv_has_the_columns_of_all_records_and_every_digit():
    text = csv_table([{"name": "a,b", "x": 0.1 + 0.2}, {"name": "c", "y": 1}])
    first, second = csv.DictReader(io.StringIO(text))
    assert first == {"name": "a,b", "x": "0.30000000000000004", "y": ""}
    assert second == {"name": "c", "x": "", "y": "1"}


def test_markdown_escapes_bars_and_aligns_numbers_to_the_right():
    text = markdown_table(["name", "kind", "n"], [["a|b", "x", 3]], text=2)
    assert text == "| name | kind | n |\n| --- | --- | ---: |\n| a\\|b | x | 3 |\n"


def test_a_value_is_shown_with_its_interval():
    record = {"auc": 0.9124, "auc_low": 0.857, "auc_high": 0.948}
    assert with_interval(record, "auc", 2) == "0.91 (0.86 to 0.95)"
    assert with_interval(record, "auc", 1, factor=100, signed=True) == "+91.2 (+85.7 to +94.8)"
    assert percentage(0.9124, (0.857, 0.948)) == "91.2 (86 to 95)"


def test_the_spread_is_that_of_a_sample():
    assert mean_and_spread([96.0, 98.0], 1) == "97.0 ± 1.4"  # sqrt(2)
    assert mean_and_spread([96.0], 2) == "96.00"


def test_a_missing_bound_is_an_error():
    with pytest.raises(KeyError):
        with_interval({"auc": 1.0}, "auc", 2)
