"""The accuracy protocol, on predictions that are made up here."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from keras_astroattn.datasets import load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.models import EquivariantAGCNN, tta_model
from train import cross_validation
from train.calibration import fit_calibration, require_configuration
from train.cross_validation import (
    FOLDS,
    finished_seeds,
    fold_path,
    folds,
    run_folds,
)
from train.named_configurations import (
    VOTES_RUN,
    epochs_of,
    training_options,
    with_those_before,
)
from train.predictions import Predictions, symmetric_images
from train.studies.accuracy import test_sets
from train.studies.accuracy.report import groups, peak_snr, read_out_of_fold, report
from train.studies.accuracy.test_sets import LoggedResult, results_table

EPOCHS = 3


@pytest.fixture(scope="module")
def sources():
    """Simulated sources, which need no download."""
    return load_sources("simulated", "test").select(slice(0, 100))


def write_predictions(output, configuration, labels, seeds, wrong=(), certainty=2.0, epochs=EPOCHS):
    """Logits that are right but for the rows `wrong`, the same under all symmetries."""
    said = labels.copy()
    said[list(wrong)] = 1 - said[list(wrong)]
    logits = certainty * np.stack([1 - said, said], axis=-1).astype(np.float32)
    for seed in range(seeds):
        for fold, rows in enumerate(folds(labels)):
            part = Predictions(rows, np.repeat(logits[np.newaxis, rows], 8, axis=0))
            part.save(fold_path(output, configuration, epochs, seed, fold))


def test_every_source_is_held_out_once_and_classes_keep_their_proportion():
    labels = np.array([0] * 60 + [1] * 40)
    held_out = folds(labels)
    assert len(held_out) == FOLDS
    np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), np.arange(100))
    assert [int(labels[rows].sum()) for rows in held_out] == [8] * 5
    for one, other in zip(held_out, folds(labels), strict=True):
        np.testing.assert_array_equal(one, other)


class Saved:
    """A network that only says where it was saved."""

    def save(self, path):
        path.write_text(path.name)


def test_a_part_continues_the_network_of_the_same_part(tmp_path, monkeypatch, sources):
    starts = []
    monkeypatch.setattr(
        cross_validation,
        "trained",
        lambda config, sources, console: starts.append(config.initial_weights) or Saved(),
    )
    monkeypatch.setattr(
        cross_validation, "view_logits", lambda network, images: np.zeros((4, len(images), 2))
    )
    run_folds(sources, tmp_path, ["alone-survey"], 2, range(1), Console(quiet=True))
    first, mixed = VOTES_RUN.format(seed=0), "alone-mixed/epochs4"
    assert starts[0] == starts[3] == first
    assert starts[1] == str(tmp_path / "p4m-votes-alone-uncertain/epochs20-seed0-fold0.keras")
    assert starts[2] == str(tmp_path / f"{mixed}-seed0-fold0.keras")
    assert starts[-1] == str(tmp_path / f"{mixed}-seed0-fold4.keras")
    assert len(starts) == 15
    assert all(Path(start).exists() for start in starts if start != first)
    # The number of epochs is that of the named configuration, not of those before it.
    assert finished_seeds(tmp_path, "alone-survey", 2) == [0]


def test_a_folder_that_is_not_writable_is_refused_before_training(tmp_path, monkeypatch, sources):
    def train(*_):
        raise AssertionError("trained")

    monkeypatch.setattr(cross_validation, "trained", train)
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "runs"
    with pytest.raises(InputError, match=f"cannot write to {output}"):
        run_folds(sources, output, ["p4m"], 1, range(1), Console(quiet=True))


def test_a_configuration_follows_those_that_it_continues_once():
    assert with_those_before(["alone-survey", "p4m", "alone-mixed", "alone-evidence"]) == [
        "p4m-votes-alone-uncertain",
        "alone-mixed",
        "alone-survey",
        "p4m",
        "alone-evidence",
    ]


def test_the_near_half_predicts_the_far_one_and_is_predicted_by_it(tmp_path, monkeypatch):
    """Of six confident and two uncertain sources; what is near is trained on without the far."""
    some = load_sources("simulated", "test").select(slice(0, 8))
    redshift = np.array([0.1, 0.4, 0.2, 0.3, 0.5, 0.6, 0.15, 0.45])
    confident = np.array([True] * 6 + [False] * 2)
    some = dataclasses.replace(some, redshift=redshift, confident=confident)
    seen = []
    monkeypatch.setattr(
        cross_validation,
        "trained",
        lambda config, sources, console: seen.append(sources) or Saved(),
    )
    monkeypatch.setattr(
        cross_validation, "view_logits", lambda network, images: np.zeros((8, len(images), 2))
    )
    arguments = (some, tmp_path, ["p4m-uncertain"], EPOCHS, range(1), Console(quiet=True))
    run_folds(*arguments, "halves")
    near, far = seen
    np.testing.assert_array_equal(np.sort(near.redshift), [0.1, 0.15, 0.2, 0.3])
    np.testing.assert_array_equal(np.sort(far.redshift), [0.4, 0.45, 0.5, 0.6])
    kept = [fold_path(tmp_path, "p4m-uncertain", EPOCHS, 0, part, "halves") for part in (0, 1)]
    np.testing.assert_array_equal(Predictions.load(kept[0]).rows, [1, 4, 5])
    np.testing.assert_array_equal(Predictions.load(kept[1]).rows, [0, 2, 3])
    assert finished_seeds(tmp_path, "p4m-uncertain", EPOCHS, "halves") == [0]
    assert finished_seeds(tmp_path, "p4m-uncertain", EPOCHS) == []
    run_folds(*arguments, "halves")
    assert len(seen) == 2  # what is there is not repeated
    kept[0].with_suffix(".keras").unlink()  # predictions alone are not enough
    run_folds(*arguments, "halves")
    assert len(seen) == 3


def test_halves_have_a_report_of_their_own(tmp_path, sources):
    write_predictions(tmp_path, "p4m", sources.label, 1, wrong=range(10))
    for part, rows in enumerate(cross_validation.held_out_rows(sources, "halves")):
        logits = np.eye(2, dtype=np.float32)[sources.label[rows]]
        logits[0] = logits[0, ::-1]  # one wrong in each half
        path = fold_path(tmp_path, "p4m", EPOCHS, 0, part, "halves")
        Predictions(rows, np.repeat(logits[np.newaxis], 8, axis=0)).save(path)
    (line, *_) = [
        line
        for line in report(tmp_path, ["p4m"], EPOCHS, sources, print, "halves").splitlines()
        if line.startswith("| p4m |")
    ]
    assert line.startswith("| p4m | 1 | 98.0 |")


def test_the_eight_symmetries_of_an_image():
    image = np.array([[[1, 2], [3, 4]]], np.uint8)
    found = {tuple(turned.ravel()) for turned in symmetric_images(image)}
    assert found == {
        (1, 2, 3, 4),
        (2, 4, 1, 3),
        (4, 3, 2, 1),
        (3, 1, 4, 2),
        (2, 1, 4, 3),
        (1, 3, 2, 4),
        (3, 4, 1, 2),
        (4, 2, 3, 1),
    }
    np.testing.assert_array_equal(symmetric_images(image)[0], image)


def test_peak_over_noise_computed_manually():
    # the faintest pixel kept, 5 of 255, is at least 3 sigma: the peak is 153 sigma or more
    image = np.zeros((1, 4, 4), np.uint8)
    image[0, 1, 1:3] = (5, 255)
    assert peak_snr(image) == pytest.approx(3 * 255 / 5)


def test_a_seed_counts_when_all_its_folds_are_there(tmp_path, sources):
    write_predictions(tmp_path, "p4m", sources.label, seeds=2)
    assert finished_seeds(tmp_path, "p4m", EPOCHS) == [0, 1]
    fold_path(tmp_path, "p4m", EPOCHS, 1, 3).unlink()
    assert finished_seeds(tmp_path, "p4m", EPOCHS) == [0]


def test_accuracy_and_paired_difference_computed_manually(tmp_path, sources):
    write_predictions(tmp_path, "plain", sources.label, seeds=1, wrong=range(10))
    write_predictions(tmp_path, "p4m", sources.label, seeds=2, wrong=range(4))
    text = report(tmp_path, ["plain", "p4m"], EPOCHS, sources, print)
    lines = text.splitlines()
    # 90 of 100 and 96 of 100; Wilson's interval of 0.9 at n = 100 is 0.826 to 0.945
    assert any(line.startswith("| plain | 1 | 90.0 | 82.6 to 94.5 |") for line in lines)
    assert any(line.startswith("| p4m | 2 | 96.0 ± 0.0 |") for line in lines)
    assert any(line.startswith("| p4m - plain | +6.0 |") for line in lines)


def test_a_certainty_that_is_too_low_is_corrected_out_of_fold(tmp_path, sources):
    """Right 95 times of 100 at a logit difference of 1: T is about 1 / ln 19."""
    write_predictions(tmp_path, "p4m", sources.label, 1, wrong=range(0, 100, 20), certainty=1.0)
    raw, fitted, of_entropy, *_ = read_out_of_fold(tmp_path, "p4m", EPOCHS, sources)
    assert raw.probabilities.max() == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-6)
    assert fitted.temperatures == pytest.approx([1 / np.log(19)] * FOLDS, rel=0.2)
    # the normalized entropy is 0.05 at p = 0.99439, where ln p / (1 - p) = 5.178
    assert of_entropy.temperatures == pytest.approx([1 / 5.178] * FOLDS, rel=0.1)
    calibration = fit_calibration(tmp_path, "p4m", EPOCHS, 0.05, sources)
    assert calibration.temperature == pytest.approx(1 / np.log(19), rel=1e-3)
    assert calibration.uncertain_below == pytest.approx(0.95, rel=1e-3)
    assert "100 confident MiraBest sources, 1 seed;" in calibration.source
    # The first two parts alone; the third is missing.
    fold_path(tmp_path, "p4m", EPOCHS, 0, 2).unlink()
    some = fit_calibration(tmp_path, "p4m", EPOCHS, 0.05, sources, parts=2)
    assert "of 40 confident MiraBest sources in 2 of the folds, 1 seed;" in some.source
    rows = np.concatenate(folds(sources.label)[:2])
    wrong = np.isin(rows, range(0, 100, 20)).mean()
    assert some.temperature == pytest.approx(1 / np.log((1 - wrong) / wrong), rel=1e-3)


def test_a_configuration_has_its_own_number_of_passes():
    assert epochs_of("p4m", None) == 30
    assert epochs_of("p4m-simulated-uncertain", None) == 20
    assert epochs_of("p4m-simulated-uncertain", EPOCHS) == EPOCHS


def test_configurations_of_different_passes_are_compared(tmp_path, sources):
    write_predictions(tmp_path, "p4m", sources.label, 1, wrong=range(10), epochs=30)
    write_predictions(
        tmp_path, "p4m-simulated-uncertain", sources.label, 1, wrong=range(4), epochs=20
    )
    names = ["p4m", "p4m-simulated-uncertain"]
    lines = report(tmp_path, names, None, sources, print).splitlines()
    assert any(line.startswith("| p4m-simulated-uncertain - p4m | +6.0 |") for line in lines)


def test_nothing_is_fitted_on_nothing(tmp_path, sources):
    with pytest.raises(InputError, match="no complete cross-validation of p4m at 3 epochs"):
        fit_calibration(tmp_path, "p4m", EPOCHS, 0.05, sources)


def test_a_run_is_calibrated_with_its_own_configuration_alone(tmp_path):
    run, elsewhere = tmp_path / "run", "elsewhere/before"
    run.mkdir()
    with pytest.raises(InputError, match="run holds no training run"):
        require_configuration(run, "alone-survey", None)
    config = training_options("alone-survey", None, 3)
    config = dataclasses.replace(config, initial_weights=elsewhere, evaluate="test")

    def save(**changed):
        saved = dataclasses.replace(config, **changed).to_json()
        text = json.dumps({"config": saved, "data": {"name": "mirabest"}})
        (run / "config.json").write_text(text)

    save()
    require_configuration(run, "alone-survey", None)
    save(degraded_copies=1, padding="zeros")
    with pytest.raises(InputError, match="it has padding zeros, not sky, degraded_copies 1, not 2"):
        require_configuration(run, "alone-survey", None)


def test_groups_by_size_do_not_overlap(sources):
    masks = groups(sources)
    by_size = [mask for name, mask in masks.items() if '"' in name]
    assert sum(mask.sum() for mask in by_size) == np.isfinite(sources.angular_size).sum()
    assert np.stack(by_size).sum(axis=0).max() == 1


def test_readings_are_averaged_over_seeds():
    one = LoggedResult("p4m", 30, 0, "a", "b", 104, 0.96, 0.99, 0.1, 0.05, 0.8, None, "2026-01-01")
    other = dataclasses.replace(one, seed=1, accuracy=0.98)
    line = results_table([one, other]).splitlines()[-1]
    assert line == "| p4m | a | b | 104 | 2 | 97.0 ± 1.4 | 0.990 | 0.100 | 5.0 | 0.800 |  |"


def test_the_test_sets_of_several_seeds_are_also_read_together(tmp_path, monkeypatch, sources):
    """Two networks, one right of all sources and one wrong of the first of four."""
    few = sources.select(np.array([np.argmax(sources.label == k) for k in (0, 1, 0, 1)]))
    monkeypatch.setattr(test_sets, "load_test_set", lambda name, data_dir: few)
    for seed, odds in ((0, [3.0, 3.0, 3.0, 3.0]), (1, [-1.0, 3.0, 3.0, 3.0])):
        logits = np.zeros((8, 4, 2), np.float32)
        logits[:, np.arange(4), few.label] = np.log(3) * np.abs(odds)
        logits[0, np.arange(4), few.label] = np.log(3) * np.array(odds)
        path = tmp_path / "p4m" / f"test-frdeep-frdeep-epochs{EPOCHS}-seed{seed}.npz"
        Predictions(np.arange(4), logits).save(path)
    readings = test_sets.read_test_sets(
        tmp_path, "p4m", EPOCHS, range(2), ["frdeep"], None, Console(quiet=True)
    )
    # each as the image is, each over its turns, of which the others are right, and both together
    assert [reading.accuracy for reading in readings] == [1.0, 0.75, 1.0, 1.0, 1.0]
    # odds of 27 to 1 and 1 to 3 for the first source: mean 0.607; 27 to 1 for the others
    p = (27 / 28 + 1 / 4) / 2
    assert readings[4].log_loss == pytest.approx(-(np.log(p) + 3 * np.log(27 / 28)) / 4, rel=1e-5)
    assert readings[4].seed is None
    assert len((tmp_path / "readings.jsonl").read_text().splitlines()) == 5


def test_the_network_of_a_finished_run_is_read_rather_than_trained(tmp_path, monkeypatch, sources):
    few = sources.select(slice(0, 4))
    monkeypatch.setattr(test_sets, "load_test_set", lambda name, data_dir: few)
    config = training_options("p4m-linear", EPOCHS, 7)
    run, network = tmp_path / "run", EquivariantAGCNN(gates=1)
    run.mkdir()
    network.save(run / "best.keras")
    saved = {"config": config.to_json(), "data": {"name": "frdeep"}}
    (run / "config.json").write_text(json.dumps(saved))
    arguments = (tmp_path, "p4m-linear", EPOCHS)
    quiet = Console(quiet=True)
    test_sets.read_test_sets(*arguments, range(7, 8), ["frdeep"], None, quiet, [run])
    path = tmp_path / "p4m-linear" / f"test-frdeep-frdeep-epochs{EPOCHS}-seed7.npz"
    pixels, found = to_network_units(few.image)[..., np.newaxis], Predictions.load(path).logits
    np.testing.assert_allclose(found[0], network.predict(pixels, verbose=0), atol=1e-5)
    turned = tta_model(network).predict(pixels, verbose=0)
    np.testing.assert_allclose(found.mean(axis=0), turned, atol=1e-5)
    with pytest.raises(InputError, match="is not a run of p4m-linear with these seeds"):
        test_sets.read_test_sets(*arguments, range(8, 9), ["frdeep"], None, quiet, [run])


def test_every_seed_begins_with_its_own_network_of_simulated_sources():
    starts = [training_options("p4m-simulated-uncertain", None, k).initial_weights for k in (0, 3)]
    assert starts == ["runs/simulated-40000-seed0", "runs/simulated-40000-seed3"]
