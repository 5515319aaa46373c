import pytest
from PIL import Image

from keras_astroattn.errors import InputError


def test_a_notebooks_results_are_columns_of_the_table_and_pictures_of_half_the_size(tmp_path):
    from train.paper.notebook import Results

    (tmp_path / "results.csv").write_text("row,name,rate\n2,a|b,0.98765\n9,c,0.1\n")
    Image.new("RGB", (40, 20)).save(tmp_path / "roc.png")
    results = Results(tmp_path)
    table = results.table({"rate": "rate %", "name": "name"}, row=["2"])
    assert table.data.splitlines() == ["| rate % | name |", "| --- | ---: |", "| 0.988 | a\\|b |"]
    assert results.table(["row"], row="5") is None
    assert results.figure("roc").width == 20
    with pytest.raises(InputError, match="no figure cor: there are roc"):
        results.figure("cor")


def test_a_notebook_without_data_shows_words_alone(capsys, monkeypatch, tmp_path):
    from train.paper.notebook import experiment

    monkeypatch.delenv("KERAS_ASTROATTN_PUBLISHED", raising=False)
    monkeypatch.setenv("KERAS_ASTROATTN_OUTPUT", str(tmp_path))
    results = experiment("gates")
    assert "KERAS_ASTROATTN_PUBLISHED" in capsys.readouterr().out
    assert results.figure("metrics") is None
    assert results.table(["gates"]) is None
    monkeypatch.setenv("KERAS_ASTROATTN_REPEATS", "few")
    assert experiment("gates").folder is None
    assert "KERAS_ASTROATTN_REPEATS is 'few'" in capsys.readouterr().out
