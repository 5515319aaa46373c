"""A source that is small on a map with a finer beam than FIRST's is shown with a narrower one."""

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_maps import bar, celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import Beam, FitsMap, cutout_from_field, flags, read_fits, read_source
from keras_astroattn.images.beam import narrowed_beam, narrowings
from keras_astroattn.images.narrowing import narrowed
from keras_astroattn.images.widening import widened

SIGMA = 1e-4
VLASS = Beam(2.5, 2.5)
NARROW = 2.5 / 5.4


def vlass(length, width=700, seed=1, **options):
    """A bar of some arcsec, seen with 2.5 arcsec, on pixels of 1 arcsec."""
    shape = (width, width)
    return noise(shape, SIGMA, seed) + bar(shape, length, beam=2.5, scale=1.0, **options)


def read(field, beam=2.5, scale=1.0, **options):
    return read_source(field, pixel_scale=scale, beam=beam, **options)


@pytest.mark.parametrize(
    ("beam", "widths"),
    [
        (Beam(2.5, 2.5), [2.5]),  # 5 arcsec is not 1.5 times narrower than 5.4
        (Beam(0.3, 0.3), [2.4, 1.2, 0.6, 0.3]),
        (Beam(1.0, 1.0), [2.0, 1.0]),
        (Beam(3.5, 3.5), [3.5]),
        (Beam(3.7, 3.7), []),
        (Beam(5.4, 5.4), []),
        (Beam(15.0, 9.0), []),
    ],
)
def test_narrower_beams_are_that_of_the_map_and_twice_it(beam, widths):
    shown = [narrowed_beam(beam, factor) for factor in narrowings(beam)]
    assert [one.mean for one in shown] == pytest.approx(widths)
    if shown:
        assert shown[-1] is beam  # which needs no smoothing


def test_an_elongated_beam_is_made_round():
    # 3.2 / 2.0 is above 1.3; 2.9 / 2.3 is not.
    assert [narrowed_beam(Beam(3.2, 2.0, 30.0), f) for f in narrowings(Beam(3.2, 2.0, 30.0))] == [
        Beam(3.2, 3.2)
    ]
    kept = Beam(2.9, 2.3, 30.0)
    assert [narrowed_beam(kept, factor) for factor in narrowings(kept)] == [kept]


@pytest.mark.parametrize(
    ("length", "beam"),
    [
        (12, 2.5),  # 2.2 beams of 5.4 arcsec
        (20, 2.5),  # 3.7
        (40, 5.4),  # 7.4
        (200, 5.4),
        (400, 10.8),  # the frame of 5.4 arcsec is 270 arcsec wide
    ],
)
def test_the_widest_beam_that_shows_five_of_them_is_taken(length, beam):
    found = read(vlass(length))
    assert found.beam.mean == pytest.approx(beam)
    assert found.pixel_scale == pytest.approx(beam / 3)
    assert (flags.SMOOTHED in found.flags) == (beam > 2.5)
    assert found.largest_angular_size == pytest.approx(length, abs=2 * found.pixel_scale)


@pytest.mark.parametrize(("length", "beam"), [(5, 1.0), (8, 1.0), (13, 2.0), (40, 5.4)])
def test_a_beam_between_that_of_the_map_and_first_is_taken(length, beam):
    """On a map of 1 arcsec 8 arcsec are 4 beams of 2 arcsec, and 13 arcsec are 6.5."""
    shape = (900, 900)
    field = noise(shape, SIGMA) + bar(shape, length, beam=1.0, scale=0.4)
    found = read(field, beam=1.0, scale=0.4)
    assert found.beam.mean == pytest.approx(beam)
    assert (flags.SMOOTHED in found.flags) == (beam > 1)


def test_a_point_keeps_its_flux_and_the_noise_is_that_of_the_map():
    """A point of S Jy has a peak of S Jy/beam; it lies midway between pixels, 0.236 beams away."""
    shape = (700, 700)
    field = noise(shape, SIGMA) + gaussian(shape, 349.5, 349.5, 2.5, peak=0.02, scale=0.5)
    found = read(field.astype("f4"), scale=0.5)
    assert found.beam == VLASS
    nearest = 0.02 * np.exp(-4 * np.log(2) * 2 * (0.5 / 3) ** 2)
    assert found.brightness.max() == pytest.approx(nearest, rel=0.03)
    assert found.noise == pytest.approx(SIGMA, rel=0.03)
    assert found.size_in_beams < 0.3


def test_a_source_below_the_noise_of_the_wider_beam_is_found():
    """White noise s of 1 arcsec is s (5.4 / 2.5)^2 / (2 t sqrt(pi)) with 5.4 arcsec, 0.65 s.

    t^2 = (5.4^2 - 2.5^2) / (8 ln 2). Correlated over the beam of 2.5 arcsec the noise is larger: a
    point of 8 sigma has 3.7 there, because it has as many Jy/beam and 2.16 times the noise.
    """
    rng = np.random.default_rng(3)
    shape = (700, 700)
    spectrum = np.fft.rfft2(rng.normal(size=shape))
    v, u = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    width = 2.5 / np.sqrt(8 * np.log(2))
    grain = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * width) ** 2 * (u**2 + v**2)), s=shape)
    field = SIGMA * grain / grain.std() + gaussian(shape, 349.5, 349.5, 2.5, peak=8 * SIGMA)
    first = cutout_from_field(field.astype("f4"), 1.0, 2.5, recentre=True)
    assert flags.NO_SOURCE in first.flags
    found = read(field.astype("f4"))
    assert flags.NO_SOURCE not in found.flags
    assert found.beam == VLASS


def test_a_frame_at_the_position_keeps_firsts_beam():
    field = vlass(12)
    found = read(field, centre="position")
    expected = cutout_from_field(field, 1.0, 2.5)
    assert found.beam.mean == 5.4
    np.testing.assert_array_equal(found.pixels, expected.pixels)


def test_a_map_whose_pixels_do_not_show_its_beam_is_not_narrowed():
    shape = (400, 400)
    field = noise(shape, SIGMA) + bar(shape, 12, beam=2.5, scale=1.4)
    found = read(field, scale=1.4)  # 1.8 pixels a beam
    assert flags.UNDERSAMPLED in found.flags
    assert found.beam.mean == 5.4


@pytest.mark.parametrize("beam", [(5.4, 5.4, 0.0), (6.8, 5.4, 0.0), (15.0, 12.0, 4.0)])
def test_maps_of_firsts_beam_and_wider_ones_do_not_change(tmp_path, beam):
    header = celestial_header((300, 300), beam=beam)
    path = write(tmp_path / "map.fits", noise((300, 300)) + bar((300, 300), 20), header)
    with FitsMap(path) as sky:
        first = sky.cutout(widening=1)
    found = read_fits(path)
    assert found.flags == first.flags
    np.testing.assert_array_equal(found.pixels, first.pixels)


def test_the_map_can_be_asked_for_with_its_own_beam(tmp_path):
    header = celestial_header((700, 700), scale=1.0, beam=(2.5, 2.5, 0.0))
    with FitsMap(write(tmp_path / "map.fits", vlass(40), header)) as sky:
        assert sky.cutout().beam.mean == 5.4
        own = sky.cutout(widening=narrowings(sky.beam)[-1])
    assert own.beam.mean == pytest.approx(2.5)
    assert flags.SMOOTHED not in own.flags
    assert own.largest_angular_size == pytest.approx(40, abs=2)


@pytest.fixture(scope="module")
def views():
    """A source of 12 arcsec with 5.4 and with 2.5 arcsec."""
    field = vlass(12)
    return tuple(cutout_from_field(field, 1.0, 2.5, recentre=True, widening=n) for n in (1, NARROW))


def shown(first, finer, beam=VLASS):
    return narrowed({1: first, NARROW: finer}.__getitem__, beam)


def with_flags(cutout, *more):
    return replace(cutout, flags=(*cutout.flags, *more))


def test_a_narrower_frame_that_holds_the_source_is_shown(views):
    first, finer = views
    assert first.size_in_beams < 5
    assert shown(first, finer) is finer
    assert shown(first, finer, None) is first


@pytest.mark.parametrize(
    "flag",
    [
        flags.INCOMPLETE,
        flags.NO_BEAM,
        flags.NO_WCS,
        flags.NOISE_UNCERTAIN,
        flags.OUTER_LOBES,
        flags.UNDERSAMPLED,
    ],
)
def test_a_first_frame_that_is_not_sound_is_not_narrowed(views, flag):
    first = with_flags(views[0], flag)
    assert narrowed({1: first}.__getitem__, VLASS) is first


@pytest.mark.parametrize(
    "flag",
    [
        flags.BEYOND_FRAME,
        flags.INCOMPLETE,
        flags.NO_SOURCE,
        flags.NOISE_UNCERTAIN,
        flags.OFF_CENTRE,
        flags.OUTER_LOBES,
    ],
)
def test_a_narrower_frame_that_is_not_sound_is_not_used(views, flag):
    first, finer = views
    assert shown(first, with_flags(finer, flag)) is first


def test_a_core_or_a_lobe_does_not_stand_for_the_source(views):
    first, finer = (replace(one, largest_angular_size=20.0) for one in views)
    # 20 arcsec may shrink to 15.95: by 0.75 beams of 5.4 arcsec, or to 15, three quarters.
    assert shown(first, replace(finer, largest_angular_size=14.9)) is first
    whole = replace(finer, largest_angular_size=15.1)
    assert shown(first, whole) is whole
    # Its centroid may be 2.7 arcsec away, half a beam, or 3.2 pixels of 0.83 arcsec.
    x, y = np.subtract(first.centroid, first.stated) * 1.8 / (2.5 / 3) + finer.stated
    near, far = (replace(finer, centroid=(x + away, y)) for away in (3.1, 3.4))
    assert shown(first, near) is near
    assert shown(first, far) is first


def test_a_bright_source_of_a_beam_may_shrink_to_half(views):
    first, finer = views
    first = replace(first, largest_angular_size=8.0)
    # 0.75 beams are 4.05 arcsec; three quarters would be 6.
    small, smaller = (replace(finer, largest_angular_size=size) for size in (4.0, 3.9))
    assert shown(first, small) is small
    assert shown(first, smaller) is first


def test_a_finer_frame_that_is_blank_is_not_used(views):
    first, _ = views

    def cut(widening):
        if widening == 1:
            return first
        raise InputError("the map is blank here")

    assert narrowed(cut, VLASS) is first


def test_a_double_of_two_islands_keeps_its_wider_frame_if_one_is_left():
    """Two hot spots 60 arcsec apart, one below the noise of the map: a lobe is not the source."""
    shape = (700, 700)
    spots = sum(gaussian(shape, 349.5 + x, 349.5, 3.0, peak=4e-3, scale=1.0) for x in (-30.0, 30.0))
    found = read((noise(shape, SIGMA) + spots).astype("f4"))
    assert found.beam.mean == 5.4
    assert found.largest_angular_size == pytest.approx(60, abs=4)


def test_widened_frames_are_not_narrowed():
    field = vlass(400)

    def cut(widening):
        return cutout_from_field(field, 1.0, 2.5, recentre=True, widening=widening)

    found = narrowed(cut, VLASS)
    assert flags.WIDER_BEAM in found.flags
    np.testing.assert_array_equal(found.pixels, widened(cut).pixels)


def test_another_source_far_from_the_position_gives_way_to_one_at_it(views):
    far, finer = with_flags(views[0], flags.OFF_CENTRE), views[1]
    x, y = far.centroid
    other = replace(far, stated=(x + 33.0, y), largest_angular_size=60.0)
    assert shown(other, finer) is finer
    assert shown(other, with_flags(finer, flags.NO_SOURCE)) is other
    # Two lobes about the position are a source, although no part of it is near.
    about = replace(far, stated=(x, y), largest_angular_size=60.0)
    assert shown(about, finer) is about


def test_beams_are_narrowed_until_there_is_a_source(views):
    """On a map of 1 arcsec, the beams are 5.4, 2 and 1 arcsec."""
    first, finer = views
    nothing = [with_flags(first, flags.NO_SOURCE) for _ in range(2)]
    beam = Beam(1.0, 1.0)
    wide, narrow = narrowings(beam)
    frames = {1: nothing[0], wide: nothing[1], narrow: finer}
    assert narrowed(frames.__getitem__, beam) is finer
    assert narrowed({**frames, narrow: nothing[1]}.__getitem__, beam) is nothing[0]
