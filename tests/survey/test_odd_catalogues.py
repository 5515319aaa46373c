"""Catalogues as programs write them, damaged ones, and ones that reach out."""

import bz2
import gzip
import io
import lzma
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from keras_astroattn.errors import InputError
from keras_astroattn.images import fits_file
from keras_astroattn.survey.catalogue import open_catalogue

VOTABLE = (
    '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    "<RESOURCE>{}</RESOURCE></VOTABLE>"
)
FIELDS = '<FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/>'
ROW = "<TR><TD>180</TD><TD>35</TD></TR>"


def rows_of(path) -> list[dict]:
    return [row for batch in open_catalogue(path).batches() for row in batch.to_pylist()]


def refused(path, message):
    with pytest.raises(InputError, match=message) as caught:
        rows_of(path)
    assert "\n" not in str(caught.value)


def write_fits(path, rows=5000):
    Table({"RA": np.arange(rows) / rows, "DEC": np.arange(rows) * 1.0}).write(path)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\r\n  \n# note\n\nra,dec\n1.5,2\n\n3.5,4\n", [(1.5, 2), (3.5, 4)]),
        ("\ufeffra,dec\n1.5,2\n", [(1.5, 2)]),
        ("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: ra, datatype: float64}\n"
         "# - {name: dec, datatype: float64}\nra dec\n1.5 2\n\"\" 4\n", [(1.5, 2), (None, 4)]),
    ],
)  # fmt: skip
def test_csv_as_programs_write_it(tmp_path, text, expected):
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert [(row["ra"], row["dec"]) for row in rows_of(path)] == expected


def test_the_index_of_pandas_has_a_name(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"ra": [1.5, 2.5], "dec": [3.5, 4.5]}, index=[7, 9])
    frame.to_csv(tmp_path / "t.csv")
    assert rows_of(tmp_path / "t.csv")[1] == {"index": 9, "ra": 2.5, "dec": 4.5}
    frame.to_parquet(tmp_path / "t.parquet")
    assert rows_of(tmp_path / "t.parquet")[1]["ra"] == 2.5


def test_a_first_table_without_rows_is_passed_over(tmp_path):
    empty, full = Table({"RA": np.empty(0)}), Table({"RA": [1.5]})
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(empty), fits.BinTableHDU(full)]
    fits.HDUList(hdus).writeto(tmp_path / "t.fits")
    assert rows_of(tmp_path / "t.fits") == [{"RA": 1.5}]
    data = f"<DATA><TABLEDATA>{ROW}</TABLEDATA></DATA>"
    for first in ("", "<DATA><TABLEDATA></TABLEDATA></DATA>"):
        tables = f"<TABLE>{FIELDS}{first}</TABLE><TABLE>{FIELDS}{data}</TABLE>"
        (tmp_path / "t.vot").write_text("\n\n" + VOTABLE.format(tables))
        assert rows_of(tmp_path / "t.vot") == [{"ra": 180.0, "dec": 35.0}]


@pytest.mark.parametrize("kind", ["binary", "binary2"])
def test_a_binary_second_table_is_read(tmp_path, kind):
    buffer = io.BytesIO()
    Table({"RA": [1.5, 2.5]}).write(buffer, format="votable", tabledata_format=kind)
    text = buffer.getvalue().decode()
    first = '<TABLE><FIELD name="n" datatype="int"/></TABLE>'
    (tmp_path / "t.vot").write_text("\n" + text.replace("<TABLE", first + "<TABLE", 1))
    assert rows_of(tmp_path / "t.vot") == [{"RA": 1.5}, {"RA": 2.5}]


def test_nulls_are_reported_by_what_is_stored(tmp_path):
    columns = [
        fits.Column("scaled", "I", null=-1, array=np.array([20, 0])),
        fits.Column("byte", "B", null=255, array=np.array([7, 255], np.uint8)),
        fits.Column("unsigned", "J", bzero=2**31, null=5, array=np.array([0, 1], np.uint32)),
        fits.Column("flag", "L", array=np.array([True, False])),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.writeto(tmp_path / "t.fits")
    content = bytearray((tmp_path / "t.fits").read_bytes())
    second = len(content) - 2880 + 8  # rows of 2 + 1 + 4 + 1 bytes
    content[second : second + 8] = b"\xff\xff" + b"\xff" + b"\0\0\0\5" + b"\0"
    end = content.index(b"END     ", 2880)
    cards = [b"TSCAL1  =                  0.5", b"TZERO1  =                   10", b"END"]
    content[end : end + 240] = b"".join(card.ljust(80) for card in cards)
    (tmp_path / "t.fits").write_bytes(content)
    first, second = rows_of(tmp_path / "t.fits")
    assert first == {"scaled": 20 * 0.5 + 10, "byte": 7, "unsigned": 0, "flag": True}
    assert second == dict.fromkeys(first)


def test_vectors_of_variable_length_are_read_part_by_part(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_astroattn.survey.catalogue_fits._BATCH_BYTES", 40)
    vectors = np.array([np.arange(n, dtype=np.int32) for n in range(6)], object)
    columns = [
        fits.Column("ra", "D", array=np.arange(6.0)),
        fits.Column("v", "PJ()", array=vectors),
        fits.Column("name", "3A", array=np.array(list("abcdef"))),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    opened = open_catalogue(tmp_path / "t.fits")
    assert len(list(opened.batches())) == 3
    expected = [{"ra": float(n), "v": list(range(n)), "name": "abcdef"[n]} for n in range(6)]
    assert rows_of(tmp_path / "t.fits") == expected


@pytest.mark.parametrize(("packer", "suffix"), [(gzip, ".gz"), (bz2, ".bz2"), (lzma, ".xz")])
@pytest.mark.parametrize("kind", ["fits", "csv", "vot", "parquet"])
def test_every_format_may_be_packed_and_is_unpacked_once(
    tmp_path, monkeypatch, packer, suffix, kind
):
    plain = tmp_path / f"t.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"ra": [1.5] * 5, "dec": [2.5] * 5}), plain)
    else:
        Table({"ra": [1.5] * 5, "dec": [2.5] * 5}).write(
            plain, format={"vot": "votable"}.get(kind, kind)
        )
    packed = tmp_path / f"t.{kind}{suffix}"
    packed.write_bytes(packer.compress(plain.read_bytes()))
    unpacked = []
    original = fits_file._unpacked
    monkeypatch.setattr(fits_file, "_unpacked", lambda *a: unpacked.append(a) or original(*a))
    monkeypatch.setattr("keras_astroattn.survey.catalogue_fits.BATCH_ROWS", 2)
    opened = open_catalogue(packed)
    for _ in range(2):
        assert sum(batch.num_rows for batch in opened.batches()) == 5
    assert len(unpacked) == 1
    assert rows_of(packed) == rows_of(plain)


@pytest.mark.parametrize("kind", ["fits", "csv"])
def test_a_wrong_checksum_of_gzip_is_refused(tmp_path, kind):
    plain = tmp_path / f"t.{kind}"
    Table({"RA": [1.5], "DEC": [2.5]}).write(plain)
    packed = bytearray(gzip.compress(plain.read_bytes()))
    packed[-8] ^= 1  # the last 8 bytes are CRC32 and length
    (tmp_path / f"t.{kind}.gz").write_bytes(packed)
    refused(tmp_path / f"t.{kind}.gz", "CRC")


@pytest.mark.parametrize("keyword", ["NAXIS", "TFIELDS"])
def test_a_header_of_two_thousand_million_columns_is_refused_at_once(tmp_path, keyword):
    path = write_fits(tmp_path / "t.fits", 20)
    content = path.read_bytes()
    card = f"{keyword:8}= {2**31 - 1:>20}".encode()
    place = content.index(f"{keyword:8}= ".encode(), 2880)
    path.write_bytes(content[:place] + card + content[place + len(card) :])
    begun = time.monotonic()
    refused(path, rf"{keyword} = 2147483647")
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "file:///etc/passwd", "rows.fits"])
@pytest.mark.parametrize("kind", ["BINARY", "BINARY2", "FITS"])
def test_a_votable_may_not_reach_out(tmp_path, monkeypatch, address, kind):
    monkeypatch.setattr("socket.socket.connect", lambda *a: pytest.fail("fetched"))
    data = f'<TABLE>{FIELDS}<DATA><{kind}><STREAM href="{address}"/></{kind}></DATA></TABLE>'
    (tmp_path / "t.vot").write_text(VOTABLE.format(data))
    refused(tmp_path / "t.vot", f"stores its rows elsewhere.*{address[:4]}")


def test_nor_may_a_later_table(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: pytest.fail("fetched"))
    buffer = io.BytesIO()
    Table({"RA": [1.5]}).write(buffer, format="votable", tabledata_format="binary")
    stream = '<STREAM href="http://127.0.0.1:9/x" encoding="base64"/>'
    more = f"<TABLE>{FIELDS}<DATA><BINARY>{stream}</BINARY></DATA></TABLE></RESOURCE>"
    text = buffer.getvalue().decode().replace("</RESOURCE>", more)
    (tmp_path / "t.vot").write_text(text)
    assert rows_of(tmp_path / "t.vot") == [{"RA": 1.5}]


@pytest.mark.parametrize("kind", ["tabledata", "binary", "binary2"])
def test_a_votable_that_ends_early_is_refused(tmp_path, kind):
    buffer = io.BytesIO()
    Table({"RA": np.arange(10.0)}).write(buffer, format="votable", tabledata_format=kind)
    text = buffer.getvalue().decode()
    (tmp_path / "t.vot").write_text(text.replace("<TABLE", '<TABLE nrows="10"', 1))
    assert len(rows_of(tmp_path / "t.vot")) == 10
    (tmp_path / "t.vot").write_text(text.replace("<TABLE", '<TABLE nrows="20"', 1))
    refused(tmp_path / "t.vot", "nrows says 20 rows, it holds 10")


@pytest.mark.parametrize("kind", ["fits", "csv", "votable", "parquet"])
def test_only_the_columns_that_are_asked_for_are_read(tmp_path, kind):
    columns = {"id": ["a", "b"], "RA": [1.5, 2.5], "n": [1, 2], "DEC": [3.5, 4.5]}
    path = tmp_path / f"t.{'vot' if kind == 'votable' else kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), path)
    else:
        Table(columns).write(path, format=kind)
    (batch,) = open_catalogue(path).batches({"RA", "DEC"})
    assert batch.to_pylist() == [{"RA": 1.5, "DEC": 3.5}, {"RA": 2.5, "DEC": 4.5}]


@pytest.mark.parametrize("content", [b"ra,dec\r1,2\r", b"\x9e\x00,\r\xb5\x1f"])
def test_what_has_other_line_ends_is_refused(tmp_path, content):
    path = tmp_path / "list.gaul"
    path.write_bytes(content)
    refused(path, "is no line of a table: give a text file with the line ends of")


def test_an_unknown_encoding_is_refused(tmp_path):
    (tmp_path / "t.vot").write_text('<?xml version="1.0" encoding="utf-99"?><VOTABLE/>')
    refused(tmp_path / "t.vot", "unknown encoding: utf-99")


def test_a_damaged_parquet_file_is_refused_in_plain_words(tmp_path):
    pq.write_table(pa.table({"ra": [1.5] * 500, "dec": [2.5] * 500}), tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[4:30] = b"\xff" * 26  # the header of the first page
    (tmp_path / "t.parquet").write_bytes(content)
    refused(tmp_path / "t.parquet", r"cannot be read: (?!.*Exception)")


def test_many_columns_are_opened_soon(tmp_path):
    path = tmp_path / "t.parquet"
    columns = {f"c{n}": pa.array([1.0]) for n in range(4000)}
    pq.write_table(pa.table(columns), path)
    begun = time.process_time()
    open_catalogue(path)
    assert time.process_time() - begun < 1.5


def test_a_masked_byte_of_a_votable_is_null(tmp_path):
    column = MaskedColumn(np.array([1, 2], np.uint8), mask=[False, True])
    Table({"n": column}).write(tmp_path / "t.vot", format="votable")
    assert rows_of(tmp_path / "t.vot") == [{"n": 1}, {"n": None}]
