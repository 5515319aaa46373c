"""Flags of imaging artefacts, from the negative values around bright sources."""

import numpy as np
import pytest

from keras_astroattn.images import Beam, cutout_from_field, read_fits
from keras_astroattn.images.flags import ARTEFACTS, DESCRIPTIONS

NOISE = 1.5e-4
ROW, COLUMN = np.mgrid[:300, :300] - 149.5
RADIUS = np.hypot(ROW, COLUMN)
POINT = np.exp(-(RADIUS**2) / 2 / (3 / 2.355) ** 2)


def flags(field):
    return cutout_from_field(field.astype(np.float32), 1.8, Beam(5.4, 5.4, 0.0)).flags


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


@pytest.mark.parametrize(("negative_pixels", "flagged"), [(224, False), (227, True)])
def test_the_limit_is_one_pixel_in_a_hundred(negative_pixels, flagged):
    # 1 % of 150 x 150 is 225 pixels; the noise is given, so that they do not raise it
    field = np.zeros((300, 300))
    field[148:152, 148:152] = 1.0
    field[75, 75 : 75 + 150] = -3.1 * NOISE
    field[76, 75 : 75 + negative_pixels - 150] = -3.1 * NOISE
    cutout = cutout_from_field(field.astype(np.float32), 1.8, Beam(5.4, 5.4, 0.0), noise=NOISE)
    assert (ARTEFACTS in cutout.flags) == flagged


def test_first_fields_hold_few(data_dir):
    cutouts = [read_fits(path) for path in sorted((data_dir / "fits").rglob("*.fits"))]
    flagged = [cutout.peak_snr for cutout in cutouts if ARTEFACTS in cutout.flags]
    assert len(cutouts) == 46
    assert len(flagged) <= 1
    assert all(peak > 1000 for peak in flagged)


def test_the_flag_has_its_meaning_in_words():
    assert "below -3 sigma" in DESCRIPTIONS[ARTEFACTS]
