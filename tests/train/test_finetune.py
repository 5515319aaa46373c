"""Fine-tuning to the labels of a survey: the numbers, the bad inputs, and one whole run."""

import csv
import json
from collections import Counter

import numpy as np
import pytest

from keras_astroattn.command import run_app
from keras_astroattn.recalibration import GivenLabel
from keras_astroattn.recalibration.fit import confidence_for, label_weights
from train.finetune import NAME, app, fit_finetuned, verdict
from train.labelled_sources import LabelledSources, require_enough, stated
from train.paired_comparison import compare, cross_calibrated


def odds_and_labels(count: int, temperature: float, seed: int = 0):
    """Odds of a network that is too certain by a factor, and classes that follow from the rest."""
    random = np.random.default_rng(seed)
    true = random.normal(0, 2, count)
    return true * temperature, random.random(count) < 1 / (1 + np.exp(-true))


def test_the_comparison_is_that_of_the_formulas():
    is_frii = np.array([True, True, False, False])
    found = compare(np.zeros(4), np.log([3.0, 3, 1 / 3, 3]), is_frii, np.ones(4))
    # p = 1/2 for all, against 3/4 for the label three times and 1/4 once.
    assert found.log_loss[0].value == pytest.approx(np.log(2))
    assert found.log_loss[1].value == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)
    assert found.accuracy[1].value == 0.75
    assert found.log_loss_difference.value == pytest.approx(
        found.log_loss[1].value - found.log_loss[0].value
    )
    low, high = found.log_loss_difference.interval
    assert low < found.log_loss_difference.value < high
    assert not found.better  # one of four may be chance


def test_weights_count_and_sources_of_weight_zero_do_not():
    is_frii = np.array([True, False, True])
    odds = np.array([1.0, 1.0, 99.0])
    found = compare(odds, odds, is_frii, np.array([1.0, 3.0, 0.0]))
    assert found.sources == 2
    assert found.accuracy[0].value == 0.25  # the right one has weight 1 of 4
    assert found.log_loss_difference.value == 0


def test_intervals_are_weighted():
    # Half of 200 sources are right, with weight 1 of 10: the accuracy is 0.1, +- 0.02.
    is_frii = np.ones(200, bool)
    odds, weights = np.repeat([1.0, -1.0], 100), np.repeat([1.0, 9.0], 100)
    low, high = compare(odds, odds, is_frii, weights).accuracy[0].interval
    assert 0.05 < low < 0.1 < high < 0.15


def test_a_better_network_is_found_better_and_a_worse_one_is_not():
    odds, is_frii = odds_and_labels(400, 1.0)
    noise = np.random.default_rng(1).normal(0, 2, 400)
    assert compare(odds + noise, odds, is_frii, np.ones(400)).better
    assert not compare(odds, odds + noise, is_frii, np.ones(400)).better


def test_a_fold_is_calibrated_without_its_own_labels():
    odds, is_frii = odds_and_labels(200, 3.0)
    folds = [np.arange(0, 100), np.arange(100, 200)]
    found = cross_calibrated(odds, is_frii, np.full(200, np.nan), folds)
    turned = is_frii.copy()
    turned[:100] ^= True
    again = cross_calibrated(odds, turned, np.full(200, np.nan), folds)
    np.testing.assert_array_equal(found[:100], again[:100])
    assert not np.allclose(found[100:], again[100:])
    # The network is three times too certain.
    slope = np.polyfit(odds, found, 1)[0]
    assert slope == pytest.approx(1 / 3, rel=0.3)


def sources(is_frii: np.ndarray, inclusion: np.ndarray) -> LabelledSources:
    count = len(is_frii)
    image = np.zeros((count, 150, 150), np.uint8)
    return LabelledSources(image, is_frii, np.zeros(count), inclusion)


def test_only_the_random_part_counts_by_its_inverse_probabilities():
    found = sources(np.array([True] * 4), np.array([0.5, 0.25, np.nan, np.nan])).counted
    np.testing.assert_allclose(found, [4 / 3, 8 / 3, 0, 0])
    equal = sources(np.array([True] * 4), np.full(4, np.nan)).counted
    np.testing.assert_allclose(equal, 1)


def test_the_calibration_has_a_threshold_even_if_no_source_is_certain():
    random = np.random.default_rng(0)
    is_frii = random.random(100) < 0.5
    none = fit_finetuned(random.normal(0, 1, 100), sources(is_frii, np.full(100, 0.1)), 0.01)
    assert none.uncertain_below == 1.0
    odds, is_frii = odds_and_labels(400, 2.0)
    some = fit_finetuned(odds, sources(is_frii, np.full(400, 0.1)), 0.1)
    assert some.model == NAME
    assert some.temperature == pytest.approx(2, rel=0.3)
    assert 0.5 < some.uncertain_below < 1


def test_label_weights_and_the_weighted_threshold_by_hand():
    # 1 / sqrt(0.04) = 5, and 1 for the uncertain part: mean 3.
    np.testing.assert_allclose(label_weights(np.array([0.04, np.nan])), [5 / 3, 1 / 3])
    p = np.array([[0.4, 0.6], [0.0, 1.0], [0.1, 0.9]])
    # From the most certain one: 0 / 1, then 0.3 / 4, then 0.7 / 5.
    weights = np.array([1.0, 1.0, 3.0])
    assert confidence_for(p, 0.07, weights) == 1.0
    assert confidence_for(p, 0.08, weights) == 0.9
    assert confidence_for(p, 0.14, weights) == 0.6


def given(fri: int, frii: int) -> list[GivenLabel]:
    return [GivenLabel(str(n), "FRI" if n < fri else "FRII") for n in range(fri + frii)]


def test_too_few_labels_are_refused_with_their_numbers():
    from keras_astroattn.errors import InputError

    require_enough(given(50, 10), "x")
    for fri, frii in ((49, 10), (91, 9)):
        with pytest.raises(InputError, match=f"x: {fri} FRI and {frii} FRII; at least 60, and 10"):
            require_enough(given(fri, frii), "x")


def test_the_verdict_is_one_sentence(tmp_path):
    odds, is_frii = odds_and_labels(400, 1.0)
    noise = np.random.default_rng(1).normal(0, 2, 400)
    better = compare(odds + noise, odds, is_frii, np.ones(400))
    text = verdict(better, tmp_path / "scored", tmp_path / "out")
    assert text.startswith("Use the fine-tuned network (log loss -0.")
    worse = compare(odds, odds + noise, is_frii, np.ones(400))
    assert "Recalibrate alone, because the fine-tuned network is worse" in verdict(
        worse, tmp_path, tmp_path
    )
    same = compare(odds, odds, is_frii, np.ones(400))
    assert "is not better beyond chance" in verdict(same, tmp_path, tmp_path)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of 72 images, half of them FRII (two lobes), and labels of a random part."""
    from PIL import Image

    from keras_astroattn.images import read_image

    folder = tmp_path_factory.mktemp("table")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:150, :150]
    path, labels = folder / "r.csv", folder / "labels.csv"
    with path.open("w", newline="") as file, labels.open("w", newline="") as answers:
        rows, given = csv.writer(file), csv.writer(answers)
        columns = ["path", "label", "p_fri", "p_frii", "entropy_nats", "flags", "model"]
        rows.writerow([*columns, "largest_angular_size_arcsec"])
        given.writerow(["source", "label", "labeller", "time", "part", "inclusion_probability"])
        for n in range(72):
            apart = 25 * (n % 2)
            sky = sum(
                np.exp(-((x - 75 - side * apart) ** 2 + (y - 75) ** 2) / 40) for side in (-1, 1)
            )
            name = folder / f"{n}.png"
            Image.fromarray((254 * sky / sky.max()).astype(np.uint8)).save(name)
            p = random.uniform(0.2, 0.8)
            size = read_image(str(name)).largest_angular_size
            label = "FRII" if p > 0.5 else "FRI"
            rows.writerow([name, label, 1 - p, p, 0.6, "", "agcnn_mirabest", f"{size:.1f}"])
            true = ("FRI", "FRII")[n % 2] if n < 70 else ("unsure", "not_radio_galaxy")[n % 2]
            given.writerow([name, true, "Ann", "", "random", 0.5])
    return path, labels


def run(*arguments: object) -> int:
    return run_app(app, [str(one) for one in arguments])


def test_wrong_inputs_are_one_line(table, tmp_path, capsys):
    path, labels = table
    few = tmp_path / "few.csv"
    few.write_text("".join(labels.read_text().splitlines(keepends=True)[:20]))
    used = tmp_path / "used"
    used.mkdir()
    (used / "file").touch()
    cases = {
        "19 labels": ((path, "--labels", few, "--output", tmp_path / "a"), "at least 60"),
        "no folder": ((path, "--labels", labels, "--output", used), "is not empty"),
        "no table": ((tmp_path / "no.csv", "--labels", labels, "--output", used), "not exist"),
        "no model": (
            (path, "--labels", labels, "--output", tmp_path / "b", "--model", "nothing"),
            "--model nothing: no preset",
        ),
    }
    for name, (arguments, message) in cases.items():
        assert run(*arguments) == 2, name
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert message in error


def test_labels_of_sources_without_an_image_are_counted(table, tmp_path, capsys):
    """All images are gone: nothing is trained, and the reason is said."""
    path, labels = table
    moved, answers = tmp_path / "r.csv", tmp_path / "labels.csv"
    folder = str(path.parent)
    moved.write_text(path.read_text().replace(folder, "/gone"))
    answers.write_text(labels.read_text().replace(folder, "/gone"))
    assert run(moved, "--labels", answers, "--output", tmp_path / "o") == 2
    error = capsys.readouterr().err
    assert "too few labelled sources have an image" in error
    assert "/gone/" in error
    assert ": 0 FRI and 0 FRII" in error


@pytest.mark.slow
def test_a_network_is_fine_tuned_compared_and_exported(
    table, tmp_path, small_cache, capsys, monkeypatch
):
    """The preset knows two lobes from one blob; the table's probabilities are noise."""
    path, labels = table
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(small_cache))
    output = tmp_path / "out"
    options = ("--folds", 2, "--epochs", 2, "--learning-rate", 0.0003)
    assert run(path, "--labels", labels, "--output", output, *options) == 0
    shown = capsys.readouterr().out
    assert "labels left out: 1 unsure; 1 not a radio galaxy" in shown
    assert "Use the fine-tuned network" in shown
    found = json.loads((output / "comparison.json").read_text())
    assert found["fine_tuned_is_better"] is True
    assert found["sources"] == 70
    recalibrated, fine_tuned = (one["value"] for one in found["accuracy"])
    assert recalibrated < 0.75
    assert fine_tuned > 0.9
    files = {one.name for one in output.iterdir()}
    named = {f"{NAME}.keras", f"{NAME}.tflite", f"{NAME}.calibration.json", "comparison.json"}
    assert files == {*named, "export.json"}
    # The files work together, and find the classes of two sources.
    from keras_astroattn.edge import Classifier, read_calibration

    calibration = read_calibration(output / f"{NAME}.calibration.json")
    classifier = Classifier(output / f"{NAME}.tflite", calibration=calibration)
    p = [classifier.classify(path.parent / f"{n}.png").p_frii for n in (0, 1)]
    assert p[0] < 0.5 < p[1]


def test_many_reasons_are_shortened():
    reasons = Counter({f"without an image ({n})": 1 for n in range(80)}) + Counter(unsure=3)
    told = stated(reasons)
    assert told.startswith("3 unsure; 1 without an image (0)")
    assert told.endswith("; 76 for other reasons")
    assert stated(Counter(unsure=3)) == "3 unsure"
