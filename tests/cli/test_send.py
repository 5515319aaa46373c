"""`astroattn send`, with a hub and a program in this process."""

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.samples import sample_paths


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


def test_the_results_arrive_in_the_program(samp_hub, model_path, tmp_path, capsys):
    topcat = samp_hub("topcat")
    output = tmp_path / "results.csv"
    assert run("classify", *sample_paths(), "--model", model_path, "--output", output) == 0
    assert run("send", output, "--to", "TOPCAT") == 0
    (table,) = topcat.tables
    assert table["name"].tolist() == ["fri.fits", "frii.fits", "compact.fits"]
    assert f"{output}: sent to topcat" in capsys.readouterr().err


def test_without_a_hub_the_error_is_one_line(no_samp_hub, tmp_path, capsys):
    assert run("send", tmp_path / "results.csv") == 2
    error = capsys.readouterr().err
    assert "no SAMP hub runs" in error
    assert error.count("\n") == 1
