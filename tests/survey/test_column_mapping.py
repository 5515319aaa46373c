"""Columns of real surveys, and positions in all their shapes; rows like the real thing."""

import math

import numpy as np
import pyarrow as pa
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.survey.column_mapping import (
    MISSING,
    NOWHERE,
    POSITIONED,
    map_columns,
    read_fluxes,
    read_positions,
)

LOTSS = {
    "Source_Name": ["ILTJ000000.57+350201.5", "ILTJ000000.66+420115.9"],
    "RA": [0.002404, 0.002779],
    "DEC": [35.033754, 42.021086],
    "Total_flux": [1.2839, 0.6371],
    "Maj": [13.27, 8.62],
    "Isl_rms": [0.0655, 0.0851],
    "S_Code": ["S", "M"],
    "Mosaic_ID": ["P000+36  ", "P002+41  "],
}
RACS = {
    "Source_ID": ["RACS_0000+12A_95", "RACS_0000+12A_137"],
    "Tile_ID": ["RACS_0000+12A"] * 2,
    "N_Gaus": [1, 3],
    "RA": [0.0117, 359.9921],
    "Dec": [11.2735, -12.6501],
    "Total_flux_Source": [11.93, 203.1],
    "Noise": [0.31, 0.28],
}
RACS_VIZIER = {
    "ID": ["RACS_0000+12A_95"],
    "RAJ2000": [0.0117],
    "DEJ2000": [11.2735],
    "Ftot": [11.93],
}
VLASS = {
    "Component_name": ["VLASS1QLCIR J000000.99-151409.9", "VLASS1QLCIR J000001.16+245457.0"],
    "RA": [0.004143, 0.004865],
    "DEC": [-15.236098, 24.915851],
    "Total_flux": [6.41, 2.03],
    "Duplicate_flag": [0, 1],
    "Quality_flag": [0, 4],
    "Tile": ["T07t01", "T17t01"],
    "Subtile": ["J000200-153000", "J000000+243000"],
}
FIRST = {
    "RA": ["00 00 00.066", "23 59 59.820"],
    "DEC": ["+08 24 31.52", "-00 09 11.30"],
    "SIDEPROB": [0.014, 0.325],
    "FPEAK": [1.41, 2.97],
    "FINT": [1.94, 3.11],
    "RMS": [0.131, 0.147],
    "MAJOR": [5.42, 0.0],
    "FLDNAME": ["00000+08210E", "23585-00090P"],
}


def batch(columns: dict, units: dict | None = None) -> pa.RecordBatch:
    arrays = [pa.array(values) for values in columns.values()]
    fields = [
        pa.field(name, array.type, metadata={"unit": (units or {}).get(name, "")})
        if name in (units or {})
        else pa.field(name, array.type)
        for name, array in zip(columns, arrays, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


@pytest.mark.parametrize("names_survey", [True, False])
@pytest.mark.parametrize(
    ("survey", "rows", "names", "ra", "dec", "flux"),
    [
        ("lotss-dr2", LOTSS, ("RA", "DEC", "Source_Name", "Total_flux"),
         [0.002404, 0.002779], [35.033754, 42.021086], [1.2839, 0.6371]),
        ("racs", RACS, ("RA", "Dec", "Source_ID", "Total_flux_Source"),
         [0.0117, 359.9921], [11.2735, -12.6501], [11.93, 203.1]),
        ("racs", RACS_VIZIER, ("RAJ2000", "DEJ2000", "ID", "Ftot"),
         [0.0117], [11.2735], [11.93]),
        ("vlass", VLASS, ("RA", "DEC", "Component_name", "Total_flux"),
         [0.004143, 0.004865], [-15.236098, 24.915851], [6.41, 2.03]),
        # 0.066 s of time are 0.99"; 8 deg 24' 31.52".
        ("first", FIRST, ("RA", "DEC", None, "FINT"),
         [0.066 / 240, 360 - 0.18 / 240], [8 + 24 / 60 + 31.52 / 3600, -(9 / 60 + 11.3 / 3600)],
         [1.94, 3.11]),
    ],
)  # fmt: skip
def test_the_columns_of_a_survey_are_known(names_survey, survey, rows, names, ra, dec, flux):
    rows = batch(rows)
    mapping = map_columns(rows.schema, survey if names_survey else None)
    assert mapping.survey == survey
    assert (mapping.ra, mapping.dec, mapping.id, mapping.flux) == names
    assert mapping.flux_unit == "mJy"
    assert mapping.parent is None
    found = read_positions(rows, mapping)
    np.testing.assert_allclose(found.ra, ra, atol=1e-9)
    np.testing.assert_allclose(found.dec, dec, atol=1e-9)
    assert set(found.state.tolist()) == {POSITIONED}
    np.testing.assert_array_equal(read_fluxes(rows, mapping), flux)


def test_components_of_racs_name_their_parent():
    names = ["Gaussian_ID", "Source_ID", "Tile_ID", "RA", "Dec", "Total_Flux_Gaussian"]
    mapping = map_columns(pa.schema([(name, pa.string()) for name in names]))
    assert (mapping.survey, mapping.id, mapping.parent) == ("racs", "Gaussian_ID", "Source_ID")


def test_unknown_columns_are_guessed_and_given_ones_win():
    schema = pa.schema([(n, pa.float64()) for n in ("objid", "RA_deg", "dec_deg", "ra2", "S")])
    mapping = map_columns(schema)
    assert (mapping.survey, mapping.ra, mapping.dec, mapping.id) == (
        None,
        "RA_deg",
        "dec_deg",
        "objid",
    )
    mapping = map_columns(schema, given={"ra": "ra2", "flux": "S"})
    assert (mapping.ra, mapping.flux) == ("ra2", "S")


@pytest.mark.parametrize(
    ("survey", "given", "message"),
    [
        ("emu", {}, "lotss-dr2, racs, vlass, first"),
        (None, {"rightascension": "x"}, "the keys are ra, dec"),
        (None, {"ra": "nope"}, "no such column; it has x, y"),
        (None, {"ra": "x"}, "no column looks like DEC"),
    ],
)
def test_the_error_names_the_column_that_is_not_found(survey, given, message):
    with pytest.raises(InputError, match=message):
        map_columns(pa.schema([("x", pa.float64()), ("y", pa.float64())]), survey, given)


def test_a_column_of_vectors_holds_no_position():
    vectors = pa.list_(pa.float64())
    schema = pa.schema([("ra", vectors), ("dec", pa.float64()), ("flux", vectors)])
    with pytest.raises(InputError, match=r"column ra holds list<.*, not numbers"):
        map_columns(schema)
    schema = pa.schema([("ra", pa.float64()), ("dec", pa.float64()), ("flux", vectors)])
    assert map_columns(schema).flux is None
    with pytest.raises(InputError, match=r"column flux holds .*: name another one by --columns"):
        map_columns(schema, given={"flux": "flux"})


def test_sentinels_nulls_and_impossible_positions_are_no_positions():
    rows = batch(
        {
            "ra": [10.0, -99.0, None, math.nan, 370.0, -1.0, 10.0, 360.0],
            "dec": [-89.0, -99.0, 1.0, 1.0, 1.0, 1.0, 91.0, 0.0],
        }
    )
    found = read_positions(rows, map_columns(rows.schema))
    assert found.state.tolist() == [
        POSITIONED, MISSING, MISSING, MISSING, NOWHERE, POSITIONED, NOWHERE, POSITIONED,
    ]  # fmt: skip
    np.testing.assert_array_equal(found.ra[[0, 5, 7]], [10.0, 359.0, 0.0])
    assert np.isnan(found.ra[[1, 2, 3, 4, 6]]).all()


@pytest.mark.parametrize(
    ("ra", "dec", "expected"),
    [
        ("12:30:49.42", "+12:23:28.0", (187.70591667, 12.39111111)),
        ("12h30m49.42s", "-00d23m28s", (187.70591667, -0.39111111)),
        ("187.7", "012.5", (187.7, 12.5)),
        ("  00 00 00.0  ", "-05 00 00", (0.0, -5.0)),
    ],
)
def test_positions_in_text_are_read(ra, dec, expected):
    rows = batch({"ra": [ra], "dec": [dec]})
    found = read_positions(rows, map_columns(rows.schema))
    np.testing.assert_allclose([found.ra[0], found.dec[0]], expected, atol=1e-8)


def test_text_that_is_no_position_is_distinguished():
    rows = batch({"ra": ["", "--", "12:99:00", "north", "-99"], "dec": ["1"] * 4 + ["-99"]})
    found = read_positions(rows, map_columns(rows.schema))
    assert found.state.tolist() == [MISSING, MISSING, NOWHERE, NOWHERE, MISSING]


@pytest.mark.parametrize(
    ("unit", "value", "degrees"), [("hourangle", 6.0, 90.0), ("rad", math.pi / 2, 90.0)]
)
def test_units_of_right_ascension_are_heeded(unit, value, degrees):
    rows = batch({"ra": [value], "dec": [0.5]}, {"ra": unit})
    found = read_positions(rows, map_columns(rows.schema))
    assert found.ra[0] == pytest.approx(degrees)
    assert found.dec[0] == 0.5
