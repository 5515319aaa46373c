"""A source larger than the frame is shown as a beam two or four times as wide shows it."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.wcs import WCS
from support.synthetic_maps import bar, celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap, cutout_from_field, flags, read_fits, read_source
from keras_astroattn.images.widening import widened

SIGMA = 1e-4


def field_of(length, width, seed=1, **options):
    """A bar of some arcsec in a map of width x width pixels; a frame is 270 arcsec wide."""
    shape = (width, width)
    return noise(shape, SIGMA, seed) + bar(shape, length, **options)


def read(field, **options):
    return read_source(field, pixel_scale=1.8, beam=5.4, **options)


@pytest.mark.parametrize(("length", "width", "factor"), [(200, 300, 1), (400, 700, 2)])
def test_the_first_frame_that_holds_the_source_is_shown(length, width, factor):
    found = read(field_of(length, width))
    assert found.beam.mean == pytest.approx(5.4 * factor)
    assert found.pixel_scale == pytest.approx(1.8 * factor)
    assert (flags.WIDER_BEAM in found.flags) == (factor > 1)
    assert flags.BEYOND_FRAME not in found.flags
    # The size is that on the sky; a pixel more or less on each side.
    assert found.largest_angular_size == pytest.approx(length, abs=2 * found.pixel_scale)
    assert found.size_in_beams == pytest.approx(length / (5.4 * factor), abs=1)


def test_four_times_the_beam_shows_a_source_of_three_frames():
    found = read(field_of(810, 1000))
    assert found.pixel_scale == pytest.approx(7.2)
    assert found.largest_angular_size == pytest.approx(810, abs=15)


def test_a_source_of_five_frames_stays_beyond_the_frame():
    field = field_of(1350, 1000)
    found = read(field)
    plain = cutout_from_field(field, 1.8, 5.4, recentre=True)
    assert flags.BEYOND_FRAME in found.flags
    assert flags.WIDER_BEAM not in found.flags
    np.testing.assert_array_equal(found.pixels, plain.pixels)


def test_a_map_that_does_not_hold_the_source_changes_nothing():
    field = field_of(700, 300)
    found = read(field)
    plain = cutout_from_field(field, 1.8, 5.4, recentre=True)
    assert found.flags == plain.flags
    assert flags.BEYOND_FRAME in found.flags
    np.testing.assert_array_equal(found.pixels, plain.pixels)


def test_a_frame_at_the_position_is_never_widened():
    field = field_of(400, 700)
    found = read(field, centre="position")
    assert flags.BEYOND_FRAME in found.flags
    np.testing.assert_array_equal(found.brightness, field[275:425, 275:425])


def test_a_map_without_a_beam_is_not_widened():
    found = read_source(field_of(400, 700), pixel_scale=1.8)
    assert {flags.BEYOND_FRAME, flags.NO_BEAM} <= set(found.flags)
    assert found.pixel_scale == 1.8


def test_a_point_keeps_its_flux_per_beam_and_its_place_on_the_sky(tmp_path):
    """A point of S Jy has a peak of S Jy/beam with every beam."""
    shape = (700, 700)
    field = field_of(400, 700) + gaussian(shape, 420, 440, 5.4, peak=0.02, scale=1.8)
    header = celestial_header(shape)
    found = read_fits(write(tmp_path / "map.fits", field.astype("f4"), header))
    assert found.pixel_scale == pytest.approx(3.6)
    sky = WCS(header).pixel_to_world(420, 440)
    x, y = found.wcs.world_to_pixel(sky)
    column, row = round(float(x)), round(float(y))
    near = found.brightness[row - 1 : row + 2, column - 1 : column + 2]
    beam = 3  # pixels
    expected = 0.02 * np.exp(-4 * np.log(2) * ((column - x) ** 2 + (row - y) ** 2) / beam**2)
    assert near.max() == near[1, 1] == pytest.approx(expected, rel=0.05)
    # The source is in the middle of the frame, and the position is that which was asked for.
    assert found.centroid == pytest.approx((0, 0), abs=1)
    assert found.position == pytest.approx((180.0, 30.0), abs=1e-6)


def test_the_noise_is_that_of_the_wider_beam():
    """White noise s, smoothed with a Gaussian of dispersion t pixels, is s / (2 t sqrt(pi)).

    From 5.4 to 10.8 arcsec, t^2 = (6^2 - 3^2) / (8 ln 2) pixels^2, and the beam's area grows by 4.
    """
    t = np.sqrt((6**2 - 3**2) / (8 * np.log(2)))
    found = read(field_of(400, 700))
    assert found.noise == pytest.approx(4 * SIGMA / (2 * t * np.sqrt(np.pi)), rel=0.05)


def test_a_noise_map_serves_the_wider_frame(tmp_path):
    header = celestial_header((700, 700))
    path = write(tmp_path / "map.fits", field_of(400, 700), header)
    rms = write(tmp_path / "rms.fits", np.full((700, 700), 2 * SIGMA, "f4"), header)
    measured, given = read_fits(path), read_fits(path, rms_map=rms)
    assert flags.WIDER_BEAM in given.flags
    assert given.noise == pytest.approx(2 * measured.noise, rel=0.05)


def test_more_of_a_map_is_read_only_for_a_source_that_needs_it(tmp_path, monkeypatch):
    field = field_of(100, 1400, y=350) + bar((1400, 1400), 400, y=1000)
    header = celestial_header((1400, 1400))
    widths = []
    read_part = FitsMap.read
    monkeypatch.setattr(
        FitsMap,
        "read",
        lambda self, low, high, block: (
            widths.append(high[0] - low[0]) or read_part(self, low, high, block)
        ),
    )
    with FitsMap(write(tmp_path / "map.fits", field, header)) as sky:
        small, large = sky.positions(np.array([(699.5, 350.0), (699.5, 1000.0)]))
        assert flags.WIDER_BEAM not in sky.cutout(tuple(small)).flags
        assert len(widths) == 1
        assert flags.WIDER_BEAM in sky.cutout(tuple(large)).flags
        assert len(widths) == 3
        assert widths[0] == widths[1] < widths[2]


@pytest.fixture(scope="module")
def views():
    """A source at the edge of the frame, and the whole of it with twice the beam."""
    field = field_of(400, 700)
    first, wide = (cutout_from_field(field, 1.8, 5.4, recentre=True, widening=n) for n in (1, 2))
    return first, wide


def with_flags(cutout, *more):
    return replace(cutout, flags=(*cutout.flags, *more))


@pytest.mark.parametrize("flag", [flags.INCOMPLETE, flags.NO_SOURCE, flags.NOISE_UNCERTAIN])
def test_a_wider_frame_that_is_not_sound_is_not_used(views, flag):
    first, wide = views
    assert widened({1: first, 2: with_flags(wide, flag)}.get) is first


@pytest.mark.parametrize(
    "flag",
    [
        flags.INCOMPLETE,
        flags.NO_BEAM,
        flags.NO_WCS,
        flags.NOISE_UNCERTAIN,
        flags.OFF_CENTRE,
    ],
)
def test_a_first_frame_that_is_not_sound_is_not_widened(views, flag):
    first = with_flags(views[0], flag)
    assert widened({1: first}.__getitem__) is first


def test_an_empty_position_does_not_get_the_class_of_a_giant_beside_it():
    """The bar of 400 arcsec lies 60 pixels above the position."""
    field = field_of(400, 700, y=350 + 60)
    found = read(field)
    assert {flags.OFF_CENTRE, flags.BEYOND_FRAME} <= set(found.flags)
    assert flags.WIDER_BEAM not in found.flags


def test_a_part_of_the_source_does_not_stand_for_it(views):
    first, wide = views
    part = replace(wide, largest_angular_size=0.7 * first.largest_angular_size)
    assert widened({1: first, 2: part}.get) is first


@pytest.mark.parametrize("place", [(0.6, 0.0), (-0.6, 0.0), (0.0, 0.15)])
def test_a_galaxy_about_another_place_does_not_stand_for_the_source(views, place):
    """The places are in units of the length of the bar, along it and across it."""
    first, wide = views
    assert widened({1: first, 2: wide}.get).pixel_scale == wide.pixel_scale
    stated = tuple(400 / wide.pixel_scale * axis for axis in place)
    assert widened({1: first, 2: replace(wide, stated=stated)}.get) is first


def test_a_tail_that_starts_at_the_position_stands_for_the_source(views):
    first, wide = views
    stated = tuple(400 / wide.pixel_scale * axis for axis in (0.45, 0.0))
    wide = replace(wide, covariance=wide.covariance / 2)  # of a source that fades
    assert widened({1: first, 2: replace(wide, stated=stated)}.get) is first
    brightness = wide.brightness.copy()
    brightness[75, 75 + round(stated[0])] = 2 * brightness[wide.source_mask].max()
    tail = replace(wide, stated=stated, brightness=brightness)
    assert widened({1: first, 2: tail}.get).pixel_scale == wide.pixel_scale
    assert widened({1: first, 2: with_flags(tail, flags.CONFUSED)}.get) is first


def test_a_point_that_touches_a_giant_does_not_get_its_class():
    """The giant is larger than the frame, and the point lies at its end."""
    field = noise((700, 700), SIGMA, 1) + bar((700, 700), 250, x=350 + 78)
    field += gaussian(field.shape, 350, 350, 5.4, peak=0.004, scale=1.8).astype("f4")
    found = read_source(field, pixel_scale=1.8, beam=5.4)
    assert flags.BEYOND_FRAME in found.flags
    assert flags.WIDER_BEAM not in found.flags


def test_lobes_beyond_the_frame_do_not_change_it(views):
    first, wide = views
    first = replace(first, flags=(flags.OUTER_LOBES,))
    assert widened({1: first, 2: wide}.get) is first


def test_a_wider_frame_with_lobes_beyond_it_does_not_hold_the_source(views):
    first, wide = views
    doubtful = replace(wide, flags=(flags.OUTER_LOBES,))
    assert widened({1: first, 2: doubtful, 4: doubtful}.get) is first


def test_a_map_that_cannot_be_regridded_keeps_its_first_frame(views):
    first, _ = views

    def cut(widening):
        if widening == 1:
            return first
        raise InputError("the axes of the map are not at right angles here")

    assert widened(cut) is first
