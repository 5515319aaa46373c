"""The flag of imaging artefacts, from the negative values around bright sources."""

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_maps import point_with_arms

from keras_astroattn.edge import Classifier
from keras_astroattn.images import Beam, cutout_from_field, read_fits
from keras_astroattn.images.flags import ARTEFACTS, DESCRIPTIONS

NOISE = 1.5e-4
ROW, COLUMN = np.mgrid[:300, :300] - 149.5
RADIUS = np.hypot(ROW, COLUMN)
POINT = np.exp(-(RADIUS**2) / 2 / (3 / 2.355) ** 2)


def cutout(field, **options):
    return cutout_from_field(field.astype(np.float32), 1.8, Beam(5.4, 5.4, 0.0), **options)


def flags(field):
    return cutout(field).flags


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, NOISE, (300, 300))


def test_noise_and_a_bright_point_are_no_artefacts(noise):
    assert ARTEFACTS not in flags(noise + 1.0 * POINT)


def test_rings_around_a_bright_point_are(noise):
    rings = 0.01 * np.cos(RADIUS / 4) / (1 + RADIUS / 15)
    assert ARTEFACTS in flags(noise + 1.0 * POINT + rings)


def test_emission_as_bright_as_the_rings_is_none(noise):
    lobes = sum(np.exp(-((ROW - 20 * side) ** 2 + COLUMN**2) / 2 / 8**2) for side in (-1, 1))
    assert ARTEFACTS not in flags(noise + 0.01 * lobes)


@pytest.mark.parametrize(
    ("peak", "depth", "negative_pixels", "flagged"),
    [
        (1000, 3.1, 224, False),
        (1000, 3.1, 227, True),
        (1000, 2.9, 227, False),
        (5000, 9.9, 227, False),  # 0.2 % of the peak is 10
        (5000, 10.1, 227, True),
    ],
)
def test_the_limits_are_one_pixel_in_a_hundred_and_the_depth(peak, depth, negative_pixels, flagged):
    # 1 % of 150 x 150 is 225 pixels; the noise is given, so that they do not raise it
    field = np.zeros((300, 300))
    field[148:152, 148:152] = peak * NOISE
    field[75, 75 : 75 + 150] = -depth * NOISE
    field[76, 75 : 75 + negative_pixels - 150] = -depth * NOISE
    assert (ARTEFACTS in cutout(field, noise=NOISE).flags) == flagged


def test_a_point_source_with_arms_gets_no_class(noise):
    classifier = Classifier()
    given = cutout(noise + point_with_arms(0.03))
    assert ARTEFACTS in given.flags
    assert classifier.classify(replace(given, flags=())).label == "FRI"
    assert classifier.classify(given).label == "uncertain"


def test_a_bright_galaxy_with_faint_artefacts_keeps_its_class(noise):
    """Two hot spots of 1 Jy/beam, 40 pixels apart; their arms are 0.2 % of the peak."""
    galaxy = np.roll(point_with_arms(0.002), -20, 0) + np.roll(point_with_arms(0.002), 20, 0)
    snr = (noise + galaxy)[75:225, 75:225] / NOISE
    assert np.mean(snr < -3) > 0.01
    found = Classifier().classify(cutout(noise + galaxy))
    assert ARTEFACTS not in found.flags
    assert found.label == "FRII"


def test_first_fields_hold_none(data_dir):
    cutouts = [read_fits(path) for path in sorted((data_dir / "fits").rglob("*.fits"))]
    assert len(cutouts) == 46
    assert not any(ARTEFACTS in one.flags for one in cutouts)


def test_the_flag_has_its_meaning_in_words():
    assert "-3 sigma and -0.2 % of the peak" in DESCRIPTIONS[ARTEFACTS]
