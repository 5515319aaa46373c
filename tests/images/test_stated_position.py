"""Place of the stated position in the source that is found near it."""

import numpy as np
import pytest
from support.synthetic_maps import gaussian, noise

from keras_astroattn.edge import LabelRules
from keras_astroattn.edge.labels import COMPACT, UNCERTAIN
from keras_astroattn.images import cutout_from_field, flags

SIGMA = 1e-4
SHAPE, MIDDLE = (300, 300), 149.5


def sky(*sources):
    """Gaussians (x, y from the middle in pixels, width in arcsec, peak over noise) in noise."""
    field = noise(SHAPE, SIGMA, seed=5)
    for x, y, width, ratio in sources:
        one = gaussian(SHAPE, MIDDLE + x, MIDDLE + y, width, peak=ratio * SIGMA, scale=1.8)
        field += one.astype("f4")
    return field


def cut(*sources, **options):
    return cutout_from_field(sky(*sources), 1.8, 5.4, as_is=True, recentre=True, **options)


def test_the_position_is_known_in_a_frame_that_was_moved():
    found = cut((8, 0, 5.4, 80), (22, 0, 5.4, 80))
    assert flags.RECENTRED in found.flags
    # Midway between the points, by whole pixels; the position lies before the first one.
    assert found.stated == pytest.approx((-15, 0), abs=1)


GALAXY = ((16, 0, 12, 200), (28, 0, 12, 200))


def test_a_point_with_a_galaxy_on_one_side_gets_no_class():
    found = cut((0, 0, 5.4, 60), *GALAXY)
    assert flags.ONE_SIDED in found.flags
    assert found.source_mask.sum() > 100
    rules = LabelRules()
    assert rules.before_network(found) is None
    assert rules.after_network(np.array([0.0, 1.0]), found) == UNCERTAIN


def test_lobes_on_both_sides_of_a_core_are_its_own():
    found = cut((0, 0, 5.4, 60), (-14, 0, 12, 200), (14, 0, 12, 200))
    assert found.size_in_beams > 8
    assert flags.ONE_SIDED not in found.flags


def test_a_jet_that_starts_at_its_core_is_its_own():
    assert flags.ONE_SIDED not in cut((0, 0, 5.4, 60), (4, 0, 8, 40), (9, 0, 12, 20)).flags


def test_a_point_alone_is_compact():
    found = cut((0, 0, 5.4, 60))
    assert flags.ONE_SIDED not in found.flags
    assert LabelRules().before_network(found) == COMPACT


def test_a_source_that_does_not_reach_its_position_may_be_one_lobe():
    lobe = (18, 0, 12, 200)
    alone = cut(lobe)
    assert flags.OFF_SOURCE in alone.flags
    rules = LabelRules()
    assert rules.before_network(alone) is None
    assert rules.after_network(np.array([1.0, 0.0]), alone) == UNCERTAIN
    both = cut(lobe, (-18, 0, 12, 200))
    assert flags.OFF_SOURCE not in both.flags


def test_a_small_error_of_the_position_is_not_off_the_source():
    found = cut((5, 0, 5.4, 60))
    assert flags.RECENTRED in found.flags
    assert flags.OFF_SOURCE not in found.flags


def test_a_position_near_the_end_of_a_long_source_is_not_off_it():
    found = cut(*((x, 0, 9, 100) for x in range(0, 32, 4)))
    assert found.offset > 2 * 5.4
    assert flags.OFF_SOURCE not in found.flags
