import numpy as np
import pytest
from scipy import ndimage
from support.synthetic_maps import gaussian, noise

from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_field, flags, measure_extent
from keras_astroattn.images.islands import label_islands

SIGMA = 1.5e-4


def first_like(*sources):
    """Gaussians (x, y, width arcsec, peak in sigma) of at least FIRST's beam in white noise."""
    field = noise((300, 300), SIGMA, seed=8)
    for x, y, width, snr in sources:
        field += gaussian((300, 300), x, y, width, peak=snr * SIGMA, scale=1.8).astype(np.float32)
    return cutout_from_field(field, 1.8, 5.4)


@pytest.mark.parametrize("fill", [0.05, 0.4, 0.6, 0.95])
def test_islands_are_scipys(fill):
    bright = np.random.default_rng(7).random((90, 70)) < fill
    points, labels = label_islands(bright)
    expected, count = ndimage.label(bright, np.ones((3, 3)))
    theirs = expected[points[:, 0], points[:, 1]]
    assert len(np.unique(labels)) == count
    assert len(np.unique(np.stack([labels, theirs]), axis=1).T) == count


def test_island_that_winds_through_the_whole_frame_is_one():
    bright = np.zeros((41, 41), bool)
    bright[::2] = True
    bright[1::4, -1] = bright[3::4, 0] = True
    assert np.unique(label_islands(bright)[1]).tolist() == [0]


def test_nothing_bright_has_no_islands():
    assert label_islands(np.zeros((5, 5), bool))[1].size == 0
    assert not measure_extent(np.zeros((150, 150))).found


@pytest.mark.parametrize("snr", [8, 20, 100, 1000, 10000])
def test_point_source_of_any_brightness_has_hardly_any_size(snr):
    cutout = first_like((149.5, 149.5, 5.4, snr))
    assert cutout.largest_angular_size < 3.6
    assert cutout.size_in_beams < 0.7
    assert cutout.peak_snr == pytest.approx(snr, rel=0.25)
    assert (flags.LOW_SNR in cutout.flags) == (snr < 10)


@pytest.mark.parametrize("separation", [20, 36, 60, 90])
def test_double_is_as_long_as_its_hot_spots_are_apart(separation):
    half = separation / 2
    cutout = first_like((149.5 - half, 149.5, 5.4, 60), (149.5 + half, 149.5, 5.4, 60),
                        (149.5, 149.5, 5.4, 15))  # fmt: skip
    assert cutout.largest_angular_size == pytest.approx(separation * 1.8, abs=4)


def test_lobes_are_found_without_a_core():
    cutout = first_like((149.5 - 25, 140, 5.4, 60), (149.5 + 25, 159, 5.4, 90))
    assert cutout.largest_angular_size == pytest.approx(np.hypot(50, 19) * 1.8, abs=4)


def test_faint_neighbours_of_a_bright_source_are_no_lobes():
    cutout = first_like((149.5, 149.5, 5.4, 900), (149.5 - 40, 149.5, 5.4, 60),
                        (149.5 + 40, 149.5, 5.4, 60))  # fmt: skip
    assert cutout.largest_angular_size < 3.6


def test_far_neighbour_is_another_galaxy():
    cutout = first_like((149.5, 149.5, 5.4, 60), (149.5 + 60, 149.5, 5.4, 60))
    assert cutout.largest_angular_size < 3.6
    assert flags.BEYOND_FRAME not in cutout.flags


def test_noise_alone_is_no_source():
    cutout = first_like()
    assert flags.NO_SOURCE in cutout.flags
    assert np.isnan(cutout.largest_angular_size)


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_map_of_one_value_is_blank(value):
    with pytest.raises(InputError, match="blank here"):
        cutout_from_field(np.full((300, 300), value), 1.8, 5.4)


def test_map_without_noise_shows_its_source():
    field = np.zeros((300, 300), np.float32)
    field[145:155, 140:160] = 1.0
    cutout = cutout_from_field(field, 1.8, 5.4)
    assert flags.NO_SOURCE not in cutout.flags
    assert cutout.pixels.max() == 255
    assert cutout.source_fraction == pytest.approx(200 / 150**2)
    assert cutout.flags == (flags.NOISE_UNCERTAIN,)
    assert np.isnan(cutout.noise)
    assert np.isnan(cutout.peak_snr)


def test_source_next_to_the_middle_is_flagged():
    assert flags.OFF_CENTRE in first_like((149.5 + 30, 149.5, 5.4, 60)).flags
    assert flags.OFF_CENTRE not in first_like((149.5 + 8, 149.5, 5.4, 60)).flags


def test_emission_over_the_border_of_the_frame_is_flagged():
    field = noise((300, 300), SIGMA, seed=9)
    field[146:154, 60:240] += 20 * SIGMA
    assert flags.BEYOND_FRAME in cutout_from_field(field, 1.8, 5.4).flags
    field[:, :90] = field[:, 210:] = noise((300, 90), SIGMA, seed=2)
    assert flags.BEYOND_FRAME not in cutout_from_field(field, 1.8, 5.4).flags


def test_source_fraction_is_the_share_above_three_sigma():
    snr_map = np.zeros((150, 150), np.float32)
    snr_map[70:80, 60:90] = 0.02
    cutout = cutout_from_field(snr_map, 1.8, 5.4, noise=0.001)
    assert cutout.source_fraction == pytest.approx(300 / 22500)
    assert cutout.peak_snr == pytest.approx(20)
