"""Real sources in the user's own tiles: their beam, their size, and what is said without them."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.cli.injection import real_sources
from keras_astroattn.edge import Classification
from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap
from keras_astroattn.survey import real_sources as module
from keras_astroattn.survey.injection import inject
from keras_astroattn.survey.real_sources import RealSource, RealSources, load_real_sources
from keras_astroattn.survey.tiles import MapOptions, find_tiles, index_tiles

SHAPE = (400, 400)
FWHM = 5.4  # of the images, arcsec, on pixels of 1.8


def image(*offsets):
    """Points of FIRST's beam on an image, at columns from its middle."""
    return sum(
        gaussian((151, 151), 75 + offset, 75, FWHM, peak=1.0, scale=1.8) for offset in offsets
    ).astype(np.float32)


def tile(folder, beam, scale=1.8):
    header = celestial_header(SHAPE, beam=beam, scale=scale)
    write(folder / "a.fits", noise(SHAPE, 1e-4, seed=1), header)


@pytest.mark.parametrize("beam", [(9.0, 9.0, 0.0), (12.0, 8.0, 30.0)])
def test_a_source_is_drawn_with_the_beam_of_the_map(tmp_path, beam):
    tile(tmp_path, beam, scale=2.5)
    source = RealSource(image(0), size=10.0, ratio=100.0)
    with FitsMap(tmp_path / "a.fits") as sky:
        seen = source.seen(4.0, sky.beam, turn=0.7).scaled(0.02)
        drawn = seen.drawn_on(sky, np.array([210.0, 190.0]), [10, 20], [390, 380])
    expected = gaussian((360, 380), 200, 170, *beam, peak=0.02, scale=2.5)
    np.testing.assert_allclose(drawn, expected, atol=0.02 * 0.02)


def test_a_source_shrinks_to_the_size_that_is_asked_for(tmp_path):
    """30 pixels of 1.8 arcsec are 10 beams of FIRST; 5 beams of 9 arcsec are 45 arcsec."""
    tile(tmp_path, (9.0, 9.0, 0.0))
    source = RealSource(image(-15, 15), size=10.0, ratio=100.0)
    with FitsMap(tmp_path / "a.fits") as sky:
        seen = source.seen(5.0, sky.beam, turn=np.pi / 2).scaled(1.0)
        drawn = seen.drawn_on(sky, np.array([200.0, 200.0]), [0, 0], [400, 400])
    # A quarter turn: both points are on the column of the host.
    rows = np.flatnonzero(drawn[:, 200] > 0.97)
    assert rows.max() - rows.min() == pytest.approx(45 / 1.8, abs=2)
    assert rows.mean() == pytest.approx(200, abs=0.6)


def test_a_narrow_axis_of_the_beam_limits_the_size(tmp_path):
    tile(tmp_path, (9.0, 4.0, 0.0))
    with FitsMap(tmp_path / "a.fits") as sky:
        # The mean is the geometric one, 6.
        assert RealSource(image(0), 12.0, 50.0).largest_size(sky.beam) == pytest.approx(8.0)


def test_injected_sources_are_no_larger_or_brighter_than_the_real_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "tiles"
    folder.mkdir()
    tile(folder, (9.0, 9.0, 0.0))
    tiles = index_tiles(find_tiles([str(folder)])).tiles
    real = RealSources({kind: [RealSource(image(-15, 15), 10.0, 60.0)] for kind in ("FRI", "FRII")})
    assert repr(real) == "RealSources(1 FRI, 1 FRII)"
    model = SimpleNamespace(classify=lambda cutout: Classification("compact", flags=cutout.flags))
    found = inject(tiles, MapOptions(), model, 9, seed=4, real=real)
    for one in (one for one in found if one.kind != "point"):
        assert 1.5 <= one.size <= 10.0
        assert 6.0 <= one.ratio <= 60.0
        # The noise adds at most 4 sigma, and half a pixel costs a few per cent of the peak.
        assert one.measured_ratio == pytest.approx(one.ratio, rel=0.1, abs=4)
    simulated = inject(tiles, MapOptions(), model, 3, seed=4)
    assert simulated[2] == found[2]  # points are the same


def test_simulated_sources_need_no_data():
    assert real_sources("simulated") is None


def test_without_mirabest_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(module, "is_at_hand", lambda data: False)
    with pytest.raises(InputError, match="--inject-from mirabest needs MiraBest: set KERAS_AST"):
        real_sources("mirabest")


def test_sources_come_from_the_images_with_certain_labels(monkeypatch):
    faint, bright = np.zeros((2, 150, 150), np.uint8)
    faint[70:80, 70:80], bright[70:80, 70:80] = 200, 10
    bright[75, 75] = 250
    stored = SimpleNamespace(
        image=np.stack([bright, bright, faint, np.zeros_like(faint)]),
        label=np.array([0, 1, 1, 0]),
        angular_size=np.array([54.0, 5.4, 54.0, 54.0]),
    )
    monkeypatch.setattr(module, "is_at_hand", lambda data: True)
    monkeypatch.setattr(module, "load_sources", lambda data, split: stored)
    found = load_real_sources(1.5, 6.0).sources
    # One FRI stays; the others are of one beam, of 3 sigma, and black.
    assert [len(found["FRI"]), len(found["FRII"])] == [1, 0]
    (one,) = found["FRI"]
    assert (one.size, one.ratio) == (pytest.approx(10.0), pytest.approx(75.0))
