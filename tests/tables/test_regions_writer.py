"""Regions of classified sources, read back by the `regions` library."""

import pytest
from astropy import units as u
from astropy.wcs import WCS

from keras_astroattn.colours import BLUE, GREY, PINK
from keras_astroattn.errors import InputError
from keras_astroattn.tables import (
    COLUMNS,
    REGION_COLUMNS,
    require_region_writer,
    write_regions,
)

regions = pytest.importorskip("regions")
EMPTY = dict.fromkeys(column.name for column in COLUMNS)
ROWS = [
    EMPTY | {"ra": 180.0, "dec": -30.5, "label": "FRI", "p_fri": 0.876, "p_frii": 0.124,
             "largest_angular_size_arcsec": 40.0, "beam_arcsec": 5.4},
    EMPTY | {"ra": 359.999, "dec": 0.0, "label": "compact", "largest_angular_size_arcsec": 0.0,
             "beam_arcsec": 5.4},
    EMPTY | {"ra": 10.0, "dec": 89.0, "label": "error"},
    EMPTY | {"label": "FRI", "p_fri": 0.9, "p_frii": 0.1},  # a picture: it has no position
]  # fmt: skip
SHAPE = {"major_arcsec": 60.0, "minor_arcsec": 20.0, "position_angle_deg": 30.0,
         "centroid_ra": 180.001, "centroid_dec": -30.501}  # fmt: skip


def read(path, rows):
    write_regions(path, rows)
    return regions.Regions.read(path, format="ds9" if path.suffix == ".reg" else "crtf")


@pytest.mark.parametrize("suffix", [".reg", ".crtf"])
def test_a_source_without_a_shape_is_a_circle_of_its_size(tmp_path, suffix):
    assert write_regions(tmp_path / f"r{suffix}", ROWS) == 3
    found = read(tmp_path / f"r{suffix}", ROWS)
    assert [type(one).__name__ for one in found] == ["CircleSkyRegion"] * 3
    assert [one.center.icrs.ra.deg for one in found] == [180.0, 359.999, 10.0]
    assert [one.center.icrs.dec.deg for one in found] == [-30.5, 0.0, 89.0]
    # Half of the size plus the beam; 10 arcsec where neither is known.
    assert [one.radius.to_value("arcsec") for one in found] == [22.7, 2.7, 10.0]
    texts = [one.meta.get("text", one.meta.get("label")) for one in found]
    assert texts == ["FRI 0.88", "compact", "error"]
    colours = [one.visual.get("edgecolor", one.visual.get("color")) for one in found]
    assert colours == [BLUE, PINK, GREY]


@pytest.mark.parametrize("suffix", [".reg", ".crtf"])
def test_only_a_class_has_a_probability(tmp_path, suffix):
    rows = [
        ROWS[0] | {"label": label, "p_fri": p_fri, "p_frii": 1 - p_fri}
        for label, p_fri in zip(
            ("FRI", "FRII", "uncertain", "unresolved"), (0.99999, 0.003, 0.59, 0.003), strict=True
        )
    ]
    found = read(tmp_path / f"r{suffix}", rows)
    texts = [one.meta.get("text", one.meta.get("label")) for one in found]
    assert texts == ["FRI > 0.9999", "FRII 0.997", "uncertain", "unresolved"]


@pytest.mark.parametrize("suffix", [".reg", ".crtf"])
def test_the_ellipse_of_a_source_lies_on_its_emission(tmp_path, suffix):
    (found,) = read(tmp_path / f"r{suffix}", [ROWS[0] | SHAPE])
    assert type(found).__name__ == "EllipseSkyRegion"
    assert (found.center.icrs.ra.deg, found.center.icrs.dec.deg) == (180.001, -30.501)
    assert found.meta.get("text", found.meta.get("label")) == "FRI 0.88"
    # At a distance of 29 arcsec along the axis of 60 arcsec it is inside, at 31 outside; across,
    # 9 and 11. astropy takes position angles from north through east.
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [180.0, -30.5]
    wcs.wcs.cdelt, wcs.wcs.crpix = [-0.5 / 3600, 0.5 / 3600], [200, 200]
    for angle, inside, outside in [(30, 29, 31), (210, 29, 31), (120, 9, 11), (300, 9, 11)]:
        for distance, is_in in [(inside, True), (outside, False)]:
            place = found.center.directional_offset_by(angle * u.deg, distance * u.arcsec)
            assert found.contains(place, wcs) == is_in, (angle, distance)


@pytest.mark.parametrize(
    "change",
    [
        {"position_angle_deg": None},
        {"minor_arcsec": 0.0},
        {"centroid_ra": None},
    ],
)
def test_a_source_whose_shape_is_not_known_whole_is_a_circle(tmp_path, change):
    (found,) = read(tmp_path / "r.reg", [ROWS[0] | SHAPE | change])
    assert type(found).__name__ == "CircleSkyRegion"
    assert found.center.icrs.ra.deg == 180.0


def test_a_table_without_shapes_is_drawn_as_circles(tmp_path):
    earlier = [{name: ROWS[0][name] for name in REGION_COLUMNS[:7]}]
    (found,) = read(tmp_path / "r.reg", earlier)
    assert found.radius.to_value("arcsec") == 22.7


def test_columns_may_have_a_prefix(tmp_path):
    shaped = [*ROWS, ROWS[0] | SHAPE]
    rows = [{f"aa_{name}": value for name, value in row.items()} for row in shaped]
    write_regions(tmp_path / "a.reg", shaped)
    write_regions(tmp_path / "b.reg", rows, "aa_")
    assert (tmp_path / "a.reg").read_text() == (tmp_path / "b.reg").read_text()


def test_no_region_file_is_half_written(tmp_path):
    def rows():
        yield ROWS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_regions(tmp_path / "r.reg", rows())
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.reg \(DS9\) or \.crtf"):
        require_region_writer(tmp_path / "r.txt", "--regions")
