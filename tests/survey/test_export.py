"""Parts of a survey, and the one file that they are exported to."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from keras_astroattn.edge import failed_row
from keras_astroattn.errors import InputError
from keras_astroattn.survey.catalogue import open_catalogue
from keras_astroattn.survey.export import export_survey
from keras_astroattn.survey.parts import RESULTS, part_path, write_part
from keras_astroattn.survey.runs import OTHERS, STATE, TILE
from keras_astroattn.tables import WRITERS

VOTABLE = (
    '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    '<RESOURCE><TABLE><FIELD name="ra" datatype="double" unit="deg"/><FIELD name="dec" '
    'datatype="double" unit="deg"/><FIELD name="{name}" datatype="double" unit="{unit}">'
    "<DESCRIPTION>{text}</DESCRIPTION></FIELD><DATA><TABLEDATA><TR><TD>180</TD><TD>35</TD>"
    "<TD>1.5</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


def write_parts(folder, table: pa.Table, parts: int = 2):
    for name in (TILE, OTHERS, STATE):
        table = table.append_column(name, pa.nulls(table.num_rows, pa.int32()))
    for number in range(parts):
        rows = [failed_row("", "off every tile", "m")] * table.num_rows
        write_part(folder, number, table, rows)


def survey_of(folder, name="s", unit="mJy", text="flux"):
    path = folder / "c.vot"
    path.write_text(VOTABLE.format(name=name, unit=unit, text=text), encoding="utf-8")
    (batch,) = open_catalogue(path).batches()
    write_parts(folder, pa.Table.from_batches([batch]))


def test_astropy_reads_a_part_with_columns_that_are_all_null(tmp_path):
    pytest.importorskip("pandas")
    survey_of(tmp_path)
    table = Table.read(part_path(tmp_path, 0))  # a warning is an error here
    assert str(table["s"].unit) == "mJy"
    assert str(table["aa_noise_jy_beam"].unit) == "Jy / beam"
    assert table["aa_label"].tolist() == ["error"]


@pytest.mark.parametrize(
    ("name", "unit", "text"),
    [("s", "µJy", "flux"), ("s", "mJy", "±10 %, after Högbom"), ("σ_rms", "mJy", "noise")],
)
def test_text_that_fits_cannot_hold_is_transcribed(tmp_path, name, unit, text):
    survey_of(tmp_path, name, unit, text)
    assert export_survey(tmp_path, tmp_path / "t.fits") == 2
    with fits.open(tmp_path / "t.fits") as hdus:
        column = hdus[1].columns[2]
        assert column.name == {"s": "s", "σ_rms": "sigma_rms"}[name]
        assert column.unit == {"µJy": "uJy", "mJy": "mJy"}[unit]
        expected = {"±10 %, after Högbom": "+/-10 %, after Hogbom"}.get(text, text)
        assert hdus[1].header["TCOMM3"] == expected
    assert Table.read(tmp_path / "t.fits")[column.name].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("suffix", sorted(set(WRITERS) - {".json"}))
def test_every_format_holds_the_whole_survey(tmp_path, suffix):
    survey_of(tmp_path)
    path = tmp_path / f"t{suffix}"
    assert export_survey(tmp_path, path) == 2
    if suffix == ".parquet":
        pytest.importorskip("pandas")
    table = Table.read(path)
    assert table.colnames == ["ra", "dec", "s", *(column.name for column in RESULTS)]
    assert list(table["aa_error"]) == ["off every tile"] * 2
    if suffix != ".csv":
        assert str(table["ra"].unit) == "deg"


def test_nulls_and_lists_of_a_catalogue_are_exported(tmp_path):
    columns = {
        "byte": pa.array([255, None], pa.uint8()),
        "small": pa.array([-128, None], pa.int8()),
        "unsigned": pa.array([2**32 - 1, None], pa.uint32()),
        "half": pa.array([0.5, None], pa.float16()),
        "pair": pa.array([[1, 2], None]),
    }
    write_parts(tmp_path, pa.table(columns), parts=1)
    export_survey(tmp_path, tmp_path / "t.fits")
    table = Table.read(tmp_path / "t.fits")
    for name, value in (("byte", 255), ("small", -128), ("unsigned", 2**32 - 1)):
        assert table[name].tolist() == [value, None]
    assert table["half"][0] == 0.5
    assert np.ma.is_masked(table["half"][1]) or np.isnan(table["half"][1])
    assert table["pair"].tolist()[0] == "[1, 2]"


def test_a_format_that_is_not_known_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), part_path(tmp_path, 0))
    with pytest.raises(InputError, match=r"--export .*must end in one of \.csv"):
        export_survey(tmp_path, tmp_path / "t.xls")
