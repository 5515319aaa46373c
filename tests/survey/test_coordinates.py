"""Units and frames that a catalogue states: honoured in every format, or refused."""

import io

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import FK4, FK5, Galactic, SkyCoord
from astropy.io import fits
from astropy.table import QTable, Table

from keras_astroattn.errors import InputError
from keras_astroattn.survey.catalogue import open_catalogue
from keras_astroattn.survey.column_mapping import NOWHERE, map_columns, read_positions

M87 = SkyCoord(187.70593, 12.39112, unit="deg")


def positions(path, given=None):
    opened = open_catalogue(path)
    mapping = map_columns(opened.schema, given=given)
    found = [read_positions(batch, mapping) for batch in opened.batches()]
    return np.concatenate([f.ra for f in found]), np.concatenate([f.dec for f in found])


def assert_m87(found):
    there = SkyCoord(*found, unit="deg")
    assert there.separation(M87).max() < 1e-6 * u.arcsec


@pytest.mark.parametrize("unit", ["hourangle", "rad", "arcsec", "mas", "deg", "15deg", "arcmin"])
@pytest.mark.parametrize(
    ("suffix", "kind", "more"),
    [
        (".ecsv", "ascii.ecsv", {}),
        (".ecsv", "ascii.ecsv", {"delimiter": ","}),
        (".vot", "votable", {}),
        (".parquet", "parquet", {}),
        (".fits", "fits", {}),
    ],
)
def test_units_are_those_of_astropy(tmp_path, unit, suffix, kind, more):
    if suffix == ".fits" and unit in ("hourangle", "15deg"):
        pytest.skip("the FITS standard has no such unit")
    unit = u.Unit(unit)
    table = Table({"name": ["a"], "ra": [M87.ra.to_value(unit)], "dec": [M87.dec.to_value("rad")]})
    table["ra"].unit, table["dec"].unit = unit, u.rad
    table.write(tmp_path / f"t{suffix}", format=kind, **more)
    assert_m87(positions(tmp_path / f"t{suffix}"))


@pytest.mark.parametrize(
    ("stated", "degrees"),
    [
        ("h", 15), ("H", 15), ("hr", 15), ("hours", 15), ("HOURS", 15), ("hourangle", 15),
        ("15deg", 15), ("radians", 180 / np.pi), ("Radian", 180 / np.pi), ("DEGREES", 1),
        ("degree", 1), ("deg.", 1), ("arcseconds", 1 / 3600), ("arcsecs", 1 / 3600),
        ("MAS", 1 / 3.6e6), ("0.1mas", 1 / 3.6e7),
    ],
)  # fmt: skip
def test_other_spellings_of_units_in_fits(tmp_path, stated, degrees):
    columns = [
        fits.Column("RA", "D", array=[180 / degrees], unit=stated),
        fits.Column("DEC", "D", array=[35.0], unit="deg"),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    np.testing.assert_allclose(positions(tmp_path / "t.fits"), [[180], [35]], rtol=1e-12)


@pytest.mark.parametrize(
    ("ra", "dec", "message"),
    [
        ("Jy", "deg", "column RA is in 'Jy'"),
        ("d", "deg", "column RA is in 'd'"),
        ("deg (sic)", "deg", "convert it to deg"),
        ("pixel", "deg", "not a known unit of right ascension"),
        ("h", "h", "column DEC is in 'h'"),
        ("h:m:s", "deg", "column RA holds numbers in h:m:s"),
    ],
)
def test_a_unit_that_is_not_understood_is_refused(tmp_path, ra, dec, message):
    columns = [
        fits.Column("RA", "D", array=[12.0], unit=ra),
        fits.Column("DEC", "D", array=[35.0], unit=dec),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    with pytest.raises(InputError, match=message):
        positions(tmp_path / "t.fits")


def test_letters_say_hours_or_degrees(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "name,ra,dec\na,12d30m00s,+35d00m00s\nb,12h30m00s,+35d00m00s\nc,12:30:00,+35:00:00\n"
        "d,150d30m00s,+35d00m00s\ne,-209.5,35\nf,12h30m00s,2h20m00s\n"
    )
    ra, dec = positions(path)
    np.testing.assert_allclose(ra, [12.5, 187.5, 187.5, 150.5, 150.5, np.nan], rtol=1e-14)
    np.testing.assert_array_equal(dec, [35, 35, 35, 35, 35, np.nan])


@pytest.mark.parametrize(
    ("unit", "text", "degrees"),
    [
        ("deg", "12:30:00", 12.5),  # as astropy's Angle("12:30:00", unit="deg")
        ("hourangle", "12:30:00", 187.5),
        ("h", "12.5", 187.5),
        ('"h:m:s"', "12 30 00", 187.5),
        ("rad", "1.5", 85.94366926962348),
    ],
)
def test_units_of_text(unit, text, degrees):
    schema = pa.schema([pa.field("ra", pa.string(), metadata={"unit": unit}), ("dec", pa.string())])
    rows = pa.RecordBatch.from_arrays([pa.array([text]), pa.array(["1"])], schema=schema)
    assert read_positions(rows, map_columns(schema)).ra == pytest.approx([degrees], abs=1e-12)


def test_a_number_in_a_column_of_sexagesimal_text_is_no_position():
    schema = pa.schema(
        [pa.field("ra", pa.string(), metadata={"unit": "h:m:s"}), ("dec", pa.string())]
    )
    rows = pa.RecordBatch.from_arrays([pa.array(["123000.0"]), pa.array(["1"])], schema=schema)
    assert read_positions(rows, map_columns(schema)).state.tolist() == [NOWHERE]


@pytest.mark.parametrize(
    ("system", "equinox", "frame"),
    [
        ("FK4", 1950.0, FK4()),
        ("FK4", None, FK4()),
        (None, 1950.0, FK4()),
        (None, "B1950", FK4()),
        ("FK5", 1975.0, FK5(equinox="J1975")),
        ("GALACTIC", None, Galactic()),
        ("ICRS", None, "icrs"),
        ("FK5", 2000.0, "icrs"),
        (None, None, "icrs"),
    ],
)
@pytest.mark.parametrize("where", ["table", "primary", "ecsv"])
def test_the_frame_of_a_fits_header(tmp_path, system, equinox, frame, where):
    there = M87.transform_to(frame).spherical
    stated = {"RADESYS": system, "EQUINOX": equinox}
    stated = {key: value for key, value in stated.items() if value is not None}
    table = Table({"RA": [there.lon.deg], "DEC": [there.lat.deg]}, units={"RA": "deg"})
    if where == "ecsv":
        table.meta.update(stated)
        table.write(tmp_path / "t.ecsv")
        assert_m87(positions(tmp_path / "t.ecsv"))
        return
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table)])
    hdus[int(where == "table")].header.update(stated)
    hdus.writeto(tmp_path / "t.fits")
    assert_m87(positions(tmp_path / "t.fits"))


VOTABLE = (
    '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    '<RESOURCE>{systems}<TABLE><FIELD name="a" datatype="double" unit="deg" {first}/>'
    '<FIELD name="d" datatype="double" unit="deg" {second}/><DATA><TABLEDATA>'
    "<TR><TD>{a!r}</TD><TD>{d!r}</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)
TOLD = {"ra": "a", "dec": "d"}


@pytest.mark.parametrize(
    ("systems", "first", "frame"),
    [
        ('<COOSYS ID="s" system="eq_FK4" equinox="B1950"/>', 'ref="s"', FK4()),
        ('<COOSYS ID="s" system="eq_FK4"/><COOSYS ID="o" system="ICRS"/>', 'ref="s"', FK4()),
        ('<COOSYS ID="s" system="eq_FK4" equinox="1950.0"/>', "", FK4()),
        ('<COOSYS ID="s" system="galactic"/>', 'ref="s"', Galactic()),
        ('<COOSYS ID="s" system="eq_FK5" equinox="J2000"/>', 'ref="s"', "icrs"),
        ('<COOSYS ID="s"/>', 'ref="s"', "icrs"),
        ("", 'ucd="pos.galactic.lon"', Galactic()),
    ],
)
def test_the_frame_of_a_votable(tmp_path, systems, first, frame):
    there = M87.transform_to(frame).spherical
    text = VOTABLE.format(
        systems=systems, first=first, second=first, a=float(there.lon.deg), d=float(there.lat.deg)
    )
    (tmp_path / "t.vot").write_text(text)
    assert_m87(positions(tmp_path / "t.vot", TOLD))


@pytest.mark.parametrize(
    ("systems", "first", "second", "message"),
    [
        ('<COOSYS ID="s" system="ecl_FK5"/>', 'ref="s"', 'ref="s"', "frame 'eclFK5'.*ICRS"),
        ('<COOSYS ID="s" system="mine"/>', "", "", "frame 'mine'"),
        ('<COOSYS ID="s" system="ICRS"/><COOSYS ID="o" system="eq_FK4"/>', "", "", "not known"),
        ('<COOSYS ID="s" system="eq_FK4"/>', 'ref="s"', "", "two frames, eqFK4 and ICRS"),
        ('<COOSYS ID="s" system="galactic"/>', 'ucd="pos.eq.ra"', 'ucd="pos.eq.dec"', "remove one"),
    ],
)
def test_a_frame_that_is_not_understood_is_refused(tmp_path, systems, first, second, message):
    text = VOTABLE.format(systems=systems, first=first, second=second, a=1.0, d=1.0)
    (tmp_path / "t.vot").write_text(text)
    with pytest.raises(InputError, match=message):
        positions(tmp_path / "t.vot", TOLD)


@pytest.mark.parametrize("suffix", [".ecsv", ".parquet"])
def test_coordinates_that_astropy_wrote_keep_their_frame(tmp_path, suffix):
    table = QTable({"c": M87.reshape(1).transform_to(FK4())})
    table.write(tmp_path / f"t{suffix}")
    assert_m87(positions(tmp_path / f"t{suffix}", {"ra": "c.ra", "dec": "c.dec"}))


@pytest.mark.parametrize(
    ("a", "d", "frame"), [("glon", "glat", Galactic()), ("RAB1950", "DEB1950", FK4())]
)
def test_the_frame_in_the_names_of_columns(tmp_path, a, d, frame):
    there = M87.transform_to(frame).spherical
    path = tmp_path / "t.csv"
    path.write_text(f"{a},{d}\n{float(there.lon.deg)!r},{float(there.lat.deg)!r}\n")
    assert_m87(positions(path, {"ra": a, "dec": d}))


@pytest.mark.parametrize(
    "kind",
    [pa.string_view(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary(),
     pa.large_binary()],
    ids=str,
)  # fmt: skip
def test_texts_of_parquet_are_of_one_type(tmp_path, kind):
    texts = {"name": ["J1200+3500", None], "ra": ["12:00:00", "10:00:00"], "dec": ["35:00:00"] * 2}
    table = pa.table(
        {
            name: pa.array(v).dictionary_encode()
            if pa.types.is_dictionary(kind)
            else pa.array(v).cast(kind)
            for name, v in texts.items()
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    opened = open_catalogue(tmp_path / "t.parquet")
    assert opened.schema.types == [pa.string()] * 3
    assert [b.column(0).to_pylist() for b in opened.batches()] == [["J1200+3500", None]]
    np.testing.assert_array_equal(positions(tmp_path / "t.parquet"), [[180, 150], [35, 35]])


def test_bytes_that_are_no_text_are_escaped(tmp_path):
    table = pa.table({"name": pa.array([b"\xff\xfe", b"ok"]), "ra": [1.0, 2.0], "dec": [3.0, 4.0]})
    pq.write_table(table, tmp_path / "t.parquet")
    (batch,) = open_catalogue(tmp_path / "t.parquet").batches()
    assert batch.column(0).to_pylist() == ["\\xff\\xfe", "ok"]


def test_the_yaml_of_a_catalogue_runs_no_code(tmp_path):
    path = tmp_path / "t.ecsv"
    path.write_text(
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: ra, datatype: float64}\n"
        "# meta: !!python/object/apply:os.system ['touch made']\nra\n1\n"
    )
    with pytest.raises(InputError, match="header is not astropy's"):
        open_catalogue(path)


def test_an_ecsv_keeps_text_that_looks_like_numbers(tmp_path):
    buffer = io.StringIO()
    Table({"id": ["7", "12"], "ra": [1.0, 2.0], "dec": [1.0, 2.0]}).write(
        buffer, format="ascii.ecsv"
    )
    (tmp_path / "t.ecsv").write_text(buffer.getvalue())
    (batch,) = open_catalogue(tmp_path / "t.ecsv").batches()
    assert batch.column(0).to_pylist() == ["7", "12"]
