"""The beam of a map from the correlation of its noise."""

import numpy as np
import pytest
from astropy.convolution import Gaussian2DKernel, convolve_fft
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.images import Beam, FitsMap
from keras_astroattn.images.noise_beam import WIDTH_RATIO, disagree, estimate_beam

SCALE = 1.8
JACOBIAN = np.diag([-SCALE, SCALE])
SIGMA = 1 / np.sqrt(8 * np.log(2))


def correlated(major, minor, angle, shape=(300, 300)):
    """White noise convolved with a Gaussian by astropy; the angle is from north to east."""
    kernel = Gaussian2DKernel(
        major * SIGMA / SCALE, minor * SIGMA / SCALE, np.pi / 2 + np.radians(angle)
    )
    values = convolve_fft(noise(shape, 1.0, seed=2), kernel, boundary="wrap")
    return (values / values.std()).astype(np.float32)


@pytest.mark.parametrize("width", [5.4, 9.0, 15.0])
def test_round_beam_of_smoothed_noise(width):
    found = estimate_beam(correlated(width, width, 0), JACOBIAN)
    # Leaving out pixels above 2.5 sigma narrows the correlation by a tenth.
    assert found.mean * WIDTH_RATIO == pytest.approx(0.95 * width, rel=0.1)
    assert found.major / found.minor < 1.15


def test_elliptical_beam_of_smoothed_noise():
    found = estimate_beam(correlated(14.0, 8.0, 30.0), JACOBIAN)
    assert found.major / found.minor == pytest.approx(14 / 8, rel=0.15)
    assert found.angle == pytest.approx(30, abs=6)


def test_sources_and_unknown_pixels_do_not_count():
    field = correlated(9.0, 9.0, 0)
    empty = estimate_beam(field, JACOBIAN)
    field += gaussian(field.shape, 100, 120, 40.0, peak=500.0, scale=SCALE).astype(np.float32)
    field[200:] = np.nan
    assert estimate_beam(field, JACOBIAN).mean == pytest.approx(empty.mean, rel=0.1)


def test_noise_without_correlation_or_sky_gives_none():
    assert estimate_beam(noise((300, 300)), JACOBIAN) is None
    assert estimate_beam(noise((40, 40)), JACOBIAN) is None
    assert estimate_beam(np.full((300, 300), np.nan, np.float32), JACOBIAN) is None


def test_beams_disagree_by_a_factor():
    assert not disagree(Beam(5.4, 5.4), Beam(8.0, 8.0))
    assert disagree(Beam(5.4, 5.4), Beam(8.2, 8.2))
    assert disagree(Beam(8.2, 8.2), Beam(5.4, 5.4))


def test_a_map_gives_the_beam_of_its_middle(tmp_path):
    field = correlated(9.0, 9.0, 0)
    path = write(tmp_path / "a.fits", field, celestial_header(field.shape, beam=None))
    with FitsMap(path) as sky:
        assert sky.beam is None
        assert sky.noise_beam().mean == pytest.approx(estimate_beam(field, JACOBIAN).mean, rel=0.01)
