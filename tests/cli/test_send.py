"""`astroattn send` and `classify --samp`, with a hub and a program in this process."""

import pytest

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.samples import sample_paths


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


def test_the_results_arrive_in_the_program(samp_hub, model_path, tmp_path, capsys):
    topcat = samp_hub("topcat")
    output = tmp_path / "results.csv"
    options = ["--model", model_path, "--output", output]
    assert run("classify", *sample_paths(), *options, "--samp") == 0
    (table,) = topcat.tables
    assert table["name"].tolist() == ["fri.fits", "frii.fits", "compact.fits"]
    assert f"{output}: sent to topcat" in capsys.readouterr().err
    assert run("send", output, "--to", "TOPCAT") == 0
    assert len(topcat.tables) == 2


@pytest.mark.parametrize("option", [["--samp"], ["--samp-to", "topcat"]])
def test_nothing_is_classified_without_a_hub(no_samp_hub, option, model_path, tmp_path, capsys):
    options = ["--model", model_path, *option]
    output = tmp_path / "results.csv"
    assert run("classify", *sample_paths(), *options, "--output", output) == 2
    assert "no SAMP hub runs" in capsys.readouterr().err
    assert not output.exists()
    assert run("classify", *sample_paths(), *options) == 2
    assert "--samp needs --output" in capsys.readouterr().err
