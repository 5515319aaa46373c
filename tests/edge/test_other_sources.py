"""Sources that are no FRI and no FRII should get no class, or a flag.

The network knows two classes, so they get one of these. `docs/explanation/limits.md` says so.
"""

import numpy as np
import pytest
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.edge import Classifier
from keras_astroattn.images import CLASS_NAMES

SHAPE, MIDDLE, SIGMA = (300, 300), 149.5, 1e-4
DOUBTFUL = {"bright_neighbour", "confused", "low_snr", "noise_uncertain", "off_centre"}


@pytest.fixture(scope="module")
def default() -> Classifier:
    return Classifier()


def ring(radius: float, width: float) -> np.ndarray:
    """A shell of one brightness all round, as a supernova remnant's; radius and FWHM in arcsec."""
    rows, columns = np.indices(SHAPE) - MIDDLE
    return np.exp(-4 * np.log(2) * ((1.8 * np.hypot(rows, columns) - radius) / width) ** 2)


def pair(distance: float) -> np.ndarray:
    """Two point sources, `distance` arcsec apart; the second has two thirds of the flux."""
    half = distance / 2 / 1.8
    one = gaussian(SHAPE, MIDDLE - 0.8 * half, MIDDLE - 0.6 * half, 5.4, scale=1.8)
    other = gaussian(SHAPE, MIDDLE + 0.8 * half, MIDDLE + 0.6 * half, 5.4, scale=1.8)
    return one + other / 1.5


@pytest.mark.xfail(strict=True, reason="a known limit: the network has no class for them")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "source",
    [ring(20, 9), gaussian(SHAPE, MIDDLE, MIDDLE, 28, 22, 30, scale=1.8), pair(30)],
    ids=["ring", "smooth ellipse", "pair of points"],
)
def test_other_sources_get_no_class_without_a_flag(source, seed, default, tmp_path):
    sky = source * 40 * SIGMA + noise(SHAPE, SIGMA, seed)
    path = write(tmp_path / "sky.fits", sky.astype("f4"), celestial_header(SHAPE))
    found = default.classify(path)
    assert found.label not in CLASS_NAMES or not DOUBTFUL.isdisjoint(found.flags)
