"""The study of fine-tuning on a few sources."""

import numpy as np
import pytest

from keras_astroattn.command import run_app
from train.studies import finetuning as study


def test_scores_are_those_of_calibrated_odds():
    """Odds four times too large: the calibration finds it, so p = 1 / (1 + exp(-odds / 4))."""
    random = np.random.default_rng(0)
    true = random.normal(0, 2, 4000)
    is_frii = random.random(4000) < 1 / (1 + np.exp(-true))
    accuracy, log_loss = study.scores(4 * true, is_frii, np.arange(2000), np.arange(2000, 4000))
    p = 1 / (1 + np.exp(-true[2000:]))
    expected = -np.log(np.where(is_frii[2000:], p, 1 - p)).mean()
    assert log_loss == pytest.approx(expected, abs=0.003)
    assert accuracy == pytest.approx(np.maximum(p, 1 - p).mean(), abs=0.02)


def test_simulated_images_alternate_and_depend_on_their_number_alone():
    images, is_frii = study.simulate_images(range(2, 5), 15.0, seed=3)
    assert images.shape == (3, 150, 150)
    assert is_frii.tolist() == [False, True, False]
    again, _ = study.simulate_images(range(4, 5), 15.0, seed=3)
    np.testing.assert_array_equal(images[2], again[0])


@pytest.mark.slow
def test_the_study_prints_and_writes_its_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(study, "OPTIONS", (("last", 1e-4, 1),))
    options = ("--labels", "20", "--tested", "20", "--draws", "1")
    assert run_app(study.app, [*options, "--output", str(tmp_path / "table.md")]) == 0
    table = (tmp_path / "table.md").read_text()
    assert table in capsys.readouterr().out
    assert "| recalibrated alone | 0 |" in table
    assert "| last layers, learning rate 0.0001, 1 epochs | 0 |" in table
