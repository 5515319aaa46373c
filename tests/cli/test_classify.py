"""`astroattn classify` and `benchmark` from end to end."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from support.synthetic_maps import celestial_header, gaussian, noise, write
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli import classify as command
from keras_astroattn.cli.app import app
from keras_astroattn.cli.image_files import expand_paths, find_images
from keras_astroattn.command import run_app
from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    (path / "below").mkdir(parents=True)
    Image.fromarray(radio_galaxy()).save(path / "galaxy.png")
    np.save(path / "below" / "galaxy.npy", radio_galaxy().T)
    np.save(path / "black.npy", np.zeros((150, 150), np.uint8))
    np.save(path / "wrong.npy", np.zeros((10, 10), np.uint8))
    (path / "empty.fits").touch()
    (path / "notes.txt").write_text("not an image")
    (path / ".hidden.png").write_bytes(b"")
    return path


def read(path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {os.path.basename(row["path"]): row for row in csv.DictReader(file)}


def test_a_folder_becomes_a_table_with_error_rows(folder, model_path, tmp_path, capfd):
    output = tmp_path / "results.csv"
    assert run("classify", folder, "--model", model_path, "--output", output) == 0
    rows = read(output)
    assert set(rows) == {"galaxy.png", "galaxy.npy", "black.npy", "wrong.npy", "empty.fits"}
    assert rows["galaxy.png"]["label"] in ("FRI", "FRII")
    assert float(rows["galaxy.png"]["p_fri"]) + float(rows["galaxy.png"]["p_frii"]) == (
        pytest.approx(1, abs=1e-6)
    )
    assert rows["galaxy.png"]["model"] == "tiny"
    assert rows["galaxy.png"]["noise_jy_beam"] == ""
    assert rows["galaxy.png"]["name"] == "galaxy.png"
    assert rows["galaxy.png"]["ra"] == rows["galaxy.png"]["frame_ra"] == ""  # no coordinates
    assert rows["black.npy"]["label"] == "no_source"
    assert rows["black.npy"]["p_fri"] == ""
    assert "(10, 10)" in rows["wrong.npy"]["error"]
    assert rows["empty.fits"]["label"] == "error"
    assert rows["empty.fits"]["error"] == "is empty"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "results.csv"]
    assert "5 images" in capfd.readouterr().err


def test_without_output_the_table_goes_to_standard_output(folder, model_path, capsys):
    assert run("classify", folder / "galaxy.png", "--model", model_path) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row["path"] == str(folder / "galaxy.png")


def test_an_answer_may_be_the_mean_of_views(folder, model_path, tmp_path, capfd):
    output = tmp_path / "results.csv"
    options = ["--model", model_path, "--output", output]
    assert run("classify", folder, *options, "--tta", 3) == 0
    rows = read(output)
    assert {row["model"] for row in rows.values()} == {"tiny (tta 3)"}
    assert run("classify", folder, *options[:-1], tmp_path / "former.csv", "--turns", 3) == 0
    assert "--turns is now --tta" in capfd.readouterr().err
    assert read(tmp_path / "former.csv") == rows  # the flag of the release before
    expected = Classifier(model_path, tta=3).classify(radio_galaxy())
    assert float(rows["galaxy.png"]["p_fri"]) == pytest.approx(expected.p_fri, abs=1e-6)


def test_a_run_with_another_tta_does_not_go_on(folder, model_path, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    options = ["--model", model_path, "--output", tmp_path / "results.csv", "--workers", 1]
    with monkeypatch.context() as patch:
        patch.setattr(command, "write_results", interrupted)
        assert run("classify", folder, *options) != 0
    assert run("classify", folder, *options, "--tta", 4, "--resume") == 2
    assert "the interrupted run had another tta" in capsys.readouterr().err


def test_nothing_classified_is_status_2_and_no_file(folder, model_path, tmp_path, capsys):
    output = tmp_path / "results.csv"
    paths = [folder / "wrong.npy", folder / "nowhere.fits"]
    assert run("classify", *paths, "--model", model_path, "--output", output) == 2
    assert "none of 2 images could be classified" in capsys.readouterr().err
    assert not output.exists()


def test_worker_processes_give_the_same_rows_in_the_same_order(folder, model_path, tmp_path):
    for workers in (1, 2):
        output = tmp_path / f"{workers}.csv"
        options = ["--model", model_path, "--output", output, "--workers", workers]
        assert run("classify", folder, *options) == 0
    assert (tmp_path / "1.csv").read_text() == (tmp_path / "2.csv").read_text()


def test_resume_scores_only_what_is_missing(folder, model_path, tmp_path, monkeypatch):
    output = tmp_path / "results.csv"
    options = ["--model", model_path, "--output", output]
    scored = []
    whole = command.score_targets

    def interrupted(files, scoring, workers):
        for number, row in enumerate(whole(files, scoring, workers)):
            if number == 3:
                raise KeyboardInterrupt
            scored.append(row["path"])
            yield row

    monkeypatch.setattr(command, "score_targets", interrupted)
    assert run("classify", folder, *options) == 130
    assert not output.exists()
    assert len(scored) == 3
    assert run("classify", folder, *options, "--resume") == 0
    assert run("classify", folder, *options, "--resume") == 2  # it is complete
    assert len(scored) == len(set(scored)) == 5
    assert len(read(output)) == 5


def test_a_results_file_is_not_overwritten_unasked(folder, model_path, tmp_path, capsys):
    output = tmp_path / "results.csv"
    output.write_text("precious")
    options = ["--model", model_path, "--output", output]
    assert run("classify", folder / "galaxy.png", *options) == 2
    assert f"--output {output} exists: add --overwrite" in capsys.readouterr().err
    assert output.read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "results.csv"]
    assert run("classify", folder / "wrong.npy", *options, "--overwrite") == 2
    assert output.read_text() == "precious"  # a table of errors alone replaces nothing
    assert run("classify", folder / "galaxy.png", *options, "--overwrite") == 0
    assert set(read(output)) == {"galaxy.png"}


def test_a_complete_run_does_not_go_on(folder, model_path, tmp_path, capsys):
    output = tmp_path / "results.csv"
    options = [folder / "galaxy.png", "--model", model_path, "--output", output]
    assert run("classify", *options) == 0
    before = output.read_bytes()
    assert run("classify", *options, "--noise", "1", "--resume") == 2
    assert "no interrupted run" in capsys.readouterr().err
    assert output.read_bytes() == before


def test_two_images_of_one_name_have_two_pictures(model_path, tmp_path, capsys):
    for number, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        pixels = np.rot90(radio_galaxy(), number)
        Image.fromarray(pixels).save(tmp_path / name / "galaxy.png")
    attention, output = tmp_path / "attention", tmp_path / "r.json"
    paths = [tmp_path / "a" / "galaxy.png", tmp_path / "b" / "galaxy.png"]
    options = ["--model", model_path, "--attention", attention]
    assert run("classify", *paths, *options, "--output", output) == 0
    rows = json.loads(output.read_text())["sources"]
    pictures = [row["picture"] for row in rows]
    assert len(set(pictures)) == 2
    assert {str(p) for p in attention.glob("*.png")} == set(pictures)
    assert len(list(attention.glob("*.attention.fits"))) == 2
    # What is drawn in a row's name belongs to the row's image.
    for row in rows:
        header = fits.getheader(row["picture"].removesuffix(".png") + ".attention.fits")
        assert header["PFRI"] == pytest.approx(row["p_fri"], abs=1e-12)
    assert rows[0]["p_fri"] != rows[1]["p_fri"]
    capsys.readouterr()
    assert run("classify", *paths, *options) == 2
    assert "add --overwrite" in capsys.readouterr().err


def test_a_fits_map_is_classified_and_its_attention_drawn(model_path, tmp_path):
    y, x = np.mgrid[:300, :300]
    sky = np.random.default_rng(0).normal(0, 1e-4, (300, 300))
    for row in (120, 180):
        sky += 0.02 * np.exp(-((y - row) ** 2 + (x - 150) ** 2) / 8)
    header = fits.Header(
        {
            "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CRVAL1": 180.0, "CRVAL2": 30.0,
            "CRPIX1": 150.5, "CRPIX2": 150.5, "CDELT1": -5e-4, "CDELT2": 5e-4, "BUNIT": "Jy/beam",
            "BMAJ": 1.5e-3, "BMIN": 1.5e-3, "BPA": 0.0,
        }
    )  # fmt: skip
    fits.PrimaryHDU(sky.astype(np.float32), header).writeto(tmp_path / "map.fits")
    output, attention = tmp_path / "r.json", tmp_path / "attention"
    options = ["--model", model_path, "--output", output, "--attention", attention]
    options += ["--centre", "position"]
    assert run("classify", tmp_path / "map.fits", *options) == 0
    (source,) = json.loads(output.read_text())["sources"]
    assert source["noise_jy_beam"] == pytest.approx(1e-4, rel=0.05)
    assert source["beam_arcsec"] == pytest.approx(5.4)
    assert source["offset_arcsec"] == 0
    # Pixel 150.5, the middle of 300, is the reference pixel.
    assert (source["ra"], source["dec"]) == pytest.approx((180, 30), abs=1e-9)
    assert (source["frame_ra"], source["frame_dec"]) == pytest.approx((180, 30), abs=1e-9)
    assert source["largest_angular_size_arcsec"] == pytest.approx(60 * 1.8, rel=0.1)
    with Image.open(attention / "map.fits.png") as picture:
        assert picture.size[0] > 500
        assert np.asarray(picture.convert("L")).std() > 10
    with fits.open(attention / "map.fits.attention.fits") as hdus:
        assert hdus[0].data.shape == (150, 150)
        # The frame begins 75 pixels into the map: 150.5 - 75.
        assert hdus[0].header["CRPIX1"] == 75.5
        assert hdus[0].header["CRVAL1"] == 180.0


def drawn_map() -> np.ndarray:
    """(200, 260) float32, Jy/beam: two lobes 90 arcsec apart, noise of 0.1 mJy/beam."""
    field = noise((200, 260), 1e-4, seed=3)
    for row in (74.5, 124.5):
        field += gaussian((200, 260), 129.5, row, 9, peak=0.02, scale=1.8).astype(np.float32)
    return field


def only_row(capsys) -> dict[str, str]:
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    return row


def test_an_array_with_a_pixel_scale_is_the_map_that_its_fits_file_is(model_path, tmp_path, capsys):
    field = drawn_map()
    write(tmp_path / "map.fits", field, celestial_header(field.shape))
    assert run("classify", tmp_path / "map.fits", "--model", model_path) == 0
    expected = only_row(capsys)
    np.save(tmp_path / "map.npy", field)
    options = ["--model", model_path, "--pixel-scale", 1.8, "--beam", 5.4]
    assert run("classify", tmp_path / "map.npy", *options) == 0
    found = only_row(capsys)
    assert float(found["p_fri"]) > 0
    for column in ("label", "p_fri", "noise_jy_beam", "peak_snr", "largest_angular_size_arcsec"):
        assert found[column] == expected[column]
    assert float(found["noise_jy_beam"]) == pytest.approx(1e-4, rel=0.02)
    # Twice the scale is twice the size of the same lobes, whose 3 sigma lie 50 pixels apart.
    size = float(found["largest_angular_size_arcsec"])
    assert run("classify", tmp_path / "map.npy", *options[:-3], 3.6, "--beam", 10.8) == 0
    assert float(only_row(capsys)["largest_angular_size_arcsec"]) == pytest.approx(
        2 * size, rel=0.02
    )


def test_a_picture_in_colour_is_the_map_that_was_drawn(model_path, tmp_path, capsys):
    from matplotlib import colormaps

    field = drawn_map()
    grey = (field - field.min()) / np.ptp(field)
    Image.fromarray(colormaps["inferno"](grey, bytes=True)).save(tmp_path / "map.png")
    np.save(tmp_path / "map.npy", field)
    options = ["--model", model_path, "--pixel-scale", 1.8, "--beam", 5.4]
    assert run("classify", tmp_path / "map.npy", *options) == 0
    expected = only_row(capsys)
    assert run("classify", tmp_path / "map.png", *options, "--colormap", "inferno") == 0
    found = only_row(capsys)
    assert found["label"] == expected["label"]
    # A step of 256 levels is 0.8 times the noise.
    assert float(found["p_fri"]) == pytest.approx(float(expected["p_fri"]), abs=0.05)
    assert float(found["peak_snr"]) == pytest.approx(float(expected["peak_snr"]), rel=0.1)
    assert found["noise_jy_beam"] == ""
    assert "unknown_unit" in found["flags"].split(";")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("map.png", ["--pixel-scale", 1.8, "--beam", 5.4], "in colour: name its colormap"),
        ("map.png", ["--colormap", "inferno"], "has 260 x 200 pixels: give 150 x 150"),
        ("map.png", ["--pixel-scale", 1.8, "--colormap", "infrno"], "no colormap 'infrno'"),
        ("map.png", ["--pixel-scale", 1.8, "--colormap", "jet"], "not those of colormap jet"),
        ("map.npy", ["--pixel-scale", 1.8, "--colormap", "jet"], "colormap is for pictures"),
        ("map.npy", [], "give 150 x 150 pixels of 1.8 arcsec, one image a file; or its pixel"),
        ("map.npy", ["--pixel-scale", 0], "--pixel-scale"),
        ("map.npy", ["--pixel-scale", "nan"], "--pixel-scale. Must be > 0"),
        ("map.npy", ["--pixel-scale", 20, "--beam", 5.4], "more than one source"),
        ("map.fits", ["--pixel-scale", 1.8], "pixel_scale is for pictures and arrays"),
    ],
)
def test_a_map_without_header_is_described_or_refused(
    name, options, message, model_path, tmp_path, capsys
):
    from matplotlib import colormaps

    field = drawn_map()
    path = tmp_path / name
    if name == "map.png":
        grey = (field - field.min()) / np.ptp(field)
        Image.fromarray(colormaps["inferno"](grey, bytes=True)).save(path)
    elif name == "map.npy":
        np.save(path, field)
    else:
        write(path, field, celestial_header(field.shape))
    assert run("classify", path, "--model", model_path, *options) == 2
    found = capsys.readouterr()
    assert found.out.count("\n") <= 2  # the header, and a row without a class
    assert message in found.err
    assert found.err.count("\n") == 1


def test_attention_without_matplotlib_is_one_line(folder, model_path, monkeypatch, capsys):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert run("classify", folder, "--model", model_path, "--attention", folder / "a") == 2
    assert "keras-astroattn[plots]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "--resume needs --output"),
        (["--output", "results.txt"], "must end in one of"),
        (["--model", "unheard-of"], "not a preset"),
        (["--workers", "0"], "workers"),
        (["--positons", "c.csv"], "unknown option --positons"),
        (["-x"], "unknown option -x"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(folder, arguments, message, capsys):
    assert run("classify", folder, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_folder_without_images_is_refused(tmp_path, model_path, capsys):
    assert run("classify", tmp_path, "--model", model_path) == 2
    assert "no image in" in capsys.readouterr().err


def test_names_of_found_files_are_unique(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "galaxy.png").touch()
    names = [name for _, name in find_images([folder, other, folder / "galaxy.png"])]
    alike = [
        f"galaxy.png-{hashlib.sha256(str(path / 'galaxy.png').encode()).hexdigest()[:12]}"
        for path in (folder, other)
    ]
    assert names == [
        "black.npy",
        "empty.fits",
        alike[0],
        "wrong.npy",
        "below__galaxy.npy",
        alike[1],
    ]


def test_paths_may_be_patterns_lists_and_a_home(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (folder / "list.txt").write_text("# mine\ngalaxy.png\n\nbelow/*.npy\n")
    both = [folder / "galaxy.png", folder / "below" / "galaxy.npy"]
    assert expand_paths(["~/images/galaxy.png"]) == both[:1]
    assert expand_paths([f"{folder}/**/galaxy.*"]) == sorted(both)
    assert expand_paths([f"@{folder}/list.txt"]) == both
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("galaxy.png\nbelow/galaxy.npy\n"))
    assert [path.resolve() for path in expand_paths(["-"])] == both
    (folder / "a[1].png").touch()
    assert expand_paths(["a[1].png", "@nowhere"[1:]]) == [Path("a[1].png"), Path("nowhere")]


@pytest.mark.parametrize(
    ("name", "message"), [("*.xyz", r"no file matches \*\.xyz"), ("@nowhere", "@nowhere cannot be")]
)
def test_patterns_and_lists_that_name_nothing_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        expand_paths([name])


def test_the_summary_tells_flags_and_the_first_failures(model_path, tmp_path, capsys):
    np.save(tmp_path / "good.npy", radio_galaxy())
    for number in range(7):
        (tmp_path / f"bad{number}.fits").touch()
    arguments = ["--model", model_path, "--output", tmp_path / "r.csv"]
    assert run("classify", tmp_path, *arguments, "--strict") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("r.csv: 8 images (1 FRII, 7 error)") or "1 FRI, 7 error" in lines[0]
    assert lines[1] == "flags: 1 picture"
    failed = [f"failed: {tmp_path}/bad{number}.fits: is empty" for number in range(5)]
    assert lines[2:] == [*failed, "failed: 2 more"]


def test_names_differ_by_more_than_case_and_are_short(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a" / "M87.fits").touch()
    (tmp_path / "b" / "m87.fits").touch()
    long = tmp_path / "a" / ("\u00e9" * 100 + ".fits")
    long.touch()
    names = [name for _, name in find_images([tmp_path / "a", tmp_path / "b"])]
    assert len({name.casefold() for name in names}) == 3
    assert all(len(f"{name}.attention.fits".encode()) < 255 for name in names)


def test_pictures_drawn_before_are_not_classified(folder):
    (folder / "attention").mkdir()
    Image.fromarray(radio_galaxy()).save(folder / "attention" / "galaxy.png.png")
    found = find_images([folder], excluded=folder / "below" / ".." / "attention")
    assert len(found) == 5


def test_benchmark_prints_a_row_a_thread_count(model_path, capsys):
    assert run("benchmark", model_path, "--repeats", "3", "--threads", "1", "2") == 0
    out = capsys.readouterr().out
    assert "images/s" in out
    assert "3 times" in out


def test_the_survey_images_are_classified_without_errors(data_dir, model_path, tmp_path):
    output = tmp_path / "r.csv"
    assert run("classify", data_dir / "fits", "--model", model_path, "--output", output) == 0
    rows = read(output)
    assert len(rows) == 46
    assert not [row for row in rows.values() if row["error"]]


@pytest.mark.slow
def test_a_killed_run_goes_on(model_path, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(400):
        np.save(folder / f"{number:03}.npy", np.roll(radio_galaxy(), number % 20, axis=1))
    output = tmp_path / "r.csv"
    arguments = ["classify", folder, "--model", model_path, "--output", output, "--workers", "1"]
    script = "import sys; from keras_astroattn.cli.app import main; main()"
    process = subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)])
    journal = tmp_path / ".r.csv.journal"
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 20):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists()
    before = journal.read_bytes()
    assert run(*arguments, "--resume") == 0
    rows = read(output)
    assert len(rows) == 400
    assert before.count(b"\n") < 401
