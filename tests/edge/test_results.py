"""Tables that are read back, in every format, and what is refused."""

import math

import numpy as np
import pytest

from keras_astroattn.edge import read_result
from keras_astroattn.errors import InputError
from keras_astroattn.tables import COLUMNS, PICTURE, Column, batches_of, write_table

SURVEY = (
    Column("id", "str"),
    Column("flux", "float64", "integrated flux", "mJy"),
    Column("aa_row", "int64"),
    Column("aa_ra", "float64", "", "deg"),
    Column("aa_dec", "float64", "", "deg"),
    Column("aa_path", "str"),
    Column("aa_label", "str"),
    Column("aa_p_fri", "float64"),
    Column("aa_p_frii", "float64"),
)
ROWS = [
    {"path": 'maps/a,"b".fits', "label": "FRI", "p_fri": 0.75, "p_frii": 0.25, "flags": "edge",
     "peak_snr": 12.5, "model": "m"},
    {"path": "d.fits", "label": "error", "error": "is empty", "model": "m"},
]  # fmt: skip
SUFFIXES = (".csv", ".ecsv", ".ecsv", ".json", ".vot", ".fits", ".parquet")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_of_classify_is_read_back(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    columns = (*COLUMNS, PICTURE)
    write_table(path, columns, batches_of(columns, ROWS))
    result = read_result(path)
    assert result.prefix == ""
    assert result.labels == ["FRI", "error"]
    assert result.sources == ['maps/a,"b".fits', "d.fits"]
    assert result.texts("error") == ["", "is empty"]
    assert result.texts("flags") == ["edge", ""]
    assert result.model == "m"
    np.testing.assert_allclose(result.probabilities[0], [0.75, 0.25])
    assert np.isnan(result.probabilities[1]).all()
    assert result.numbers("peak_snr")[0] == pytest.approx(12.5)
    assert math.isnan(result.numbers("peak_snr")[1])
    assert [column.name for column in read_result(path, whole=True).table.columns] == [
        column.name for column in columns
    ]


def survey_rows(names=("A", "B")):
    return [
        {"id": name, "flux": 1.5, "aa_row": row, "aa_ra": 10.0, "aa_dec": -5.25,
         "aa_path": "t.fits", "aa_label": "FRII", "aa_p_fri": 0.1, "aa_p_frii": 0.9}
        for row, name in enumerate(names)
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_exported_survey_is_read_back_with_its_catalogue(tmp_path, suffix):
    path = tmp_path / f"s{suffix}"
    write_table(path, SURVEY, batches_of(SURVEY, survey_rows()))
    result = read_result(path, whole=True, name_column="id")
    assert result.prefix == "aa_"
    assert result.names == ["A", "B"]
    assert result.sources == ["0:10.0000-5.2500", "1:10.0000-5.2500"]
    units = {column.name: column.unit for column in result.table.columns}
    assert units["flux"] == (None if suffix in (".csv", ".ecsv") else "mJy")
    copy = tmp_path / f"copy{suffix}"
    write_table(copy, result.table.columns, result.table.batches())
    again = read_result(copy, whole=True)
    assert again.texts("path") == ["t.fits"] * 2
    assert [str(value) for value in again.table.values["flux"]] == ["1.5", "1.5"]


def test_the_folder_of_a_survey_is_all_its_parts(tmp_path):
    for number in range(2):
        rows = [row | {"aa_row": number} for row in survey_rows("A")]
        write_table(tmp_path / f"part-{number:06d}.parquet", SURVEY, batches_of(SURVEY, rows))
    result = read_result(tmp_path)
    assert result.sources == ["0:10.0000-5.2500", "1:10.0000-5.2500"]
    assert result.names == ["row 0", "row 1"]


def test_sources_of_one_file_are_distinguished(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(
        "path,name,label,p_fri,p_frii\nm.fits,A,FRI,1,0\nm.fits,B,FRI,1,0\nm.fits,B,FRI,1,0\n"
        "n.fits,C,FRI,1,0\n"
    )
    assert read_result(path).sources == ["m.fits#A", "m.fits#B", "m.fits#B#2", "n.fits"]


def test_columns_of_a_catalogue_may_hold_any_text(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(
        "ra,label,aa_row,aa_ra,aa_dec,aa_path,aa_label,aa_p_fri,aa_p_frii\n"
        "12:30:00,spiral,0,187.5,1,t.fits,FRI,0.9,0.1\n"
    )
    result = read_result(path, whole=True)
    assert result.table.values["ra"] == ["12:30:00"]
    assert result.labels == ["FRI"]
    assert result.numbers("ra").tolist() == [187.5]


def test_the_identity_depends_on_the_sources_alone(tmp_path):
    one, two, three = (tmp_path / f"{n}.csv" for n in range(3))
    one.write_text("path,label,p_fri,p_frii\na,FRI,1,0\n")
    two.write_text("path,label,p_fri,p_frii\na,FRII,0,1\n")
    three.write_text("path,label,p_fri,p_frii\nb,FRI,1,0\n")
    found = [read_result(path).identity for path in (one, two, three)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", b"", "is empty"),
        ("r.csv", b"path,label,p_fri,p_frii\n", "has no rows"),
        ("r.csv", b"path,label,p_fri,p_frii\na,FRI,1\n", "line 2 has 3 cells"),
        ("r.csv", b"path,label,p_fri,p_frii\na,FRI,x,0\n", "column p_fri"),
        ("r.csv", b"path,label,p_fri,p_frii\na,spiral,1,0\n", "unknown label 'spiral'"),
        ("r.csv", b"path,class\na,FRI\n", "no column label"),
        ("r.csv", b"\xff\xfe", "not a readable .csv table"),
        ("r.json", b"{", "not a readable .json table"),
        ("r.json", b"[]", "no `columns` and `sources`"),
        ("r.fits", b"SIMPLE", "r.fits cannot be read"),
        ("r.vot", b"<html>", "r.vot is XML, but not a VOTable"),
        ("r.xml", b"<?xml version='1.0'?>\n<html></html>", "r.xml is XML, but not a VOTable"),
        ("r.xml", b"path,label", "not a readable .xml table"),
        ("r.parquet", b"PAR1", "not a readable .parquet table"),
        ("r.txt", b"", "name ends in one of .csv"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_result(path)


def test_a_missing_table_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_result(tmp_path / "no.csv")
    with pytest.raises(InputError, match="holds no Parquet file"):
        read_result(tmp_path)
