"""Catalogues of every format, read as they are."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from keras_astroattn.errors import InputError
from keras_astroattn.survey import catalogue as module
from keras_astroattn.survey.catalogue import open_catalogue

LARGEST = 2**63 - 1


def rows_of(path) -> list[dict]:
    opened = open_catalogue(path)
    batches = list(opened.batches())
    assert opened.rows in (None, sum(batch.num_rows for batch in batches))
    return [row for batch in batches for row in batch.to_pylist()]


CSV = f"""# made manually
name,ra,number,big,flux,empty,note
00012,10.5,1,{LARGEST},+1.5e-3,,a
00013,1.05e1,,12,nan,,"b, c"
00014, 11 ,3,-7,.5,,
"""


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_csv_columns_have_the_type_of_all_their_values(tmp_path, ending):
    path = tmp_path / f"sources{ending}"
    content = CSV.encode()
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    first, second, third = rows_of(path)
    assert [row["name"] for row in (first, second, third)] == ["00012", "00013", "00014"]
    assert [row["ra"] for row in (first, second, third)] == [10.5, 10.5, 11.0]
    assert [row["number"] for row in (first, second, third)] == [1, None, 3]
    assert [row["big"] for row in (first, second, third)] == [LARGEST, 12, -7]
    assert first["flux"] == 0.0015
    assert np.isnan(second["flux"])
    assert third["flux"] == 0.5
    assert {row["empty"] for row in (first, second, third)} == {None}
    assert [row["note"] for row in (first, second, third)] == ["a", "b, c", None]


def test_an_integer_beyond_64_bits_stays_text(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text(f"id,ra,dec\n{LARGEST + 1},1,2\n5,1,2\n")
    assert [row["id"] for row in rows_of(path)] == [str(LARGEST + 1), "5"]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_are_seen(tmp_path, delimiter):
    path = tmp_path / "sources.txt"
    path.write_text(f"ra{delimiter}dec\n1.5{delimiter}-2\n")
    assert rows_of(path) == [{"ra": 1.5, "dec": -2}]


def test_a_value_that_differs_far_down_the_file_counts(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_astroattn.survey.catalogue_csv._BLOCK", 4096)
    path = tmp_path / "sources.csv"
    path.write_text("id,ra\n" + "".join(f"{n},1\n" for n in range(3000)) + "x1,2.5\n")
    rows = rows_of(path)
    assert rows[0] == {"id": "0", "ra": 1.0}
    assert rows[-1] == {"id": "x1", "ra": 2.5}


def test_fits_tables_keep_integers_nulls_units_and_vectors(tmp_path):
    path = tmp_path / "sources.fits"
    columns = [
        fits.Column("Source_Name", "12A", array=np.array(["A1", "B22"])),
        fits.Column("ID", "K", array=np.array([LARGEST, -5])),
        fits.Column("count", "J", null=-99, array=np.array([4, -99])),
        fits.Column("RA", "D", unit="deg", array=np.array([1.25, np.nan])),
        fits.Column("good", "L", array=np.array([True, False])),
        fits.Column("pair", "2E", array=np.array([[1, 2], [3, 4]], np.float32)),
        fits.Column("unsigned", "I", bzero=32768, array=np.array([0, 65535], np.uint16)),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["TCOMM4"] = "right ascension"
    table.writeto(path)
    first, second = rows_of(path)
    assert first["Source_Name"] == "A1"
    assert (first["ID"], second["ID"]) == (LARGEST, -5)
    assert (first["count"], second["count"]) == (4, None)
    assert first["RA"] == 1.25
    assert np.isnan(second["RA"])
    assert (first["good"], second["good"]) == (True, False)
    assert second["pair"] == [3.0, 4.0]
    assert (first["unsigned"], second["unsigned"]) == (0, 65535)
    metadata = open_catalogue(path).schema.field("RA").metadata
    assert metadata == {b"unit": b"deg", b"description": b"right ascension"}


@pytest.mark.parametrize("serialization", ["tabledata", "binary2"])
def test_votables_keep_types_and_nulls(tmp_path, serialization):
    path = tmp_path / "sources.vot"
    table = Table(
        {
            "name": ["J12+03", "J13"],
            "RA": [1.5, 2.5],
            "n": MaskedColumn([4, 5], mask=[False, True]),
        },
        units={"RA": "deg"},
    )
    table.write(path, format="votable", tabledata_format=serialization)
    first, second = rows_of(path)
    assert (first["name"], first["RA"], first["n"]) == ("J12+03", 1.5, 4)
    assert (second["name"], second["n"]) == ("J13", None)
    assert open_catalogue(path).schema.field("RA").metadata[b"unit"] == b"deg"


def test_parquet_is_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 100)
    path = tmp_path / "sources.parquet"
    pq.write_table(pa.table({"ra": np.arange(250.0), "id": [f"{n:05d}" for n in range(250)]}), path)
    sizes = [batch.num_rows for batch in open_catalogue(path).batches()]
    assert max(sizes) <= 100
    assert sum(sizes) == 250


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"ra,ra\n1,2\n", "two columns are named 'ra'"),
        ("a.csv", b"ra,aa_label\n1,2\n", "rename it"),
        ("a.csv", b"ra,dec\n1,2\n1,2,3\n", "cannot be read"),
        ("a.fits", b"SIMPLE  =", "cannot be read as FITS"),
        ("a.bin", b"\x00\x01\x02", "neither CSV nor"),
        ("a.parquet", b"PAR1 and nothing", "cannot be read"),
        ("a.vot", b"<?xml version='1.0'?><VOTABLE><RESOURCE>", "not a complete VOTable"),
        ("a.xml", b"<?xml version='1.0'?><html></html>", "a.xml is XML, but not a VOTable"),
    ],
)
def test_what_is_no_catalogue_is_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(open_catalogue(path).batches())
    assert "\n" not in str(caught.value)


def test_a_truncated_fits_table_is_refused(tmp_path):
    path = tmp_path / "sources.fits"
    Table({"RA": np.arange(5000.0), "DEC": np.arange(5000.0)}).write(path)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(InputError, match="is truncated"):
        list(open_catalogue(path).batches())
