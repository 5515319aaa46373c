"""`astroattn info`: the metadata of a model as a table or JSON."""

import json

from export.metadata import with_metadata
from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.edge.metadata import CHECKSUM_KEY, read_metadata, split_model_file


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


def test_info_shows_the_metadata(model_path, capsys):
    assert run("info", model_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["class_names"] == ["FRI", "FRII"]
    assert run("info", model_path) == 0
    assert "tiny" in capsys.readouterr().out


def test_info_shows_that_the_network_sees_the_source_alone(alone_path, capsys):
    assert run("info", alone_path) == 0
    (line,) = (one for one in capsys.readouterr().out.splitlines() if "source alone" in one)
    assert "true" in line


def test_info_shows_the_thresholds_as_tables(alone_path, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    content = alone_path.read_bytes()
    metadata = read_metadata(content, alone_path)
    thresholds = {
        "neighbours": [0.0, 15.0],
        "certain_size_beams": [0.0, 2.0],
        "peak_snr": [5.0, 10.0, 20.0],
        "probability": [
            [[None, None, None], [None, [0.9348, None], [0.675, 0.99965]]],
            [[None, None, None], [None, None, [0.9, 0.8]]],
        ],
        "fitted_on": "9 simulated sources",
    }
    metadata["labels"]["thresholds"] = thresholds
    del metadata[CHECKSUM_KEY]
    path = tmp_path / "a.tflite"
    path.write_bytes(with_metadata(bytes(split_model_file(content, alone_path)[1]), metadata))
    assert run("info", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["labels"]["thresholds"] == thresholds
    assert run("info", path) == 0
    text = capsys.readouterr().out
    assert "certain_size_beams" not in text
    assert max(map(len, text.splitlines()[:-2])) <= 80
    crowds = text.split("Least probability of each class, ")[1:]
    assert [crowd.split("\n")[0].rstrip() for crowd in crowds] == [
        "0 to 15 neighbours:",
        "over 15 neighbours:",
    ]
    rows = [" ".join(line.split()) for line in text.splitlines()]
    for row in (
        "beams 5 to 10 10 to 20 over 20",
        "0 to 2 unresolved unresolved unresolved",
        "over 2 unresolved FRI 0.93 FRI 0.68",
        "FRII never FRII 0.9997",
        "over 2 unresolved unresolved FRI 0.90",
        "FRII 0.80",
    ):
        assert row in rows
    assert "chosen with 9 simulated sources" in " ".join(rows)
