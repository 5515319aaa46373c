"""`astroattn classify` without --output prints a table to read on a terminal, and CSV elsewhere."""

import sys

import numpy as np
import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.app import app
from keras_astroattn.cli.classify import _to_terminal
from keras_astroattn.cli.terminal_table import print_sources
from keras_astroattn.command import run_app

ROW = {
    "name": "3C 31",
    "label": "FRI",
    "p_fri": 0.974,
    "p_frii": 0.026,
    "largest_angular_size_arcsec": 67.32,
    "peak_snr": 20.16,
    "flags": "recentred;off_centre",
}


def cells(text: str) -> list[list[str]]:
    """Return the cells of the lines of a table that hold a row."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def test_a_row_has_its_numbers_rounded(wide, capsys):
    print_sources([ROW])
    assert cells(capsys.readouterr().out) == [
        ["3C 31", "FRI", "0.97", "0.03", "67", "20", "recentred, off_centre"]
    ]


def test_no_probability_is_rounded_to_certainty(wide, capsys):
    print_sources([ROW | {"p_fri": 0.99999, "p_frii": 0.00001}])
    assert cells(capsys.readouterr().out)[0][2:4] == ["> 0.9999", "< 0.0001"]


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_values_are_empty_cells(wide, capsys, missing):
    print_sources([dict.fromkeys(ROW, missing) | {"name": "a", "label": "error"}])
    assert cells(capsys.readouterr().out) == [["a", "error", *[""] * 5]]


@pytest.mark.parametrize("columns", ["80", "60"])
def test_a_narrow_terminal_cuts_nothing_off(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    name, flag = "FIRSTJ093609.8+331308_deep_field_2.fits", "noise_uncertain"
    print_sources([ROW | {"name": name, "flags": flag}])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    found = list(zip(*cells(out), strict=True))
    assert "".join(found[0]) == name
    assert "".join(found[-1]) == flag


def test_names_keep_their_brackets_and_lose_control_characters(wide, capsys):
    print_sources([ROW | {"name": "[red]\x1b[2Ja", "explanation": "a sentence"}])
    out = capsys.readouterr().out
    assert cells(out)[0][0] == "[red]\N{REPLACEMENT CHARACTER}[2Ja"
    assert out.splitlines()[-1] == "[red]\N{REPLACEMENT CHARACTER}[2Ja: a sentence"


def test_a_terminal_gets_the_table_and_a_pipe_csv(wide, model_path, tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "galaxy.npy", radio_galaxy())
    arguments = ["classify", str(tmp_path), "--model", str(model_path)]
    assert run_app(app, arguments) == 0
    assert capsys.readouterr().out.startswith("path,name,ra,dec,label,")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run_app(app, arguments) == 0
    out = capsys.readouterr().out
    assert "P(FRII)" in out
    assert "galaxy.npy" in out
    assert "path,name" not in out


def test_an_interrupted_run_shows_what_it_has(wide, capsys):
    def rows():
        yield ROW
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _to_terminal(rows())
    assert [row[0] for row in cells(capsys.readouterr().out)] == ["3C 31"]
