"""Positions as people write them; astropy reads the same."""

import astropy.units as u
import pytest
from astropy.coordinates import Angle, SkyCoord

from keras_astroattn.errors import InputError
from keras_astroattn.images.position import parse_angle, parse_position


@pytest.mark.parametrize(
    ("text", "ra", "dec"),
    [
        ("187.70593,+12.39112", 187.70593, 12.39112),
        ("12:30:49.42,+12:23:28.0", 187.705917, 12.391111),
        ("12h30m49.42s, 12d23m28s", 187.705917, 12.391111),
        ("0:00:04,-00:30:00", 1 / 60, -0.5),
        ("-10,5", 350.0, 5.0),
        ("-209.5,60", 150.5, 60.0),
        ("-209.5 60", 150.5, 60.0),
        ("187.7  -12.4", 187.7, -12.4),
        ("187.7d -12.4d", 187.7, -12.4),
        ("12d30m00s,35", 12.5, 35.0),
        ("150d30m00s +35d00m00s", 150.5, 35.0),
        ("12h30m00s,35", 187.5, 35.0),
        ("12.5h,35", 187.5, 35.0),
        ("12h,-0d30m", 180.0, -0.5),
        ((10, -20), 10.0, -20.0),
    ],
)
def test_positions(text, ra, dec):
    assert parse_position(text) == pytest.approx((ra, dec), abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "12 30 49.42 +12 23 28.0",
        "12 30 49.42, +12 23 28.0",
        "12h 30m 49.42s -12d 23m 28s",
        "12:30:49.42 -00:23:28",
        "12h30.5m -12d23.5m",
        "23h59m59.99s,-89d59m59.9s",
    ],
)
def test_positions_are_those_of_astropy(text):
    there = SkyCoord(text.replace(",", " "), unit=(u.hourangle, u.deg))
    assert parse_position(text) == pytest.approx((there.ra.deg, there.dec.deg), abs=1e-10)


@pytest.mark.parametrize("text", ["12d30m", "12°30′15″", "-0h00m30s", "350.25d", "7:30"])
def test_angles_are_those_of_astropy(text):
    assert parse_angle(text) == pytest.approx(Angle(text, unit=u.deg).deg, abs=1e-10)


@pytest.mark.parametrize(
    "text",
    [
        "", "12", "1,2,3", "a,b", "10,95", "nan,0", "400,0", "12:61:00,10", "inf,0", (None, 1),
        "12:30:61,10", "10 20 30", "12h30m00s,10h00m00s", "12.5:30:00,10", "12:30.5:10,10",
    ],
)  # fmt: skip
def test_what_is_no_position_is_refused(text):
    with pytest.raises(InputError, match="position"):
        parse_position(text)
