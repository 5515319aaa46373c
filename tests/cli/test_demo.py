"""`astroattn demo` classifies the sample maps that come with the package."""

import csv

import pytest

from keras_astroattn.cli.demo import demo
from keras_astroattn.errors import InputError
from keras_astroattn.samples import SAMPLES


def test_demo_labels_each_sample_as_what_it_is(tmp_path, capsys):
    assert demo(output=tmp_path / "demo") == 0
    with (tmp_path / "demo" / "results.csv").open(newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    assert labels == ["FRI", "FRII", "compact"]
    assert {f"{name}.fits" for name in SAMPLES} < {p.name for p in (tmp_path / "demo").iterdir()}
    assert "frii.fits" in capsys.readouterr().out


def test_demo_overwrites_nothing(tmp_path):
    (tmp_path / "demo").mkdir()
    with pytest.raises(InputError, match="exists: remove it, or name another --output"):
        demo(output=tmp_path / "demo")
    assert not any((tmp_path / "demo").iterdir())
