"""Lobes beyond the frame of a source that shows its core alone in it."""

import numpy as np
import pytest
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.edge import LabelRules
from keras_astroattn.edge.labels import COMPACT, UNCERTAIN
from keras_astroattn.images import FitsMap, cutout_from_field, flags, read_fits, read_source

SIGMA = 1e-4
WIDTH = 700
HALF = 75  # pixels of the frame on each side of the core


def sky(*sources, width=WIDTH, scale=1.8, seed=3):
    """Gaussians (x, y from the middle in arcsec, width in arcsec, peak in sigma) in noise."""
    field, middle = noise((width, width), SIGMA, seed), (width - 1) / 2
    for x, y, size, ratio in sources:
        place = (middle + x / scale, middle + y / scale)
        peak = ratio * SIGMA
        field += gaussian((width, width), *place, size, peak=peak, scale=scale).astype("f4")
    return field


def giant(x=200.0, size=40.0, core=80.0, **options):
    """A core, and a lobe on each side; a frame reaches 135 arcsec from its middle."""
    y = 0.3 * x
    return sky((0, 0, 5.4, core), (x, y, size, 30), (-x, -y, size, 30), **options)


def first_frame(field, scale=1.8, beam=5.4, **options):
    return cutout_from_field(field, scale, beam, recentre=True, **options)


def test_lobes_beyond_the_frame_are_flagged():
    found = first_frame(giant())
    assert flags.OUTER_LOBES in found.flags
    assert flags.BEYOND_FRAME not in found.flags
    assert found.size_in_beams < 1


def test_lobes_beyond_the_frame_do_not_widen_it():
    """They may be two other galaxies, on opposite sides by chance."""
    found = read_source(giant(), pixel_scale=1.8, beam=5.4)
    assert flags.OUTER_LOBES in found.flags
    assert flags.WIDER_BEAM not in found.flags
    assert found.pixel_scale == 1.8


@pytest.mark.parametrize("scale", [1.3, 1.8, 2.2])
def test_the_pixels_of_the_map_do_not_matter(scale):
    field = giant(width=round(WIDTH * 1.8 / scale), scale=scale)
    assert flags.OUTER_LOBES in first_frame(field, scale).flags


def test_the_beam_of_the_map_does_not_matter():
    """A frame of a beam of 10.8 arcsec is twice as wide."""
    x, y = 400.0, 120.0
    field = sky((0, 0, 10.8, 80), (x, y, 80, 30), (-x, -y, 80, 30), scale=3.6)
    assert flags.OUTER_LOBES in first_frame(field, 3.6, 10.8).flags


def test_neighbours_that_are_points_are_no_lobes():
    """Two points on opposite sides are linked, but no lobe of a giant is a point."""
    field = giant(size=5.4)
    assert flags.OUTER_LOBES not in first_frame(field).flags
    assert flags.WIDER_BEAM not in read_source(field, pixel_scale=1.8, beam=5.4).flags


def test_one_galaxy_beside_the_source_is_no_lobe():
    field = sky((0, 0, 5.4, 80), (200, 60, 40, 30))
    assert flags.OUTER_LOBES not in first_frame(field).flags


def test_nothing_is_looked_for_beyond_a_frame_without_a_source():
    field = giant(core=0)
    found = cutout_from_field(field, 1.8, 5.4)
    assert flags.NO_SOURCE in found.flags
    assert flags.OUTER_LOBES not in found.flags


def test_lobes_on_unknown_pixels_are_not_seen():
    field = giant()
    middle = WIDTH // 2
    field[:, middle + HALF + 5 :] = field[:, : middle - HALF - 5] = np.nan
    assert flags.OUTER_LOBES not in first_frame(field).flags


def test_a_frame_at_the_position_is_flagged_too():
    found = read_source(giant(), pixel_scale=1.8, beam=5.4, centre="position")
    assert flags.OUTER_LOBES in found.flags
    assert LabelRules().before_network(found) == COMPACT


def test_a_map_that_ends_just_beyond_the_lobes_is_large_enough(tmp_path):
    field = giant(180.0, width=240)
    found = read_fits(write(tmp_path / "map.fits", field, celestial_header(field.shape)))
    assert flags.OUTER_LOBES in found.flags


def test_the_inner_jets_of_a_giant_get_no_class():
    """Two jets of 20 arcsec in the frame, lobes beyond it."""
    x, y = 200, 60
    field = sky((12, 9, 12, 60), (-12, -9, 12, 60), (x, y, 40, 30), (-x, -y, 40, 30))
    found = first_frame(field)
    rules = LabelRules()
    assert flags.OUTER_LOBES in found.flags
    assert rules.before_network(found) is None
    assert rules.after_network(np.array([0.99, 0.01]), found) == UNCERTAIN


def test_a_noise_map_serves_the_outskirts(tmp_path):
    field, header = giant(), celestial_header((WIDTH, WIDTH))
    path = write(tmp_path / "map.fits", field, header)
    for level, is_found in ((SIGMA, True), (20 * SIGMA, False)):
        rms = np.full(field.shape, level, "f4")
        middle = WIDTH // 2
        frame = slice(middle - HALF, middle + HALF)
        rms[frame, frame] = SIGMA
        rms = write(tmp_path / f"rms{is_found}.fits", rms, header)
        with FitsMap(path, centre="position") as sky, FitsMap(rms) as noise_map:
            assert (flags.OUTER_LOBES in sky.cutout(noise=noise_map).flags) == is_found
