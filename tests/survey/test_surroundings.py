"""Neighbours in the frame: flagged where they are brightest, black where that is wanted."""

import numpy as np
import pytest
from astropy.io import fits
from support.synthetic_maps import bar, celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap, flags
from keras_astroattn.survey.neighbours import Zones, ZoneWriter
from keras_astroattn.survey.results import NEIGHBOURS, Source, cut_again
from keras_astroattn.survey.surroundings import Surroundings
from keras_astroattn.survey.tiles import MapOptions

SCALE = 1.8 / 3600


def surroundings(tmp_path, neighbours: list[tuple[float, float, int]]):
    """A double at the reference point, and entries at (arcsec east, arcsec north, source)."""
    header = fits.Header()
    for axis, name in enumerate(("RA---TAN", "DEC--TAN"), start=1):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"] = name, 0.0
        header[f"CRPIX{axis}"] = 201
        header[f"CDELT{axis}"] = (-1 if axis == 1 else 1) * SCALE
    header["BMAJ"] = header["BMIN"] = 5.4 / 3600
    header["BUNIT"] = "Jy/beam"
    y, x = np.mgrid[:401, :401]
    sky = np.random.default_rng(0).normal(0, 1e-4, (401, 401)).astype(np.float32)

    def add(column, row, peak):
        sky[:] += peak * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 2 / 1.274**2)

    add(190, 200, 0.02)
    add(210, 200, 0.02)
    add(200, 240, 0.1)  # 72 arcsec north, five times as bright
    fits.PrimaryHDU(sky, header).writeto(tmp_path / "map.fits")
    writer = ZoneWriter(tmp_path / "zones")
    entries = np.array([(0.0, 0.0, 0), *neighbours])
    writer.add(entries[:, 0] / 3600 % 360, entries[:, 1] / 3600, entries[:, 2].astype(int))
    writer.finish()
    return Surroundings(Zones(tmp_path / "zones"), np.zeros(1), np.zeros(1), np.zeros(1, int))


def treated(tmp_path, neighbours, mask):
    near = surroundings(tmp_path, neighbours)
    with FitsMap(tmp_path / "map.fits") as sky:
        plain = sky.cutout((0.0, 0.0))
        return plain, near.treated(plain, sky, 0, mask)


def test_a_brighter_neighbour_is_flagged_and_left(tmp_path):
    plain, found = treated(tmp_path, [(0.0, 72.0, 1)], mask=False)
    assert flags.BRIGHT_NEIGHBOUR in found.flags
    np.testing.assert_array_equal(found.pixels, plain.pixels)


@pytest.mark.parametrize("entry", [(0.0, 72.0, 0), (0.0, 120.0 + 60.0, 1), (30.0, -60.0, 1)])
def test_no_flag_where_the_brightest_is_ours_or_not_theirs(tmp_path, entry):
    """A component of the same source; an entry outside the frame; one that is faint."""
    _, found = treated(tmp_path, [entry], mask=False)
    assert flags.BRIGHT_NEIGHBOUR not in found.flags


def test_a_masked_neighbour_is_black_and_the_source_stretched_again(tmp_path):
    plain, found = treated(tmp_path, [(0.0, 72.0, 1)], mask=True)
    assert {flags.BRIGHT_NEIGHBOUR, flags.NEIGHBOURS_MASKED} <= set(found.flags)
    assert plain.pixels[100:130].max() == 255
    assert found.pixels[100:130].max() < 10  # what is left is noise above 3 sigma
    assert found.pixels[65:85].max() == 255
    assert plain.pixels[65:85].max() < 70
    assert found.noise == plain.noise


def test_emission_that_holds_a_component_of_the_source_stays(tmp_path):
    plain, found = treated(tmp_path, [(18.0, 0.0, 1), (18.0, 1.0, 0)], mask=True)
    np.testing.assert_array_equal(found.pixels, plain.pixels)
    assert flags.NEIGHBOURS_MASKED not in found.flags


def test_a_lobe_with_an_entry_of_its_own_stays(tmp_path):
    """The lobes are 18 arcsec east and west; the catalogue has each of them and no parent."""
    neighbours = [(18.0, 0.0, 0), (-18.0, 0.0, 1), (0.0, 72.0, 2)]
    plain, found = treated(tmp_path, neighbours, mask=True)
    assert flags.NEIGHBOURS_MASKED in found.flags
    assert (found.pixels[plain.source_mask] > 0).all()
    assert found.largest_angular_size == plain.largest_angular_size
    assert found.pixels[100:130].max() < 10
    assert found.neighbours == plain.neighbours == 1


def test_a_neighbour_that_is_taken_for_the_source_is_black(tmp_path):
    """The only entry of the source is on empty sky, and the double is another's."""
    neighbours = [(18.0, 0.0, 1), (-18.0, 0.0, 1)]
    plain, found = treated(tmp_path, neighbours, mask=True)
    assert plain.source_mask[75].any()
    assert not found.pixels[65:85].any()


def test_a_source_is_drawn_as_the_network_saw_it(tmp_path):
    plain, masked = treated(tmp_path, [(0.0, 72.0, 1)], mask=True)
    source = Source(0, 0.0, 0.0, str(tmp_path / "map.fits"), "FRII", 0.9, 0.3)
    with pytest.raises(InputError, match=f"{NEIGHBOURS} is missing"):
        cut_again(tmp_path, MapOptions(), True, source)
    (tmp_path / "zones").rename(tmp_path / NEIGHBOURS)
    for mask, expected in ((True, masked), (False, plain)):
        found = cut_again(tmp_path, MapOptions(), mask, source)
        np.testing.assert_array_equal(found.pixels, expected.pixels)


def test_neighbours_in_all_of_a_wider_frame_are_found(tmp_path):
    """A frame of twice the beam is 540 arcsec wide: an entry 240 arcsec north is on it."""
    shape = (701, 701)
    sky = (
        noise(shape) + bar(shape, 400) + gaussian(shape, 350, 350 + 240 / 1.8, 5.4, 0.3, scale=1.8)
    )
    write(tmp_path / "map.fits", sky.astype("f4"), celestial_header(shape, ra=0.0, dec=0.0))
    writer = ZoneWriter(tmp_path / "zones")
    writer.add(np.array([0.0, 0.0]), np.array([0.0, 240 / 3600]), np.array([0, 1]))
    writer.finish()
    near = Surroundings(Zones(tmp_path / "zones"), np.zeros(1), np.zeros(1), np.zeros(1, int))
    with FitsMap(tmp_path / "map.fits") as opened:
        plain = opened.cutout((0.0, 0.0))
        found = near.treated(plain, opened, 0, mask=True)
    assert {flags.WIDER_BEAM, flags.BRIGHT_NEIGHBOUR, flags.NEIGHBOURS_MASKED} <= set(found.flags)
    row = 74 + round(240 / 3.6)
    assert plain.pixels[row - 3 : row + 4].max() == 255
    assert found.pixels[row - 3 : row + 4].max() < 10
