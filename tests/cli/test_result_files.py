"""Tables in every format, complete or absent."""

import csv
import json
import math
from pathlib import Path

import pytest
from astropy.io.votable import parse_single_table

from keras_astroattn.cli.journal import Journal
from keras_astroattn.cli.result_files import beside, require_writable, write_results
from keras_astroattn.errors import InputError
from keras_astroattn.tables import COLUMNS, PICTURE, WRITERS, writers

NAMES = [column.name for column in (*COLUMNS, PICTURE)]


def row(path: str, **values):
    return dict.fromkeys(NAMES) | {"path": path, "label": "FRI", "flags": ""} | values


ROWS = [
    row('a,"b"\n<c>&.fits', p_fri=0.75, p_frii=0.25, beam_arcsec=5.4, peak_snr=math.inf),
    row("d.fits", label="error", error="no such file"),
]


def test_the_columns_are_the_documented_ones():
    assert NAMES == [
        "path", "name", "ra", "dec", "label", "p_fri", "p_frii", "entropy_nats", "noise_jy_beam",
        "peak_snr", "source_fraction", "largest_angular_size_arcsec", "centroid_ra", "centroid_dec",
        "major_arcsec", "minor_arcsec", "position_angle_deg", "beam_arcsec", "frame_ra",
        "frame_dec", "offset_arcsec", "flags", "error", "model", "picture",
    ]  # fmt: skip


def test_csv_is_read_back(tmp_path):
    write_results(tmp_path / "r.csv", ROWS)
    with (tmp_path / "r.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [one["path"] for one in read] == [ROWS[0]["path"], "d.fits"]
    assert float(read[0]["p_fri"]) == 0.75
    assert read[1]["p_fri"] == ""


def test_csv_has_the_digits_that_mean_something(tmp_path):
    one = row("a.fits", ra=187.70593075, dec=-12.391123, p_fri=1 / 3, noise_jy_beam=1.45826867e-4)
    write_results(tmp_path / "r.csv", [one])
    with (tmp_path / "r.csv").open(newline="") as file:
        (read,) = csv.DictReader(file)
    assert (read["ra"], read["dec"]) == ("187.705931", "-12.391123")  # 4 mas
    assert (read["p_fri"], read["noise_jy_beam"]) == ("0.333333", "0.0001458")


def test_json_is_strict_and_has_units(tmp_path):
    write_results(tmp_path / "r.json", ROWS)

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "r.json").read_text(), parse_constant=refuse)
    units = {column["name"]: column["unit"] for column in read["columns"]}
    assert units["noise_jy_beam"] == "Jy/beam"
    assert read["sources"][0]["path"] == ROWS[0]["path"]
    assert read["sources"][0]["peak_snr"] is None


def test_votable_is_read_by_astropy(tmp_path):
    write_results(tmp_path / "r.vot", ROWS)
    table = parse_single_table(tmp_path / "r.vot")
    assert str(table.get_field_by_id_or_name("beam_arcsec").unit) == "arcsec"
    assert table.get_field_by_id_or_name("p_fri").description
    read = table.to_table()
    assert read["p_fri"][0] == 0.75
    assert read["peak_snr"][0] == math.inf
    assert read["p_fri"].mask[1] or math.isnan(read["p_fri"][1])
    assert read["error"][1] == "no such file"


def test_parquet_is_read_by_pyarrow(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_results(tmp_path / "r.parquet", ROWS)
    table = parquet.read_table(tmp_path / "r.parquet")
    assert table.column("path").to_pylist() == [ROWS[0]["path"], "d.fits"]
    assert table.column("p_fri").to_pylist() == [0.75, None]
    assert table.schema.field("noise_jy_beam").metadata[b"unit"] == b"Jy/beam"


@pytest.mark.parametrize("suffix", WRITERS)
def test_no_file_is_half_written(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")

    def rows():
        yield ROWS[0]
        raise OSError(28, "No space left on device")

    path = tmp_path / f"r{suffix}"
    with pytest.raises(InputError, match="No space left on device"):
        write_results(path, rows())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["r.txt", "r", "r.xls"])
def test_an_unknown_format_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"must end in one of \.csv"):
        require_writable(tmp_path / name)


def test_a_missing_folder_is_refused_before_work(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        require_writable(tmp_path / "none" / "r.csv")
    require_writable(tmp_path / "r.csv")
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_pyarrow_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(writers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"keras-astroattn\[parquet\]"):
        require_writable(tmp_path / "r.parquet")


def test_a_journal_takes_over_whole_lines_only(tmp_path):
    results = tmp_path / "r.csv"
    first = Journal(results, {"model": "m"}, resume=False)
    first.add("a", row("a"))
    first.close()
    with first.path.open("ab") as file:
        file.write(b'{"path": "torn')
    second = Journal(results, {"model": "m"}, resume=True)
    assert second.done == {"a"}
    second.add("b", row("b"))
    assert [(key, one["path"]) for key, one in second.rows()] == [("a", "a"), ("b", "b")]
    second.remove()
    assert list(tmp_path.iterdir()) == []


def test_another_model_does_not_go_on_with_a_run(tmp_path):
    Journal(tmp_path / "r.csv", {"model": "m", "options": {}}, resume=False).close()
    with pytest.raises(InputError, match="another model"):
        Journal(tmp_path / "r.csv", {"model": "n", "options": {}}, resume=True)
    assert (tmp_path / ".r.csv.journal").exists()


def test_rows_of_an_interrupted_run_are_not_dropped_unasked(tmp_path):
    first = Journal(tmp_path / "r.csv", {"model": "m"}, resume=False)
    first.add("a", row("a"))
    first.close()
    with pytest.raises(InputError, match=r"has 1 rows: add --resume"):
        Journal(tmp_path / "r.csv", {"model": "m"})
    second = Journal(tmp_path / "r.csv", {"model": "m"}, overwrite=True)
    assert second.done == set()
    assert list(second.rows()) == []
    second.close()


def test_a_file_next_to_a_table_has_its_name(tmp_path, monkeypatch):
    scored = tmp_path / "scored.v2"
    scored.mkdir()
    assert beside(tmp_path / "r.csv", ".html") == tmp_path / "r.html"
    assert beside(scored, ".html") == tmp_path / "scored.v2.html"  # a folder has no suffix
    monkeypatch.chdir(scored)
    assert beside(Path("."), ".labels.csv") == tmp_path / "scored.v2.labels.csv"
    assert beside(Path(".."), ".html") == tmp_path.with_name(f"{tmp_path.name}.html")
