"""`astroattn fetch`, from a list of positions to maps."""

import csv
import importlib.util
import signal
import subprocess
import sys
import time

import pytest
from support.casda_service import PASSWORD, USER, take_the_place_of_casda
from support.survey_server import SurveyServer, page, silent

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.fetch.image import is_complete_file


@pytest.fixture
def server():
    with SurveyServer() as running:
        yield running


@pytest.fixture
def positions(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text("name,ra,dec\nA,12:00:00,+30:00:00\nB,181.5,31\nC,,\nD,10,85\n")
    return path


def run(server, folder, **changes):
    options = {
        "survey": "first",
        "output": folder,
        "service": f"{server.url}/skyview",
        "rate": 5,
        **changes,
    }
    given = {name: value for name, value in options.items() if value is not None}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return run_app(app, ["fetch", *words])


def test_positions_become_maps(server, positions, tmp_path, capsys):
    assert run(server, tmp_path / "out", positions=positions, size=2) == 0
    stderr = capsys.readouterr().err
    assert "3 sources (2 fetched, 1 no_coverage)" in stderr
    assert "1 rows have no position on the sky" in stderr
    assert "Acknowledge SkyView" in stderr
    with (tmp_path / "out" / "fetched.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["ra"], row["status"]) for row in rows] == [
        ("A", "180.0", "fetched"),
        ("B", "181.5", "fetched"),
        ("D", "10.0", "no_coverage"),
    ]
    assert (tmp_path / "out" / rows[0]["file"]).is_file()


def test_the_default_width_is_the_field_of_the_network(server, positions, tmp_path):
    assert run(server, tmp_path / "out", positions=positions) == 0
    assert server.asked("/skyview")[0]["Pixels"] == "300,300"


def test_one_position_needs_no_list(server, tmp_path):
    assert run(server, tmp_path / "out", position="12:30:49.42,+12:23:28.0", size=2) == 0
    assert (tmp_path / "out" / "first_J123049.42+122328.0.fits").is_file()


def test_failures_are_reported(server, positions, tmp_path, capsys):
    server.faults = [page("<p>Server down</p>")] * 3
    assert run(server, tmp_path / "out", positions=positions) == 2
    stderr = capsys.readouterr().err.splitlines()
    assert "failed: A: the answer is not a FITS file: Server down" in stderr
    assert stderr[-1].startswith("error: none of 3 sources has a cutout: see")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("survey", "second", "--survey second is not known: give one of first, nvss, sumss"),
        ("service", "ftp://x", "--service ftp://x is not an address"),
        ("size", "0", "Must be > 0"),
        ("rate", "100", "Must be <= 5"),
        ("columns", "ra=x", "there is no such column"),
        ("positions", "missing.csv", "missing.csv"),
    ],
)
def test_wrong_options_are_one_line(server, positions, tmp_path, capsys, option, value, message):
    assert run(server, tmp_path / "out", **{"positions": positions, option: value}) == 2
    stderr = capsys.readouterr().err
    assert stderr.count("\n") == 1
    assert message in stderr
    assert server.requests == []
    assert not (tmp_path / "out").exists()


CASDA = {"survey": "casda-racs", "service": None, "position": "180,-50", "size": 15, "user": USER}


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_login_takes_its_password_from_terminal_or_environment(
    server, tmp_path, capsys, monkeypatch, by_hand
):
    take_the_place_of_casda(server, monkeypatch)
    monkeypatch.setattr("sys.stdin.isatty", lambda: by_hand, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    monkeypatch.delenv("ASTROATTN_CASDA_PASSWORD", raising=False)
    if not by_hand:
        monkeypatch.setenv("ASTROATTN_CASDA_PASSWORD", PASSWORD)
    assert run(server, tmp_path / "out", **CASDA) == 0
    assert "1 sources (1 fetched)" in capsys.readouterr().err


def test_a_wrong_password_is_one_line(server, tmp_path, capsys, monkeypatch):
    take_the_place_of_casda(server, monkeypatch)
    monkeypatch.setenv("ASTROATTN_CASDA_PASSWORD", "guess")
    assert run(server, tmp_path / "out", **CASDA) == 2
    assert capsys.readouterr().err == (
        f"error: CASDA refuses --user {USER} with this password: check both\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user": None}, "--survey casda-racs needs a login: give --user NAME"),
        ({"survey": "first"}, "--survey first needs no login: leave --user out"),
        ({"service": "https://x/"}, "--service: the password is sent to CASDA only"),
        ({}, "has no password: set ASTROATTN_CASDA_PASSWORD, or give it at a terminal"),
    ],
)
def test_a_wrong_login_is_one_line(server, tmp_path, capsys, monkeypatch, changes, message):
    monkeypatch.delenv("ASTROATTN_CASDA_PASSWORD", raising=False)
    assert run(server, tmp_path / "out", **{**CASDA, **changes}) == 2
    stderr = capsys.readouterr().err
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1
    assert message in stderr
    assert not (tmp_path / "out").exists()


def test_a_list_without_positions_is_refused(server, tmp_path, capsys):
    path = tmp_path / "sources.csv"
    path.write_text("name,ra,dec\nA,,\n")
    assert run(server, tmp_path / "out", positions=path) == 2
    assert f"{path} holds no position on the sky: A: no position" in capsys.readouterr().err


def test_a_missing_package_is_named(server, positions, tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "pyvo" else find(name)
    )
    assert run(server, tmp_path / "out", positions=positions) == 2
    assert "astroattn fetch needs pyvo: pip install 'keras-astroattn[fetch]'" in (
        capsys.readouterr().err
    )


def test_other_commands_do_not_import_what_fetch_needs():
    code = (
        "import sys, keras_astroattn.cli.app, keras_astroattn.cli.classify\n"
        "assert not {'requests', 'pyvo', 'keras_astroattn.fetch'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_an_interrupted_run_leaves_complete_files(server, tmp_path):
    positions = tmp_path / "sources.txt"
    positions.write_text("".join(f"{number},30\n" for number in range(30)))
    server.faults = [None, silent] * 30
    words = ["--positions", positions, "--survey", "first", "--output", tmp_path / "out"]
    words += ["--service", f"{server.url}/skyview", "--rate", "5"]
    running = subprocess.Popen(
        [sys.executable, "-m", "keras_astroattn.cli", "fetch", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "out").glob("first_*.fits")) and running.poll() is None:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert stderr.strip() == "interrupted"
    names = {path.name for path in (tmp_path / "out").iterdir()} - {"fetched.csv"}
    assert 0 < len(names) < 30
    for name in names:
        assert is_complete_file(tmp_path / "out" / name)
