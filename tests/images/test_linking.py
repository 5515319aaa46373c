"""Islands are linked to the source only if a neighbour is unlikely to lie there by chance.

The frames are blocks of constant brightness, so that fluxes, gaps and counts follow by hand. A
source of 10 x 10 pixels has an extent of hypot(9, 9) = 12.7 pixels. The faintest island of a beam
of 3 pixels has a flux S0 = 1.133 x 9 x (5 - 3) = 20.4, and an island of 3 x 3 pixels of 5 has 45:
(45 / 20.4)^-1.1 = 0.42.
"""

import numpy as np
import pytest

from keras_astroattn.images import measure_extent
from keras_astroattn.images.islands import find_islands
from keras_astroattn.images.linking import divide

ONE_ISLAND = 9  # pixels


def frame(gap: int, others: int = 0, neighbour: float = 5.0):
    """A source in the middle, an island `gap` pixels to its right, and others in the corner."""
    snr = np.zeros((150, 150))
    snr[70:80, 70:80] = 50
    snr[73:76, 79 + gap : 82 + gap] = neighbour
    for number in range(others):
        row, column = divmod(number, 12)
        snr[2 + 8 * row : 5 + 8 * row, 2 + 8 * column : 5 + 8 * column] = 5
    return snr


@pytest.mark.parametrize("gap", [4, 8, 16])
def test_an_island_in_an_empty_frame_belongs_to_the_source(gap):
    # 0.5 x 0.42 x (pi 16^2 + 2 x 16 x 12.7) / 22500 = 0.011 at the largest gap.
    found = measure_extent(frame(gap))
    assert found.mask.sum() == 100 + ONE_ISLAND
    assert not found.confused


def test_an_island_beyond_twice_its_extent_does_not():
    # Twice the extent of an island of 3 x 3 pixels is less than the least reach, 16 pixels.
    assert measure_extent(frame(17)).mask.sum() == 100


def test_a_neighbour_in_a_crowded_frame_is_another_source():
    # 20 islands as bright: 20 x (pi 8^2 + 2 x 8 x 12.7) / 22500 = 0.36.
    found = measure_extent(frame(8, others=20))
    assert found.mask.sum() == 100
    assert not found.confused
    assert found.size == pytest.approx(measure_extent(frame(60)).size)


@pytest.mark.parametrize(("gap", "others", "wanted"), [(8, 0, 0), (17, 0, 1), (8, 20, 21)])
def test_islands_that_are_not_linked_are_neighbours(gap, others, wanted):
    assert measure_extent(frame(gap, others)).neighbours == wanted


@pytest.mark.parametrize(
    ("gap", "brightness", "is_certain"),
    [
        # 0.5 (9 b / 20.4)^-1.1 (pi gap^2 + 2 gap 12.7) / 22500, b the brightness
        (8, 5, False),  # 0.0038
        (8, 10, True),  # 0.0018
        (16, 10, False),  # 0.0051
        (16, 40, True),  # 0.0011
        (3, 5, True),  # 0.0010
    ],
)
def test_an_island_is_certain_if_chance_brings_few_as_near(gap, brightness, is_certain):
    found = measure_extent(frame(gap, neighbour=brightness))
    assert found.mask.sum() == 100 + ONE_ISLAND
    assert found.certain_size == (found.size if is_certain else found.main_size)
    assert found.size > found.main_size


def test_an_island_that_touches_in_a_crowded_frame_is_not_certain():
    found = measure_extent(frame(4, others=100))
    assert found.mask.sum() == 100 + ONE_ISLAND
    assert found.certain_size == found.main_size < found.size


def test_a_doubtful_neighbour_is_left_out_and_flagged():
    # 3 islands as bright: 3 x 405 / 22500 = 0.054.
    found = measure_extent(frame(8, others=3))
    assert found.mask.sum() == 100
    assert found.confused


def test_a_bright_neighbour_of_a_crowded_frame_is_linked():
    # 20 islands, all fainter than 9 x 50 = 450: 20.5 (450 / 20.4)^-1.1 x 405 / 22500 = 0.012.
    assert measure_extent(frame(8, others=20, neighbour=50)).mask.sum() == 100 + ONE_ISLAND


def test_pieces_of_a_source_are_linked_in_any_frame():
    assert measure_extent(frame(4, others=100)).mask.sum() == 100 + ONE_ISLAND


def test_an_island_nearer_to_the_middle_than_the_source_is_confused_with_it():
    snr = np.zeros((150, 150))
    snr[66:82, 96:112] = 100  # 22 pixels from the middle, and 95 times the flux
    assert not measure_extent(snr).confused
    snr[74:77, 64:67] = 30  # 8 pixels from the middle
    found = measure_extent(snr)
    assert found.mask[70, 100]
    assert not found.mask[75, 65]
    assert found.confused


def test_an_island_at_the_position_is_the_source_next_to_any_neighbour():
    snr = np.zeros((150, 150))
    snr[66:82, 120:136] = 1000  # 950 times the flux, beyond the longest gap
    snr[74:77, 73:76] = 30
    found = measure_extent(snr)
    assert found.mask.sum() == ONE_ISLAND
    assert found.mask[74, 74]


def test_the_centroid_is_that_of_the_flux_of_the_source_alone():
    found = measure_extent(frame(8, others=20))
    assert found.centroid == (0.0, 0.0)
    linked = measure_extent(frame(8))
    # 100 pixels of 50 in the middle, 9 of 5 at column 88, 13.5 pixels from 74.5; row 74.
    assert linked.centroid[0] == pytest.approx(45 * 13.5 / 5045)
    assert linked.centroid[1] == pytest.approx(45 * -0.5 / 5045)


@pytest.mark.parametrize(
    ("brighter", "sources", "confused"),
    [(0, 1, False), (1, 1, False), (5, 2, True), (20, 2, False)],
)
def test_two_lobes_far_apart_are_one_source_unless_as_bright_islands_are_common(
    brighter, sources, confused
):
    # Lobes of 10 x 10 pixels across a gap of 60: (pi 60^2 + 2 x 60 x 12.7) / 900^2 = 0.016 for
    # each brighter island. 0.02 links; below 0.3 they may be one source.
    snr = np.zeros((900, 900))
    snr[445:455, 410:420] = snr[445:455, 479:489] = 50
    for number in range(brighter):
        left = 5 + 300 * (number % 3)
        top = 5 + 215 * (number // 3 % 4) if number < 12 else 110 + 215 * (number // 3 % 4)
        snr[top : top + 4, left : left + 4] = 1000
    lobes = [one for one in divide(find_islands(snr), 3.0, snr.size) if one.islands[0].peak == 50]
    assert len(lobes) == sources
    assert [one.confused for one in lobes] == [confused] * sources


def point_and_galaxy():
    """A point source of 450 in the middle and a galaxy of 64000, 20 pixels apart."""
    snr = np.zeros((150, 150))
    snr[74:77, 73:76] = 50
    snr[66:82, 95:111] = 250
    return snr


def test_a_point_source_is_not_linked_to_a_much_brighter_galaxy():
    # By its flux alone the galaxy is rare: 1.5 (64000 / 20.4)^-1.1 x 0.1 = 0.00002.
    found = measure_extent(point_and_galaxy())
    assert found.mask.sum() == ONE_ISLAND
    assert found.size == 0
    assert found.confused


def test_a_brighter_neighbour_across_a_small_gap_is_linked():
    snr = point_and_galaxy()
    snr[66:82, 86:95] = 250  # the gap is now 11 pixels
    assert measure_extent(snr).mask.sum() == ONE_ISLAND + 16 * 25


def test_islands_a_little_fainter_show_that_bright_islands_are_common():
    snr = frame(14, neighbour=50)
    assert measure_extent(snr).mask.sum() == 100 + ONE_ISLAND
    # 8 islands of 225 beside one of 450: 8 x 2^-1.1 x (pi 14^2 + 2 x 14 x 12.7) / 22500 = 0.16.
    for column in range(8):
        snr[2:5, 2 + 8 * column : 5 + 8 * column] = 25
    found = measure_extent(snr)
    assert found.mask.sum() == 100
    assert not found.confused


def lobes():
    """A core of 9 x 20, two lobes of 16 x 25 about it, and an unrelated island of 9 x 20."""
    snr = np.zeros((150, 150))
    snr[74:77, 74:77] = 20
    snr[73:77, 10:14] = snr[73:77, 136:140] = 25
    snr[2:5, 70:73] = 20
    return snr


def test_lobes_on_opposite_sides_are_linked_at_any_distance():
    # 1 neighbour: 1.5 (400 / 20.4)^-1.1 x pi 8^2 / 22500 = 0.0005.
    assert measure_extent(lobes()).mask.sum() == 9 + 2 * 16


def test_lobes_further_apart_than_a_galaxy_is_long_are_not_linked():
    # Their middles are 126 pixels apart, along a row.
    assert measure_extent(lobes(), pixel_scale=900 / 127).mask.sum() == 9 + 2 * 16
    found = measure_extent(lobes(), pixel_scale=900 / 125)
    assert found.mask.sum() == 9
    assert found.confused


def test_a_shorter_pair_is_linked_if_the_best_one_is_too_long():
    snr = lobes()
    snr[74:77, 45:49] = snr[74:77, 101:105] = 22  # fainter than the far pair
    assert measure_extent(snr).mask[75, 12]
    found = measure_extent(snr, pixel_scale=900 / 125)
    assert not found.mask[75, 12]
    assert found.mask[75, 46]


def test_lobes_are_linked_only_if_an_island_is_unlikely_to_lie_opposite():
    # 6 islands of 400 or more: 6 x pi 8^2 / 22500 = 0.054.
    snr = lobes()
    for column in range(6):
        snr[140:144, 40 + 8 * column : 44 + 8 * column] = 26
    found = measure_extent(snr)
    assert found.mask.sum() == 9
    assert found.confused


def test_a_faint_island_at_the_position_is_the_source_next_to_one_a_hundred_times_brighter():
    snr = np.zeros((150, 150))
    snr[66:82, 100:116] = 1000
    snr[74:77, 73:76] = 10  # a hundredth of the peak
    found = measure_extent(snr)
    assert found.mask.sum() == ONE_ISLAND
    snr[74:77, 73:76] = 0
    snr[74:77, 63:66] = 10  # the same 9 pixels from the position: a sidelobe
    assert measure_extent(snr).mask[70, 105]


def double(separation: int):
    """Two lobes of 16 x 6 about the middle, and an unrelated island of 9 x 5."""
    snr = np.zeros((150, 150))
    half = separation // 2
    snr[73:77, 73 - half : 77 - half] = snr[73:77, 73 + half : 77 + half] = 6
    snr[2:5, 20:23] = 5
    return snr


@pytest.mark.parametrize(
    ("separation", "position", "is_certain"),
    [
        # 2 islands of 96 or more, the lobes themselves; pairs of separation s:
        # (2 pi (s / 2)^2 / 22500) (2 pi g^2 / 22500), g at least 3.
        (24, (0, 0), True),  # 0.00010
        (24, (2, 0), True),  # g = 4: 0.00018
        (24, (4, 0), False),  # g = 8: 0.00072
        (50, (0, 0), True),  # 0.00044
        (60, (0, 0), False),  # 0.00063
        (24, (10, 0), False),  # 2 pixels from one of them
        (24, (0, 6), False),  # a quarter of their separation from their middle
    ],
)
def test_two_lobes_about_the_position_are_certain(separation, position, is_certain):
    # One alone, opposite to the other: 0.43 pi 8^2 / 22500 = 0.0039, linked but not certain.
    found = measure_extent(double(separation), position=position)
    assert found.mask.sum() == 32
    assert found.certain_size == (found.size if is_certain else found.main_size)
    assert found.size > found.main_size
