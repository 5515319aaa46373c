"""Every table that is written opens in the programs that astronomers use, without a warning."""

import csv
import datetime
import hashlib
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table

from keras_astroattn.errors import InputError
from keras_astroattn.tables import (
    COLUMNS,
    WRITERS,
    Column,
    batches_of,
    provenance_of,
    write_table,
)

LOWEST = -(2**31)
ODD = (
    Column("name", "str", "Name, after Högbom"),
    Column("σ_rms", "float64", "noise ±10 %", "µJy"),
    Column("Sigma_rms", "float32", "x" * 90, "DEGREES"),
    Column("byte", "uint8"),
    Column("n", "int32", unit="h"),
    Column("big", "int64", ucd="meta.id"),
    Column("good", "bool"),
    Column("nothing", "str"),
)
ROWS = [
    {"name": "Högbom <&>", "σ_rms": 1.5, "Sigma_rms": 0.5, "byte": 255, "n": LOWEST,
     "big": 2**62, "good": True},
    {"name": "b", "byte": 0, "big": -(2**62), "good": True},
    {"name": None, "σ_rms": 2.5, "Sigma_rms": 1.5, "byte": None, "n": 3, "big": None,
     "good": False},
]  # fmt: skip
PLAIN = tuple(column for column in ODD if column.name != "σ_rms")


def write(path, columns=ODD, rows=ROWS, size=2, provenance=None):
    write_table(path, columns, batches_of(columns, rows, size), provenance)
    return path


def classified() -> list[dict]:
    row = dict.fromkeys(column.name for column in COLUMNS)
    return [row | {"path": "a.fits", "label": "FRI", "p_fri": 0.75}, row | {"path": "b"}]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs the program {name} (Debian's package of this name)")
    return found


def run(*arguments) -> str:
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".csv", ".ecsv", ".parquet"])
@pytest.mark.parametrize("columns", [COLUMNS, PLAIN], ids=["classified", "odd"])
def test_astropy_reads_every_format(tmp_path, suffix, columns):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
        pytest.importorskip("pandas")
    rows = classified() if columns is COLUMNS else ROWS
    path = write(tmp_path / f"t{suffix}", columns, rows)
    table = Table.read(path)  # a warning is an error here
    assert table.colnames == [column.name for column in columns]
    assert len(table) == len(rows)
    if columns is COLUMNS and suffix != ".csv":
        assert str(table["noise_jy_beam"].unit) == "Jy / beam"
        assert table["entropy_nats"].unit is None
        assert table["p_fri"][0] == 0.75


PROVENANCE = {
    "creator": "keras-astroattn 1.0",
    "command": "astroattn classify 'högbom \"a\" <b>&.fits' --output " + "long/" * 30 + "t.fits",
    "model": "tiny",
    "model_sha256": "0123456789abcdef" * 4,
    "date": "2026-01-02T03:04:05",
}


@pytest.mark.parametrize("suffix", [".fits", ".ecsv", ".parquet"])
def test_astropy_finds_the_provenance(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    table = Table.read(write(tmp_path / f"t{suffix}", COLUMNS, classified(), 2, PROVENANCE))
    found = {key.lower().replace("modelsha", "model_sha256"): v for key, v in table.meta.items()}
    expected = PROVENANCE
    if suffix == ".fits":
        expected = {key: text.replace("ö", "o") for key, text in PROVENANCE.items()}
    assert {key: found[key] for key in PROVENANCE} == expected
    assert len(table) == 2


def test_votable_and_json_state_the_provenance(tmp_path):
    path = write(tmp_path / "t.vot", COLUMNS, classified(), 2, PROVENANCE)
    (resource,) = parse(path).resources
    assert {info.name: info.value for info in resource.infos} == PROVENANCE
    path = write(tmp_path / "t.json", COLUMNS, classified(), 2, PROVENANCE)
    assert json.loads(path.read_text())["provenance"] == PROVENANCE


def test_the_provenance_names_the_command_and_the_model(monkeypatch, model_path):
    monkeypatch.setattr("sys.argv", ["/usr/bin/astroattn", "classify", "a b.fits", "--tta", "2"])
    found = provenance_of("tiny", model_path.read_bytes())
    assert found["command"] == "astroattn classify 'a b.fits' --tta 2"
    assert found["model"] == "tiny"
    assert found["model_sha256"] == hashlib.sha256(model_path.read_bytes()).hexdigest()
    written = datetime.datetime.fromisoformat(found["date"] + "+00:00")
    assert abs(datetime.datetime.now(datetime.UTC) - written) < datetime.timedelta(minutes=5)


def test_unknown_values_stay_masked(tmp_path):
    rows = classified()
    for suffix in (".fits", ".vot", ".csv", ".ecsv"):
        table = Table.read(write(tmp_path / f"t{suffix}", COLUMNS, rows))
        assert table["p_fri"].mask.tolist() == [False, True]
        assert table["p_frii"].mask.all()
    with (tmp_path / "t.ecsv").open() as file:
        comments = [line for line in file if line.startswith("#")]
    assert comments[0] == "# %ECSV 1.0\n"


def test_ecsv_has_units_descriptions_and_ucds(tmp_path):
    table = Table.read(write(tmp_path / "t.ecsv", COLUMNS, classified()))
    assert str(table["ra"].unit) == "deg"
    assert table["ra"].meta["ucd"] == "pos.eq.ra;meta.main"
    assert table["p_fri"].description == "P(FRI | resolved radio galaxy of either class)"


def test_fits_holds_what_was_given(tmp_path):
    with fits.open(write(tmp_path / "t.fits")) as hdus:
        header, raw = hdus[1].header, hdus[1].data
        assert [header[f"TTYPE{n}"] for n in (1, 2, 3)] == ["name", "sigma_rms", "Sigma_rms_2"]
        assert header["TCOMM1"] == "Name, after Hogbom"
        assert header["TCOMM2"] == "noise +/-10 %"
        assert header["TCOMM3"] == "x" * 90
        assert (header["TUNIT2"], header["TUNIT3"], header["TUNIT5"]) == ("uJy", "deg", "h")
        assert header["TUCD6"] == "meta.id"
        assert raw["name"].tolist() == ["H\\xf6gbom <&>", "b", ""]
    table = Table.read(tmp_path / "t.fits")
    assert table["byte"].tolist() == [255, 0, None]
    assert table["n"].tolist() == [LOWEST, None, 3]
    assert table["big"].tolist() == [2**62, -(2**62), None]
    assert table["good"].tolist() == [True, True, False]
    np.testing.assert_array_equal(np.ma.filled(table["sigma_rms"], np.nan), [1.5, np.nan, 2.5])


def test_bytes_and_integers_without_nulls_keep_their_type(tmp_path):
    columns = (Column("byte", "uint8"), Column("n", "int16"))
    write(tmp_path / "t.fits", columns, [{"byte": 255, "n": -32768}])
    with fits.open(tmp_path / "t.fits") as hdus:
        assert hdus[1].columns.formats == ["B", "I"]
        assert "TNULL2" not in hdus[1].header


def test_an_unknown_logical_value_is_zero(tmp_path):
    write(tmp_path / "t.fits", (Column("good", "bool"),), [{"good": True}, {}, {"good": False}])
    assert (tmp_path / "t.fits").read_bytes()[5760:5763] == b"T\0F"  # FITS standard 7.3.3.2


def test_more_columns_than_fits_can_have_are_refused(tmp_path):
    columns = [Column(f"c{n}", "float64") for n in range(1000)]
    with pytest.raises(InputError, match="at most 999 columns"):
        write(tmp_path / "t.fits", columns, [{}])
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_rows_is_a_file(tmp_path):
    for suffix in (".fits", ".vot"):
        assert len(Table.read(write(tmp_path / f"t{suffix}", COLUMNS, []))) == 0


def test_json_and_csv_have_every_value(tmp_path):
    rows = json.loads(write(tmp_path / "t.json").read_text())["sources"]
    assert [row["big"] for row in rows] == [2**62, -(2**62), None]
    with write(tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["Högbom <&>", "b", ""]


def test_pandas_pyarrow_and_polars_read_parquet(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write(tmp_path / "t.parquet")
    names = [column.name for column in ODD]
    assert parquet.read_table(path).column("nothing").null_count == 3
    assert pandas.read_parquet(path).columns.tolist() == names
    assert polars.read_parquet(path)["n"].to_list() == [LOWEST, None, 3]


def test_a_column_that_is_all_null_opens_in_astropy(tmp_path):
    pytest.importorskip("pandas")
    path = write(tmp_path / "t.parquet", COLUMNS, classified())
    assert len(Table.read(path)) == 2


@pytest.mark.parametrize("columns", [COLUMNS, ODD], ids=["classified", "odd"])
def test_fitsverify_finds_nothing(tmp_path, columns):
    rows = classified() if columns is COLUMNS else ROWS
    said = run(program("fitsverify"), write(tmp_path / "t.fits", columns, rows))
    assert "found 0 warning(s) and 0 error(s)" in said, said


@pytest.mark.parametrize("columns", [COLUMNS, PLAIN], ids=["classified", "odd"])
def test_votlint_finds_nothing(tmp_path, columns):
    rows = classified() if columns is COLUMNS else ROWS
    said = run(program("stilts"), "votlint", f"votable={write(tmp_path / 't.vot', columns, rows)}")
    assert not re.findall(r"(?:WARNING|ERROR).*", said), said


@pytest.mark.parametrize("suffix", sorted({".fits", ".vot", ".csv", ".ecsv"} & set(WRITERS)))
def test_stilts_reads_and_counts(tmp_path, suffix):
    path = write(tmp_path / f"t{suffix}", COLUMNS, classified())
    kind = {".vot": "votable"}.get(suffix, suffix[1:])
    said = run(program("stilts"), "tpipe", f"in={path}", f"ifmt={kind}", "ofmt=csv")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert [row["path"] for row in rows] == ["a.fits", "b"]
    assert float(rows[0]["p_fri"]) == 0.75
