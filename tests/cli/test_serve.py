"""`astroattn serve` as a process: its address, its end, and what it refuses."""

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from PIL import Image
from support.serving import served
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.datasets import simulate_survey
from keras_astroattn.recalibration import read_labels


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def scored(model_path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scored")
    (folder / "maps").mkdir()
    Image.fromarray(radio_galaxy()).save(folder / "maps" / "galaxy.png")
    Image.fromarray(radio_galaxy().T).save(folder / "maps" / "<b>.png")
    options = ("--model", model_path, "--output", folder / "r.csv")
    assert run("classify", folder / "maps", *options) == 0
    return folder / "r.csv"


def ask(address: str, path: str, body: dict | None = None):
    base, token = address.split("?token=")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers)) as answer:
        return json.load(answer)


def test_a_result_is_served_labelled_and_ended(scored, model_path):
    labels = scored.with_name("r.labels.csv")
    with served(scored, "--model", model_path) as (process, address):
        with urllib.request.urlopen(address) as page:
            text = page.read().decode()
        assert "Sources of r.csv" in text
        assert "<code>astroattn recalibrate r.csv --labels r.labels.csv</code>" in text
        found = ask(address, "sources?part=chosen&order=name")
        assert [row[1] for row in found["sources"]] == ["<b>.png", "galaxy.png"]
        row = found["numbers"][1]
        source, name, *_, note, picture, attention, _ = ask(address, f"pictures/{row}")
        assert (name, note) == ("galaxy.png", "")
        assert picture.startswith("iVBOR")  # a PNG file in base64
        assert attention.startswith("iVBOR")
        assert ask(address, "labels", {"row": row, "label": "FRII", "labeller": "Ann"})
        (one,) = read_labels(labels)
        assert (one.source, one.label, one.part, one.inclusion) == (source, "FRII", "random", 1)
        with urllib.request.urlopen(address) as page:  # the probabilities against the labels
            assert "1 labelled source" in page.read().decode()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=120)
        assert process.returncode == 0
        assert (rest, errors) == (f"stopped: 1 labels in {labels}\n", "")
    with served(scored, "--model", model_path) as (process, address):  # killed at once
        found = ask(address, "sources?labeller=Ann&order=name")
        assert found["mine"] == [None, "FRII"]
        ask(address, "labels", {"row": row, "label": "FRI", "labeller": "Ann"})
    assert [one.label for one in read_labels(labels)] == ["FRI"]


@pytest.mark.slow
def test_a_survey_is_served_as_its_report_shows_it(tmp_path):
    survey = simulate_survey(tmp_path / "survey", sources=6, tiles=2, seed=1)
    tiles, output = tmp_path / "survey" / "tiles", tmp_path / "scored"
    options = ("--catalogue", survey.catalogue, "--images", tiles, "--output", output)
    assert run("survey", *options) == 0
    assert run("report", output) == 0
    text = output.with_suffix(".html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data["sources"]) == 6
    with served(output) as (_, address):
        found = ask(address, "sources")
        drawn = [ask(address, f"pictures/{row}") for row in found["numbers"]]
    assert drawn == data["sources"]  # the pictures too
    without = [row[:-3] for row in data["sources"]]
    assert [row[:-3] for row in found["sources"]] == without


def test_a_port_in_use_is_one_line(scored, model_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run("serve", scored, "--model", model_path, "--port", port) == 2
    told = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no.csv",), "no.csv does not exist: name the table"),
        (("empty",), "no complete survey"),
        ((".",), "no complete survey"),
        (("text.csv",), "has no column path"),
        (("r.csv",), "made with the model tiny, which is no preset"),
        (("r.csv", "--host", "no address"), "--host no address is no address"),
        (("r.csv", "--host", "203.0.113.9"), "cannot listen on 203.0.113.9, port 8100"),
        (("r.csv", "--port", "70000"), "--port"),
        (("r.csv", "--seed=-1"), "--seed"),
        (("r.csv", "--labels", "text.csv", "--model", "MODEL"), "begins with other columns"),
        (("r.csv", "--labels", "no/l.csv", "--model", "MODEL"), "cannot be written"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments, message, scored, model_path, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.csv").write_text("a,b\n1,2\n")
    (tmp_path / "r.csv").write_bytes(scored.read_bytes())
    given = [str(model_path) if one == "MODEL" else one for one in arguments]
    port = () if "8100" in message or "--port" in arguments else ("--port", "0")
    assert run("serve", *given, *port) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "r.csv", "text.csv"]


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "pyarrow"])
def test_without_its_packages_it_names_the_extra(missing, scored, monkeypatch, capsys):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else found(name)
    )
    assert run("serve", scored) == 2
    assert f"needs {missing}: pip install 'keras-astroattn[serve]'" in capsys.readouterr().err


def test_filtered_sources_are_sent_to_topcat(samp_hub, scored, model_path):
    topcat = samp_hub("topcat")
    with served(scored, "--model", model_path) as (_, address):
        assert ask(address, "send?name=galaxy", {}) == {"count": 1, "programs": ["topcat"]}
    (table,) = topcat.tables
    assert table["name"].tolist() == ["galaxy.png"]
    assert topcat.names == ["r.csv"]


def test_without_a_hub_the_page_says_so(no_samp_hub, scored, model_path):
    with served(scored, "--model", model_path) as (_, address):
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(address, "send?", {})
        with caught.value as answer:
            assert "no SAMP hub runs" in answer.read().decode()
