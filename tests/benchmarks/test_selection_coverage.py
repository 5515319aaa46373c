"""How often the stated intervals of a selection function hold the truth."""

import pytest

from benchmarks.selection_coverage import coverage, main, read_sources
from keras_astroattn.cli.injection import SOURCE_COLUMNS
from keras_astroattn.errors import InputError
from keras_astroattn.survey.injection import Injected, rows_of
from keras_astroattn.tables import batches_of, write_table


def population():
    """Of 20 FRI 16 get their label and 4 FRII; all FRII get theirs; points are compact."""
    labels = [("FRI", "FRI")] * 16 + [("FRI", "FRII")] * 4 + [("FRII", "FRII")] * 20
    labels += [("point", "compact")] * 20
    return [
        Injected(number, kind, 4.0, 20.0, "t", 1.0, 2.0, label, None, None, 4.0, 20.0, ())
        for number, (kind, label) in enumerate(labels)
    ]


def test_intervals_hold_the_share_of_the_population():
    truth, stated, held = coverage(population(), sources=180, repeats=100, seed=0)
    assert truth["purity", "FRI"] == 1.0
    assert truth["purity", "FRII"] == 20 / 24
    assert truth["completeness", "FRI"] == 0.8
    assert truth["confusion", "point"] == 0.0
    # A share of 1 or 0 is always held. Of 100 draws, 95 hold 0.8 (3 sigma: 88).
    assert held["purity", "FRI"] == held["confusion", "point"] == 100
    assert stated["completeness", "FRI"] == 100
    assert 88 <= held["completeness", "FRI"] < 100


def test_the_command_prints_a_table(tmp_path, capsys):
    path = tmp_path / "sources.csv"
    rows = rows_of(population())
    write_table(path, SOURCE_COLUMNS, batches_of(SOURCE_COLUMNS, rows))
    assert [one.label for one in read_sources(path)] == [one.label for one in population()]
    assert main([str(path), "--sources", "30", "--repeats", "3"]) == 0
    printed = capsys.readouterr().out
    assert "60 sources; 3 draws of 30" in printed
    assert "| purity | FRII | 0.833 |" in printed


def test_a_file_without_sources_is_refused(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"is no readable sources\.csv"):
        read_sources(path)
    path.write_text("kind\n")
    with pytest.raises(InputError, match="holds no sources of one of the kinds"):
        read_sources(path)
