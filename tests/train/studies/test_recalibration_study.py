"""The study of recalibration on a few sources."""

import numpy as np
import pytest

from keras_astroattn.command import run_app
from keras_astroattn.edge import LabelRules
from train.studies import recalibration as study


def test_a_draw_improves_an_overconfident_network():
    """Odds three times too large, and classes that follow from the true ones."""
    random = np.random.default_rng(0)
    true_odds = random.normal(0, 1.5, 4000)
    is_frii = random.random(4000) < 1 / (1 + np.exp(-true_odds))
    p = 1 / (1 + np.exp(-3 * true_odds))
    pool = study.Pool(np.stack([1 - p, p], axis=1), is_frii)
    found = [
        study.draw(pool, 0.5, 200, "random", LabelRules(), np.random.default_rng(n))
        for n in range(20)
    ]
    assert min(one.before for one in found) > 0.1
    assert np.median([one.after for one in found]) < 0.04
    covered = np.concatenate([one.covered for one in found])
    assert covered.mean() > 0.8
    assert len(covered) >= 40  # the purity of two labels before, and of some after


def test_neighbours_fill_the_field_of_a_wide_beam(monkeypatch):
    """14 sources of two parts in 540 x 540 arcsec, as many per area in 1500 x 1500 arcsec."""
    found = []

    def render(source, shape, *_):
        found.append(source.neighbours)
        return np.zeros(shape, np.float32)

    monkeypatch.setattr(study, "render", render)
    for index in range(6):
        study.simulated_cutout(0, index, 15.0)
    east = np.concatenate([one.east for one in found])
    expected = 14 * (1500 / 540) ** 2
    assert len(east) / 2 / 6 == pytest.approx(expected, abs=4 * np.sqrt(expected / 6))
    # Uniform from -750 to 750: a standard deviation of 1500 / sqrt(12).
    assert east.std() == pytest.approx(1500 / np.sqrt(12), rel=0.1)


@pytest.mark.slow
def test_the_study_prints_and_writes_its_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(study, "BEAMS", (9.0,))
    options = ("--sources", "60", "--draws", "2", "--output", str(tmp_path / "table.md"))
    assert run_app(study.app, [*options, "--cache", str(tmp_path / "pool.npz")]) == 0
    first = (tmp_path / "table.md").read_text()
    assert first.count("\n") == 2 + 3
    assert "| 9 | 50 |" in first
    assert first.strip() in capsys.readouterr().out
    assert run_app(study.app, [*options, "--cache", str(tmp_path / "pool.npz")]) == 0
    assert (tmp_path / "table.md").read_text() == first  # the same seed, the kept sources
