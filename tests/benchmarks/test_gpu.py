"""The benchmark of an accelerator, on a processor."""

import pytest

from benchmarks import gpu
from benchmarks.contenders import Contender
from keras_astroattn.command import run_app


def test_the_hours_of_the_papers_recipe():
    # 100 epochs of 72 passes over 855 and over 214 images. At 72 x 855 and 72 x 214 images a
    # second an epoch takes 1 s + 1 s: 200 s in all.
    assert gpu.paper_hours(72 * 855, 72 * 214) == pytest.approx(200 / 3600)
    # Half as fast in training: 2 s + 1 s.
    assert gpu.paper_hours(36 * 855, 72 * 214) == pytest.approx(300 / 3600)


def test_a_row_has_the_median_rates_and_the_hours():
    contender = Contender("JAX, float32", ())
    for training, inference in ((100.4, 0.52), (300.0, 0.5), (200.0, 0.7)):
        contender.answers.append(
            {
                "training": training,
                "inference": inference,
                "paper_training": 72 * 855 / 36,
                "paper_validation": 72 * 214 / 36,
            }
        )
    contender.close()
    # 1710 images a second; 100 epochs of 36 s + 36 s are 2 hours.
    row = "| JAX, float32 | 200 (100 to 300) | 0.52 (0.5 to 0.7) | 1710 | 2.0 |"
    assert row in gpu.figures_table([contender]).splitlines()


def test_a_backend_that_is_not_installed_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: None)
    assert run_app(gpu.app, ["--backends", "jax"]) == 2
    text = capsys.readouterr().err
    assert "JAX: left out, jax is not installed" in text
    assert "none of these backends is installed: jax" in text


@pytest.mark.slow
@pytest.mark.parametrize("backend", gpu.TITLES)
def test_each_backend_is_timed(backend, capsys):
    pytest.importorskip(backend)
    sizes = ("--images", "8", "--batch-size", "4", "--rounds", "1")
    arguments = ("--backends", backend, "--precisions", "float32", *sizes)
    assert run_app(gpu.app, arguments) == 0
    text = capsys.readouterr().out
    assert f"| {gpu.TITLES[backend]}, float32 |" in text
    assert "No accelerator: figures of a processor" in text or "Card: " in text
