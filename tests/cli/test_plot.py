"""`astroattn plot`: one file for one source, and nothing at all after a wrong option."""

import pytest
from PIL import Image
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.samples import sample_paths

FRII = sample_paths()[1]


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("name", "start"), [("a.pdf", b"%PDF"), ("b.svg", b"<?xml"), ("c.PNG", b"\x89PNG")]
)
def test_the_suffix_decides_the_format(name, start, model_path, tmp_path, capsys):
    path = tmp_path / name
    assert run("plot", FRII, "--output", path, "--model", model_path) == 0
    assert path.read_bytes().startswith(start)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert "frii.fits" in capsys.readouterr().err


def test_width_and_resolution_are_those_asked_for(model_path, tmp_path):
    path = tmp_path / "a.png"
    options = ["--model", model_path, "--width", 180, "--dpi", 100, "--no-overlay", "--title", "A"]
    assert run("plot", FRII, "--output", path, *options) == 0
    with Image.open(path) as picture:
        assert picture.size[0] == 708  # 180 mm are 7.087 inches


def test_the_same_source_gives_the_same_file(model_path, tmp_path):
    for name in ("a.svg", "b.svg"):
        assert run("plot", FRII, "--output", tmp_path / name, "--model", model_path) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_any_name_of_a_file_stands_in_the_title(model_path, tmp_path, capfd):
    path = tmp_path / "price_$5_{^$中.fits"
    path.write_bytes(FRII.read_bytes())
    output = tmp_path / "a.png"
    assert run("plot", path, "--output", output, "--model", model_path, "--dpi", 60) == 0
    assert output.exists()
    assert "Warning" not in capfd.readouterr().err


def test_a_position_on_a_mosaic_is_drawn(model_path, tmp_path):
    shape = (1300, 1300)
    data = noise(shape) + gaussian(shape, 200, 1000, 12, peak=0.01, scale=1.8)
    path = write(tmp_path / "mosaic.fits", data, celestial_header(shape))
    # 449.5 pixels east and 350.5 north of the middle, at 180, +30.
    dec = 30 + 350.5 * 1.8 / 3600
    ra = 180 + 449.5 * 1.8 / 3600 / 0.8645
    output = tmp_path / "a.png"
    options = ["--output", output, "--model", model_path, "--dpi", 60]
    assert run("plot", path, *options) == 2
    assert run("plot", path, *options, "--position", f"{ra},{dec}") == 0
    assert output.exists()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.jpg", [], "its name must end in one of .pdf, .svg, .png"),
        ("there.pdf", [], "exists: add --overwrite"),
        ("a.pdf", ["--width", 20], "80"),
        ("a.pdf", ["--dpi", 1], "50"),
        ("a.pdf", ["--position", "1,2"], "not on the map"),
        ("missing/a.pdf", [], "cannot be written"),
    ],
)
def test_a_wrong_option_is_one_line_and_nothing_is_written(
    name, options, message, model_path, tmp_path, capsys
):
    (tmp_path / "there.pdf").write_text("before")
    assert run("plot", FRII, "--output", tmp_path / name, "--model", model_path, *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert [one.name for one in tmp_path.iterdir()] == ["there.pdf"]
    assert (tmp_path / "there.pdf").read_text() == "before"
