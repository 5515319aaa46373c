"""Tables that are damaged, or that try to read something else."""

import io

import pytest
from astropy.table import Table

from keras_astroattn.errors import InputError
from keras_astroattn.tables import COLUMNS, read_table, to_astropy


def votable(rows: str) -> str:
    """A VOTable with rows in a STREAM elsewhere, as astropy writes and reads it."""
    file = io.BytesIO()
    Table({"path": ["a"], "p_fri": [0.5]}).write(file, format="votable", tabledata_format="binary")
    text = file.getvalue().decode()
    assert 'encoding="base64"' in text
    return text.replace('encoding="base64"', f'href="{rows}"')


def prefixed(text: str) -> str:
    return text.replace("<STREAM", "<v:STREAM").replace("</STREAM", "</v:STREAM").replace(
        "xmlns=", 'xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" xmlns='
    )  # fmt: skip


@pytest.mark.parametrize("change", [str, prefixed], ids=["plain", "prefixed"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rows_of_a_votable_are_not_read_from_elsewhere(tmp_path, encoding, change):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0\0\0\1s" + bytes(8))
    text = change(votable(secret.as_uri())).replace('encoding="utf-8"', f'encoding="{encoding}"')
    path = tmp_path / "result.vot"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=r"stores its rows elsewhere \(file:///.*secret\)"):
        read_table(path)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".vot", ".fits", ".parquet"])
def test_a_damaged_table_is_one_line_without_names_of_classes(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    path.write_bytes(b"PAR1\xff\xff\xff\x7f\0\0\0\0PAR1" if suffix == ".parquet" else b"\xff{<\n")
    with pytest.raises(InputError, match=rf"result\{suffix} ") as raised:
        read_table(path)
    assert "Exception:" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["a.ecsv", "comma.ecsv", "a.fits", "a.vot", "a.xml", "a.votable", "a.csv"]
)
def test_a_table_that_astropy_saved_is_read(tmp_path, name):
    rows = [{"name": "3C 31", "ra": 16.854, "label": "FRI"}, {"name": "b", "label": "error"}]
    options = {"delimiter": ","} if name.startswith("comma") else {}
    options |= {"format": "votable"} if name.endswith((".vot", ".xml", ".votable")) else {}
    to_astropy(COLUMNS, rows).write(tmp_path / name, **options)
    found = read_table(tmp_path / name).values
    assert found["name"] == ["3C 31", "b"]
    assert found["ra"].tolist() == [16.854, None]


def test_a_cell_that_is_no_number_names_the_file_and_the_column(tmp_path):
    path = tmp_path / "result.csv"
    path.write_text("path,ra,p_fri\na,1.5,high\n")
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert str(caught.value) == f"{path}: column p_fri holds a cell that is no number"
