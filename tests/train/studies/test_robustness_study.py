"""Degraded fields, and the tables of their labels."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.edge import Classifier
from keras_astroattn.images import measure_noise
from train.degradation import smoothed, with_noise
from train.studies.robustness import position
from train.studies.robustness.__main__ import main
from train.studies.robustness.artefacts import KINDS
from train.studies.robustness.tables import binned, share
from train.studies.robustness.trials import Trial, drawn_for_field


def trials(*sizes):
    return [Trial(truth=0, label="FRI", network=0, size=size, ratio=10) for size in sizes]


def test_bins_hold_their_lower_edge_and_the_last_one_its_upper():
    found = {name: [one.size for one in some] for name, some in binned(
        (1, 2, 4), lambda t: t.size, trials(0.5, 1, 2, 3, 4)
    )}  # fmt: skip
    assert found == {"1 to 2": [1], "2 to 4": [2, 3, 4], "**all**": [0.5, 1, 2, 3, 4]}


def test_shares_have_wilsons_interval():
    right = [True] * 9 + [False]
    assert share(right, bool) == "90 %"
    # Wilson's interval of 9 in 10 is 0.596 to 0.982.
    assert share(right, bool, interval=True) == "90 % (60-98)"
    assert share(right * 20, bool) == "90.0 %"
    assert share([], bool) == "-"


def test_noise_is_added_until_the_peak_has_the_ratio():
    rng = np.random.default_rng(0)
    field = rng.normal(0, 1e-4, (300, 300)).astype(np.float32)
    field[150, 150] = 0.1
    noisy = with_noise(field, 50.0, rng)
    assert measure_noise(noisy) == pytest.approx(0.1 / 50, rel=0.05)
    assert with_noise(field, 2000.0, rng) is None


def test_smoothing_keeps_the_flux_of_a_point():
    row, column = np.mgrid[:300, :300] - 150
    sigma = 5.4 / 1.8 / np.sqrt(8 * np.log(2))
    point = np.exp(-(row**2 + column**2) / (2 * sigma**2)).astype(np.float32)
    coarse = smoothed(point, 10.8)
    # Jy/beam: the peak of a point source does not depend on the beam, the area of it does.
    assert coarse.max() == pytest.approx(1, rel=0.01)
    assert coarse.sum() / point.sum() == pytest.approx(4, rel=0.01)
    assert smoothed(point, 5.4) is point


def test_every_kind_of_field_has_the_noise_of_first():
    for name, kind in KINDS.items():
        field = kind(np.random.default_rng(1))
        assert field.shape == (300, 300), name
        assert np.isfinite(field).all(), name


@pytest.mark.slow
def test_the_command_writes_every_table(tmp_path):
    page = tmp_path / "robustness.md"
    assert main(["--count", "10", "--output", str(page)]) == 0
    text = page.read_text()
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert [line.split()[1] for line in headings] == [
        "Point",
        "Fields",
        "Beam",
        "Size",
        "Signal-to-noise",
    ]
    assert main(["--data-dir", str(tmp_path), "--output", str(page)]) == 2


def test_each_frame_is_listed_once(alone_path, votes_path, tmp_path, monkeypatch):
    one = SimpleNamespace(image=radio_galaxy()[np.newaxis], label=np.zeros(1, int))
    monkeypatch.setattr(position, "load_sources", lambda *_: one)
    expected = {alone_path: ["position", "source alone"]}
    expected[votes_path] = ["position", "source", "source alone"]
    for path, frames in expected.items():
        text = position.position_table(Classifier(path), tmp_path)
        rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| 1 images")]
        assert [row[1] for row in rows] == frames
        for frame in frames:
            assert f"*{frame.capitalize()}*" in text


@pytest.mark.parametrize("scale", [1.8, 9.0])
def test_neighbours_fill_the_field_of_a_wide_beam(scale):
    """14 sources of two parts in 540 x 540 arcsec; doubles reach a little beyond the field."""
    width = 300 * scale
    found = [drawn_for_field(index, scale).neighbours for index in range(20)]
    mean = np.mean([len(one) / 2 for one in found])
    expected = 14 * (width / 540) ** 2
    assert mean == pytest.approx(expected, abs=4 * np.sqrt(expected / 20))
    east = np.concatenate([one.east for one in found])
    # Uniform from -width / 2 to width / 2: a standard deviation of width / sqrt(12).
    assert east.std() == pytest.approx(width / np.sqrt(12), rel=0.1)
