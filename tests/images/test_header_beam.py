"""The beam of a map: stated, known of its survey, refused, or not known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.edge.labels import LabelRules
from keras_astroattn.errors import InputError
from keras_astroattn.images import Beam, FitsMap, cutout_from_array, flags, read_fits

SHAPE = (320, 340)


def file_of(tmp_path, header, shape=SHAPE):
    path = tmp_path / "map.fits"
    fits.PrimaryHDU(noise(shape, seed=1), header).writeto(path, overwrite=True)
    return path


def beam_of(tmp_path, header):
    with FitsMap(file_of(tmp_path, header)) as sky:
        return sky.beam


def without_beam(scale=1.8, dec=30.0, history=(), **cards):
    header = celestial_header(SHAPE, dec=dec, scale=scale, beam=None, **cards)
    for line in history:
        header["HISTORY"] = line
    return header


def test_a_map_of_unknown_beam_gets_no_class():
    sure = np.array([0.01, 0.99], np.float32)
    cutout = cutout_from_array(np.eye(150))
    labels = {
        flag: LabelRules().after_network(sure, replace(cutout, flags=(flag,)))
        for flag in (flags.PICTURE, flags.NO_BEAM, flags.ASSUMED_BEAM)
    }
    assert list(labels.values()) == ["FRII", "uncertain", "FRII"]


@pytest.mark.parametrize(
    ("cards", "scale", "dec", "major", "minor"),
    [
        ({"SURVEY": "FIRST", "TELESCOP": "VLA"}, 1.8, 30, 5.4, 5.4),
        ({"SURVEY": "VLA FIRST (1.4 GHz)"}, 1.8, 30, 5.4, 5.4),
        ({"SURVEY": "NVSS", "TELESCOP": "VLA"}, 15, 30, 45, 45),
        ({"OBSERVER": "NVSS GRP", "TELESCOP": "VLA"}, 15, 30, 45, 45),
        # 45 / sin 30 = 90; 45 / sin 50 = 58.74.
        ({"SURVEY": "SUMSS 843 MHz"}, 11, -30, 90, 45),
        ({"SURVEY": "SUMSS"}, 11, -50, 58.743, 45),
        # 25 / cos(-31 - 19) = 38.89; north of 19 degrees it is round.
        ({"SURVEY": "TGSS ADR1", "TELESCOP": "GMRT"}, 6.2, 40, 25, 25),
        ({"SURVEY": "TGSS"}, 6.2, -31, 38.893, 25),
        ({"SURVEY": "VLASS1.2"}, 1, 30, 2.5, 2.5),
        ({"SURVEY": "RACS-low", "TELESCOP": "ASKAP"}, 2.5, -20, 25, 25),
        ({"SURVEY": "LoTSS-DR2", "TELESCOP": "LOFAR"}, 1.5, 40, 6, 6),
        ({"SURVEY": "LoTSS DR2"}, 4.5, 40, 20, 20),
    ],
)
def test_named_surveys_have_the_beams_of_their_papers(tmp_path, cards, scale, dec, major, minor):
    path = file_of(tmp_path, without_beam(scale, dec, **cards))
    with FitsMap(path) as sky:
        assert (sky.beam.major, sky.beam.minor) == pytest.approx((major, minor), rel=1e-3)
        assert sky.beam.angle == 0
    found = read_fits(path, (180.0, dec)).flags
    assert flags.ASSUMED_BEAM in found
    assert flags.NO_BEAM not in found


def test_skyview_names_the_survey_in_its_history(tmp_path):
    history = ["survey = NVSS", "shortname = NVSS"]
    assert beam_of(tmp_path, without_beam(15, history=history)) == Beam(45, 45)
    header = without_beam(2.5, dec=-20, SURVEY="RACS")
    header["COMMENT"] = 'Resolution:  15"'
    assert beam_of(tmp_path, header) == Beam(15, 15)


@pytest.mark.parametrize(
    ("cards", "scale", "dec", "history"),
    [
        ({"TELESCOP": "VLA"}, 1.8, 30, ()),
        ({"TELESCOP": "VLA", "OBJECT": "FIRST FIELD"}, 1.8, 30, ()),
        ({"TELESCOP": "VLA", "OBJECT": "FIRST"}, 1.8, 30, ()),
        ({"OBJECT": "NVSS J120000+300000"}, 15, 30, ()),
        ({"SURVEY": "NVSS"}, 1.8, 30, ()),  # 25 pixels a beam
        ({"SURVEY": "FIRST"}, 15, 30, ()),
        ({"SURVEY": "NVSS", "TELESCOP": "WSRT"}, 15, 30, ()),
        ({"SURVEY": "SUMSS"}, 11, 10, ()),  # not observed there
        ({"SURVEY": "RACS-mid"}, 2.5, -20, ()),  # another beam, in no row of the table
        ({"SURVEY": "NVSS"}, 15, 30, ("survey = SUMSS",)),
        ({"SURVEY": "NVSS"}, 15, 30, ("smooth = 5",)),
        ({"SURVEY": "DSS"}, 1.8, 30, ()),
    ],
)
def test_what_may_be_another_map_is_not_recognised(tmp_path, cards, scale, dec, history):
    path = file_of(tmp_path, without_beam(scale, dec, history, **cards))
    assert flags.NO_BEAM in read_fits(path, (180.0, dec)).flags


def test_another_frequency_is_another_survey(tmp_path):
    header = celestial_header(SHAPE, scale=15, axes=3, beam=None, SURVEY="NVSS")
    header["CRVAL3"] = 3e9
    path = write(tmp_path / "s_band.fits", noise(SHAPE)[None], header)
    assert flags.NO_BEAM in read_fits(path, (180.0, 30.0)).flags


def test_the_stated_beam_wins_over_the_survey(tmp_path):
    path = file_of(tmp_path, celestial_header(SHAPE, beam=(9.0, 8.0, 20.0), SURVEY="FIRST"))
    with FitsMap(path) as sky:
        assert (sky.beam.major, sky.beam.minor, sky.beam.angle) == pytest.approx((9, 8, 20))
        assert not sky.is_first
    history = ["CONVL BMAJ=  15.0000 BMIN=  15.0000 BPA=   0.00"]
    header = without_beam(1.8, history=history, SURVEY="FIRST")
    assert beam_of(tmp_path, header) == Beam(15, 15)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["CONVL BMAJ=  5.4000 BMIN=  5.4000 BPA=   0.00"], (5.4, 5.4, 0)),
        (["AIPS   CONVL BMAJ=  6.4000 BMIN=  5.4000 BPA=  30.00"], (6.4, 5.4, 30)),
        (["AIPS   CLEAN BMAJ=  1.5000E-03 BMIN=  1.5000D-03 BPA=   0.00"], (5.4, 5.4, 0)),
        # The last one counts: the map was convolved after it was cleaned.
        (
            ["AIPS   CLEAN BMAJ=  1.5000E-03 BMIN=  1.5000E-03 BPA=   0.00",
             "CONVL BMAJ=  10.0000 BMIN=  10.0000 BPA=   0.00"],
            (10, 10, 0),
        ),
    ],
)  # fmt: skip
def test_history_of_clean_is_in_degrees_and_of_convl_in_arcsec(tmp_path, lines, expected):
    beam = beam_of(tmp_path, without_beam(history=lines))
    assert (beam.major, beam.minor, beam.angle) == pytest.approx(expected)


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_angle_does_not_lose_the_beam(tmp_path, value):
    header = celestial_header(SHAPE, beam=(5.4, 5.4, 0.0), BPA=value)
    assert beam_of(tmp_path, header) == Beam(5.4, 5.4)
    elongated = celestial_header(SHAPE, beam=(9.0, 5.4, 0.0), BPA=value)
    assert flags.ASSUMED_BEAM in read_fits(file_of(tmp_path, elongated)).flags


@pytest.mark.parametrize("value", [0.0, "", None])
def test_a_beam_of_nothing_is_not_known(tmp_path, value):
    header = celestial_header(SHAPE, beam=None, BMAJ=value, BMIN=value)
    assert flags.NO_BEAM in read_fits(file_of(tmp_path, header)).flags


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"BMAJ": 5.4, "BMIN": 5.4}, "19440 x 19440 arcsec"),
        ({"BMAJ": 1e300, "BMIN": 1e300}, "3.6e\\+303"),
        ({"BMAJ": 1e-320, "BMIN": 1e-320}, "narrower than half a pixel"),
        ({"BMAJ": 2.6e-5, "BMIN": 2.6e-5}, "0.0936 x 0.0936 arcsec"),  # radians
        ({"BMAJ": -0.0015, "BMIN": 0.0015}, "BMAJ = -0.0015"),
        ({"BMAJ": 0.0015, "BMIN": 0.0}, "BMIN = 0"),
        ({"BMAJ": "unknown"}, "BMAJ = 'unknown'"),
        ({"BMAJ": "NaN"}, "BMAJ = 'NaN'"),
        ({"BMAJ": 0.0015, "BMIN": 0.0015, "BPA": "north"}, "BPA = 'north'"),
    ],
)
def test_impossible_beams_are_one_line_with_their_value(tmp_path, cards, reason):
    path = file_of(tmp_path, celestial_header(SHAPE, beam=None, **cards))
    with pytest.raises(InputError, match=reason) as caught:
        read_fits(path)
    assert "\n" not in str(caught.value)
    assert "--beam" in str(caught.value)
    assert read_fits(path, beam=5.4).beam == Beam(5.4, 5.4)


def test_a_beam_of_thousands_of_pixels_is_a_mistake(tmp_path):
    header = celestial_header((5000, 300), beam=(2700.0, 2700.0, 0.0))
    with pytest.raises(InputError, match="1500 pixels wide"):
        read_fits(file_of(tmp_path, header, (5000, 300)), (180.0, 30.0))


def casa_cube(tmp_path, units=("arcsec", "arcsec", "deg")):
    header = celestial_header(SHAPE, axes=4, beam=None, CASAMBM=True)
    widths = np.array([8.0, 6.0, 5.4])
    factor = 1.0 if units[0] == "arcsec" else 1 / 3600
    columns = [
        fits.Column("BMAJ", "1E", unit=units[0], array=widths * factor),
        fits.Column("BMIN", "1E", unit=units[1], array=widths * factor),
        fits.Column("BPA", "1E", unit=units[2], array=[10.0, 20.0, 30.0]),
        fits.Column("CHAN", "1J", array=[0, 1, 2]),
        fits.Column("POL", "1J", array=[0, 0, 0]),
    ]
    data = np.repeat(noise(SHAPE)[None, None], 3, axis=1)
    hdus = [
        fits.PrimaryHDU(data, header),
        fits.BinTableHDU.from_columns(columns, name="BEAMS"),
    ]
    path = tmp_path / "cube.fits"
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


@pytest.mark.parametrize("units", [("arcsec", "arcsec", "deg"), ("deg", "deg", "deg")])
def test_casas_table_gives_the_beam_of_the_channel(tmp_path, units):
    path = casa_cube(tmp_path, units)
    for channel, width in ((0, 8.0), (1, 6.0), (2, 5.4)):
        with FitsMap(path, channel=channel) as sky:
            assert (sky.beam.major, sky.beam.minor) == pytest.approx((width, width), rel=1e-6)


def test_casas_map_without_its_table_has_no_beam(tmp_path):
    header = celestial_header(SHAPE, beam=None, CASAMBM=True)
    assert flags.NO_BEAM in read_fits(file_of(tmp_path, header)).flags


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        # A beam of 5.4": pi / (4 ln 2) 5.4^2 = 33.0409 square arcsec = 7.76608e-10 sr.
        ("Jy/bm", 1.0), ("Jy per beam", 1.0), ("mJy/sr", 7.76608e-13), ("MJy/sr", 7.76608e-4),
        ("Jy/arcsec2", 33.0409), ("mJy/arcsec^2", 0.0330409), ("W/m2/Hz/beam", 1e26),
        # 2 k T / lambda^2 at 1.4 GHz: 60217 Jy/sr for a kelvin.
        ("K", 4.6766e-5), ("mK", 4.6766e-8),
    ],
)  # fmt: skip
def test_units_of_surface_brightness_are_converted(tmp_path, unit, factor):
    header = celestial_header(SHAPE, axes=3, BUNIT=unit)
    data = noise(SHAPE, 1.0) + 100 * gaussian(SHAPE, 169.5, 159.5, 12.0, scale=1.8)
    path = write(tmp_path / "unit.fits", (data / factor * 1e-4).astype(np.float32)[None], header)
    cutout = read_fits(path)
    assert cutout.noise == pytest.approx(1e-4, rel=0.03)
    assert flags.UNKNOWN_UNIT not in cutout.flags


@pytest.mark.parametrize(
    "unit", ["Jy/beam.km/s", "JY/BEAM.KM/S", "Jy beam-1 km s-1", "km/s", "K km/s", "rad/m2", "deg"]
)
def test_units_of_other_quantities_are_refused(tmp_path, unit):
    path = file_of(tmp_path, celestial_header(SHAPE, BUNIT=unit))
    with pytest.raises(InputError, match="its unit") as caught:
        read_fits(path)
    assert unit in str(caught.value)


def test_kelvin_are_those_of_the_rayleigh_jeans_law():
    from astropy import units as u

    from keras_astroattn.images.brightness_unit import to_jansky_per_beam

    beam = Beam(5.4, 4.0)
    area = math.pi / (4 * math.log(2)) * 5.4 * 4.0 * u.arcsec**2
    expected = (1 * u.K).to(u.Jy / u.beam, u.brightness_temperature(1.4 * u.GHz, area))
    assert to_jansky_per_beam("K", beam, None, 1.4e9) == pytest.approx(expected.value, rel=1e-9)
    assert to_jansky_per_beam("K", beam, None, None) is None
