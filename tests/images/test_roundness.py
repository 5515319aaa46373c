"""Rings and smooth round patches, against arithmetic by hand and simulated galaxies."""

import math

import numpy as np
import pytest
from support.synthetic_maps import gaussian, noise

from keras_astroattn.datasets import simulation
from keras_astroattn.images import (
    cutout_from_array,
    cutout_from_field,
    flags,
    measure_extent,
    read_fits,
)
from keras_astroattn.images.roundness import (
    LEAST_WIDTH,
    MOST_ELONGATED,
    MOST_SPREAD,
    MOST_UNEVEN,
    on_circle,
    spread,
    unevenness,
)
from keras_astroattn.samples import sample_paths

SHAPE, MIDDLE, SIGMA = (300, 300), 149.5, 1e-4
ROW, COLUMN = np.indices((150, 150)) - 74.5
RADIUS = np.hypot(ROW, COLUMN)


def blob(width, minor=None, angle=0.0, x=74.5, y=74.5, peak=100.0):
    """A Gaussian on (150, 150) pixels in units of the noise; widths in pixels."""
    return gaussian((150, 150), x, y, width, minor, angle, peak)


def ring(radius, width, peak=100.0):
    return peak * np.exp(-4 * math.log(2) * ((RADIUS - radius) / width) ** 2)


def equal(angles, radii=1.0):
    """Places at angles in degrees, and equal weights."""
    places = np.asarray(radii) * np.exp(1j * np.radians(angles))
    return places, np.full(len(places), 1 / len(places))


@pytest.mark.parametrize(
    ("angles", "wanted"),
    [
        ([0, 180], 1.0),
        ([0], math.sqrt(2)),
        ([0, 120, 240], 0.0),
        ([0, 90, 180, 270], 0.0),
        ([0, 0, 90, 90], math.sqrt(0.5)),  # towards (1, 1) / 2; cos 2t are 1, 1, -1, -1
        (np.arange(0, 360, 5), 0.0),
    ],
)
def test_unevenness_by_hand(angles, wanted):
    assert unevenness(*equal(angles)) == pytest.approx(wanted, abs=1e-12)


def test_a_pixel_at_the_centroid_has_no_direction():
    places, weights = equal([0, 120, 240, 0], [1, 1, 1, 0])
    assert unevenness(places, weights) == pytest.approx(0, abs=1e-12)


def test_spread_by_hand():
    assert spread(*equal([0, 100, 200], 3.0)) == pytest.approx(1)
    # r^2 of 1 and 4: mean of squares 17 / 2, square of the mean 25 / 4.
    assert spread(*equal([0, 50], [1, 2])) == pytest.approx(34 / 25)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (ring(40, 3), 1.0),
        (np.where(RADIUS < 40, 100.0, 0), 4 / 3),
        (blob(30, peak=1e5), 2.0),
        (blob(8, y=34, peak=1e5) + blob(8, y=115, peak=1e5), 1.5),
    ],
)
def test_spread_of_known_shapes(image, wanted):
    pixels = np.argwhere(image > 3)
    weights = image[tuple(pixels.T)] / image[tuple(pixels.T)].sum()
    covariance = measure_extent(image).covariance
    assert spread(on_circle(pixels, weights, covariance), weights) == pytest.approx(
        wanted, rel=0.02
    )


def test_the_ellipse_of_the_flux_is_a_circle():
    image = blob(40, 22, 35.0, peak=1e5)
    pixels = np.argwhere(image > 3)
    weights = image[tuple(pixels.T)] / image[tuple(pixels.T)].sum()
    places = on_circle(pixels, weights, measure_extent(image).covariance)
    assert weights @ places == pytest.approx(0, abs=1e-9)
    assert weights @ places.real**2 == pytest.approx(1, rel=1e-3)
    assert weights @ places.imag**2 == pytest.approx(1, rel=1e-3)
    assert weights @ (places.real * places.imag) == pytest.approx(0, abs=1e-3)
    assert unevenness(places, weights) < 1e-3


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (ring(20, 8), True),
        (ring(20, 8) * (1 + 0.3 * COLUMN / np.maximum(RADIUS, 1)), True),
        (ring(20, 8) + blob(15), True),
        (blob(15, 12, 30.0), True),
        (blob(15, 10), True),
        (np.where(RADIUS < 15, 50.0, 0), True),
        (blob(3), False),  # a point
        (blob(15, 8), False),  # too long
        (blob(20, 4), False),
        (blob(10, y=60) + blob(10, y=89), False),  # two lobes
        (blob(4) + blob(12, y=65, peak=30) + blob(12, y=84, peak=30), False),  # a core, two jets
        (blob(9, y=85) + blob(9, x=85) + blob(9, x=64, y=64), True),  # three make a broken ring
    ],
)
@pytest.mark.parametrize("turns", [0, 1])
def test_round_sources(image, wanted, turns):
    assert measure_extent(np.rot90(image, turns).copy()).is_round == wanted


def test_the_limits_of_a_gaussian():
    wide, narrow = 3 * LEAST_WIDTH * 1.05, 3 * LEAST_WIDTH * 0.95
    assert measure_extent(blob(wide * 1.3, wide)).is_round
    assert not measure_extent(blob(wide * 1.3, narrow)).is_round
    assert measure_extent(blob(15 * MOST_ELONGATED * 0.97, 15)).is_round
    assert not measure_extent(blob(15 * MOST_ELONGATED * 1.03, 15)).is_round
    # The beam counts, not the pixels.
    assert not measure_extent(blob(15), beam=12.0).is_round


def test_a_faint_neighbour_does_not_make_a_source_long():
    patch = blob(15)
    neighbour = blob(3.5, x=97, y=74.5, peak=60)
    extent = measure_extent(patch + neighbour)
    assert extent.main_share < 1  # it is linked
    assert extent.is_round


def test_one_lobe_of_two_is_not_examined_alone():
    lobes = blob(12, y=60) + blob(12, y=89, peak=70)
    lobes[73:76] = 0
    extent = measure_extent(lobes)
    assert extent.main_share < 0.8
    assert not extent.is_round


@pytest.mark.parametrize("beam", [5.4, 15.0, 45.0])
def test_maps_and_pictures_of_a_ring_are_flagged(beam):
    image = (
        40
        * SIGMA
        * np.exp(-4 * math.log(2) * ((np.hypot(*(np.indices(SHAPE) - MIDDLE)) - 12) / 6) ** 2)
    )
    field = (image + noise(SHAPE, SIGMA)).astype("f4")
    cutout = cutout_from_field(field, beam / 3, beam, recentre=True)
    assert flags.ROUND in cutout.flags
    assert flags.ROUND in cutout_from_array(cutout.pixels).flags


def test_sample_maps_are_not_round():
    assert not any(flags.ROUND in read_fits(path).flags for path in sample_paths())


def test_simulated_galaxies_are_not_round():
    found = simulation.simulate(60, seed=5)
    rounded = [flags.ROUND in cutout_from_array(image).flags for image in found.image]
    assert not any(rounded)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((150, 150)),
        np.full((150, 150), 1e4),
        np.full((150, 150), np.nan),
        np.where(np.indices((150, 150)).sum(axis=0) % 2, 50.0, 0.0),
        np.where(RADIUS < 1, 50.0, 0.0),
        np.where(np.abs(ROW) < 1, 50.0, 0.0),
        np.full((16, 16), 9.0),
        np.where(RADIUS < 20, 3e38, 0.0).astype(np.float32),
        np.where(RADIUS < 20, np.inf, 0.0),
    ],
    ids=["black", "bright", "nan", "checked", "point", "line", "tiny", "largest", "infinite"],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_damaged_frames_give_an_answer(image):
    assert measure_extent(image).is_round in (True, False)


def test_mirabest_training_images_are_hardly_ever_round(data_dir):
    from keras_astroattn.datasets import load_sources

    sources = load_sources("mirabest-confident", "train", data_dir)
    rounded = sum(flags.ROUND in cutout_from_array(image).flags for image in sources.image)
    assert rounded <= 0.005 * len(sources)


def test_the_limits_are_those_of_the_notes():
    assert (MOST_ELONGATED, LEAST_WIDTH, MOST_UNEVEN, MOST_SPREAD) == (1.7, 1.5, 0.04, 1.42)
