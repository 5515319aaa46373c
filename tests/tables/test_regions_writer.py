"""Regions of classified sources, read back by the `regions` library."""

import pytest

from keras_astroattn.colours import BLUE, GREY, SKY
from keras_astroattn.errors import InputError
from keras_astroattn.tables import COLUMNS, require_region_writer, write_regions

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


@pytest.mark.parametrize("suffix", [".reg", ".crtf"])
def test_each_source_is_a_circle_of_its_size_colour_and_label(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    assert write_regions(path, ROWS) == 3
    found = regions.Regions.read(path, format="ds9" if suffix == ".reg" else "crtf")
    assert [type(one).__name__ for one in found] == ["CircleSkyRegion"] * 3
    assert [one.center.icrs.ra.deg for one in found] == [180.0, 359.999, 10.0]
    assert [one.center.icrs.dec.deg for one in found] == [-30.5, 0.0, 89.0]
    # Half of the size plus the beam; 10 arcsec where neither is known.
    assert [one.radius.to_value("arcsec") for one in found] == [22.7, 2.7, 10.0]
    texts = [one.meta.get("text", one.meta.get("label")) for one in found]
    assert texts == ["FRI 0.88", "compact", "error"]
    colours = [one.visual.get("edgecolor", one.visual.get("color")) for one in found]
    assert colours == [BLUE, SKY, GREY]


def test_columns_may_have_a_prefix(tmp_path):
    rows = [{f"aa_{name}": value for name, value in row.items()} for row in ROWS]
    write_regions(tmp_path / "a.reg", ROWS)
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
