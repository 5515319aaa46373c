"""`astroattn report` and `--report`, from end to end."""

import csv
import json
import re
import shutil

import pytest
from PIL import Image
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.edge import read_result
from keras_astroattn.samples import sample_paths


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


def sources(page) -> list[dict]:
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    return [dict(zip(data["fields"], row, strict=True)) for row in data["sources"]]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    Image.fromarray(radio_galaxy()).save(path / "galaxy.png")
    Image.fromarray(radio_galaxy().T).save(path / "<img src=x onerror=alert(1)>.png")
    (path / "empty.fits").touch()
    shutil.copy(sample_paths()[0], path / "map.fits")
    return path


def test_classify_writes_its_report(folder, model_path, tmp_path, capfd):
    output, page = tmp_path / "r.csv", tmp_path / "r.html"
    options = ("--model", model_path, "--output", output, "--report", page)
    assert run("classify", folder, *options) == 0
    found = {one["name"]: one for one in sources(page)}
    assert set(found) == {
        "galaxy.png", "<img src=x onerror=alert(1)>.png", "empty.fits", "map.fits"
    }  # fmt: skip
    assert "<img src=x" not in page.read_text()
    galaxy = found["galaxy.png"]
    assert galaxy["label"] in ("FRI", "FRII")
    assert galaxy["picture"]
    assert galaxy["attention"]
    assert galaxy["evidence"] is None
    assert galaxy["ra"] is None
    assert (galaxy["part"], galaxy["inclusion"]) == ("random", 1)
    assert found["empty.fits"]["note"] == "is empty"
    assert found["empty.fits"]["picture"] is None
    assert found["map.fits"]["ra"] is not None
    assert "4 sources" in capfd.readouterr().err


def test_a_report_of_a_table_takes_the_model_and_the_options_of_the_table(
    folder, model_path, tmp_path, capsys
):
    output, page = tmp_path / "r.csv", tmp_path / "r.html"
    options = ("--noise", 5e-4, "--model", model_path)
    assert run("classify", folder / "map.fits", *options, "--output", output) == 0
    assert run("report", output) == 2
    assert "made with the model tiny, which is no preset" in capsys.readouterr().err
    assert not page.exists()
    assert run("report", output, *options) == 0
    assert sources(page)[0]["picture"]
    assert run("report", output) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("p_frii", "0.125", "and the table 0.125"), ("largest_angular_size_arcsec", "7", "table 7.0")],
)
def test_a_map_that_gives_another_answer_than_the_table_has_no_picture(
    column, value, message, folder, model_path, tmp_path, capsys
):
    output, page = tmp_path / "r.csv", tmp_path / "r.html"
    assert run("classify", folder / "galaxy.png", "--model", model_path, "--output", output) == 0
    (row,) = csv.DictReader(output.read_text().splitlines())
    output.write_text(",".join(row) + "\n" + ",".join((row | {column: value}).values()) + "\n")
    assert run("report", output, "--model", model_path) == 0
    (found,) = sources(page)
    assert found["picture"] is None
    assert message in found["note"]
    assert "1 without a picture" in capsys.readouterr().err


def test_labels_show_how_reliable_the_probabilities_are(model_path, tmp_path, capsys):
    rows = "".join(f"no/{n}.png,FRI,0.9,0.1,tiny\n" for n in range(40))
    (tmp_path / "r.csv").write_text(f"path,label,p_fri,p_frii,model\n{rows}")
    labels, page = tmp_path / "labels.csv", tmp_path / "r.html"
    given = "".join(f"no/{n}.png,{'FRI' if n < 15 else 'FRII'}\n" for n in range(20))
    labels.write_text(f"source,label\n{given}")
    options = ("--model", model_path, "--labels", labels)
    assert run("report", tmp_path / "r.csv", *options) == 0
    text = page.read_text()
    assert "20 labelled sources" in text
    assert "Expected calibration error: 15.0%" in text  # 90 % stated, 75 % right
    labels.write_text(labels.read_text() + "other.png,FRI\n")
    assert run("report", tmp_path / "r.csv", *options, "--overwrite") == 2
    assert "does not hold: other.png" in capsys.readouterr().err


def test_each_source_of_one_map_is_drawn_at_its_position(folder, model_path, tmp_path):
    output, page = tmp_path / "r.csv", tmp_path / "r.html"
    given = ("--model", model_path, "--output", output)
    assert run("classify", folder / "map.fits", *given) == 0
    ra, dec = (float(read_result(output).numbers(name)[0]) for name in ("ra", "dec"))
    places = tmp_path / "places.csv"
    places.write_text(f"id,ra,dec\nmiddle,{ra},{dec}\naside,{ra},{dec + 0.01}\n")
    at = ("--centre", "position")
    options = ("--positions", places, "--overwrite", *at)
    assert run("classify", folder / "map.fits", *given, *options) == 0
    assert run("report", output, "--model", model_path, *at) == 0
    middle, aside = sources(page)
    assert [one["name"] for one in (middle, aside)] == ["middle", "aside"]
    assert middle["picture"]
    assert aside["picture"]
    assert middle["picture"] != aside["picture"]
    assert middle["source"] != aside["source"]


def test_evidence_is_part_of_the_report_of_a_model_that_gives_it(folder, votes_path, tmp_path):
    page = tmp_path / "r.html"
    options = ("--model", votes_path, "--output", tmp_path / "r.json", "--report", page)
    assert run("classify", folder / "galaxy.png", *options) == 0
    assert sources(page)[0]["evidence"]


def test_few_of_many_sources_are_those_to_label_and_others(model_path, tmp_path, capsys):
    rows = "".join(f"no/{n}.png,FRI,0.9,0.1,tiny\n" for n in range(50))
    (tmp_path / "r.csv").write_text(f"path,label,p_fri,p_frii,model\n{rows}")
    options = ("--model", model_path, "--sources", 20, "--to-label", 10, "--choose", "random")
    assert run("report", tmp_path / "r.csv", *options) == 0
    found = sources(tmp_path / "r.html")
    assert len(found) == 20
    assert [one["inclusion"] for one in found if one["part"]] == [0.2] * 10
    assert "The grid shows 20 of 50 rows: 10 to label, and 10" in (
        (tmp_path / "r.html").read_text()
    )
    assert "does not exist" in found[0]["note"] or "no picture" in found[0]["note"]


def test_sources_to_label_are_written_for_other_tools(folder, model_path, tmp_path, capsys):
    output = tmp_path / "r.csv"
    assert run("classify", folder / "galaxy.png", "--model", model_path, "--output", output) == 0
    tasks, subjects = tmp_path / "tasks.json", tmp_path / "subjects"
    options = ("--model", model_path, "--label-studio", tasks, "--zooniverse", subjects)
    assert run("report", output, *options) == 0
    (task,) = json.loads(tasks.read_text())
    assert task["data"]["source"] == str(folder / "galaxy.png")
    assert task["data"]["image"].startswith("data:image/png;base64,")
    assert 'value="not_radio_galaxy"' in (tmp_path / "tasks.xml").read_text()
    (row,) = csv.DictReader((subjects / "manifest.csv").read_text().splitlines())
    with Image.open(subjects / row["image"]) as picture:
        assert picture.size == (150, 150)
    assert "1 sources to label" in capsys.readouterr().err
    (tmp_path / "r.html").unlink()
    assert run("report", output, *options) == 2
    assert "tasks.json exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "r.html"), "--report needs --output"),
        (("--output", "r.csv", "--report", "r.txt"), "must end in .html"),
        (("--output", "r.csv", "--report", "no/r.html"), "cannot be written"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_first(
    arguments, message, folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run("classify", folder, *arguments) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]


def test_what_is_no_table_is_one_line(tmp_path, capsys):
    assert run("report", tmp_path / "no.csv") == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "survey").mkdir()
    assert run("report", tmp_path / "survey") == 2
    assert "no complete survey" in capsys.readouterr().err
