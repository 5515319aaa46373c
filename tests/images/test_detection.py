"""The sources of mosaics that are known."""

import numpy as np
import pytest
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap
from keras_astroattn.images.detection import detect_sources

SHAPE = (900, 1400)
SIGMA = 1e-4
# x, y and peak in sigma; the third lies where two windows meet, at x = 600.
SOURCES = [(200.0, 150.0, 40.0), (1300.0, 800.0, 25.0), (599.6, 420.0, 90.0), (20.5, 890.0, 60.0)]


def mosaic(path, sources=SOURCES, scale=1.8, **cards):
    sky = noise(SHAPE, SIGMA)
    for x, y, peak in sources:
        sky += gaussian(SHAPE, x, y, 3 * scale, peak=peak * SIGMA, scale=scale)
    beam = (3 * scale, 3 * scale, 0.0)
    return write(path, sky, celestial_header(SHAPE, scale=scale, beam=beam, **cards))


@pytest.mark.parametrize("scale", [1.8, 5.0])
def test_every_source_is_found_once_the_brightest_first(tmp_path, scale):
    with FitsMap(mosaic(tmp_path / "a.fits", scale=scale)) as sky:
        found = detect_sources(sky)
        places = sky.locate(*np.transpose([one.position for one in found]))
    expected = sorted(SOURCES, key=lambda source: -source[2])
    assert len(found) == len(expected)
    # The noise of one sigma moves a centroid by less than a beam over the signal to noise.
    np.testing.assert_allclose(places[:2], [source[:2] for source in expected[:2]], atol=0.6)
    np.testing.assert_allclose(places[2:], [source[:2] for source in expected[2:]], atol=0.6)
    assert [one.peak_snr for one in found] == pytest.approx([s[2] for s in expected], rel=0.15)


def test_noise_alone_has_no_source(tmp_path):
    with FitsMap(mosaic(tmp_path / "a.fits", sources=[])) as sky:
        assert detect_sources(sky) == []


def test_a_sky_of_zero_and_unknown_pixels_are_no_sources(tmp_path):
    sky = gaussian(SHAPE, 700.0, 300.0, 5.4, peak=0.01, scale=1.8).astype(np.float32)
    sky[sky < 1e-4] = 0
    sky[:200] = np.nan
    path = write(tmp_path / "a.fits", sky, celestial_header(SHAPE))
    with FitsMap(path) as opened:
        (one,) = detect_sources(opened)
        (place,) = opened.locate(*np.transpose([one.position]))
    np.testing.assert_allclose(place, [700, 300], atol=1e-3)


def test_a_map_without_coordinates_is_refused(tmp_path):
    path = write(tmp_path / "a.fits", noise(SHAPE))
    with FitsMap(path) as sky, pytest.raises(InputError, match="no celestial"):
        detect_sources(sky)


def test_two_lobes_are_one_source_and_sources_in_two_frames_are_two(tmp_path):
    # Two lobes of 17 pixels across a gap of 25; lobes 60 pixels (108 arcsec) apart; two points
    # 160 pixels apart, which no frame of 150 pixels shows.
    sky = noise(SHAPE, SIGMA)
    for x in (300, 342):
        sky += gaussian(SHAPE, x, 300, 15, peak=50 * SIGMA, scale=1.8)
    for x in (700, 760):
        sky += gaussian(SHAPE, x, 700, 9, peak=60 * SIGMA, scale=1.8)
    for x in (900, 1060):
        sky += gaussian(SHAPE, x, 300, 5.4, peak=40 * SIGMA, scale=1.8)
    with FitsMap(write(tmp_path / "a.fits", sky, celestial_header(SHAPE))) as opened:
        found = detect_sources(opened)
        places = opened.locate(*np.transpose([one.position for one in found]))
    assert sorted(places.round().tolist()) == [[321, 300], [730, 700], [900, 300], [1060, 300]]
    assert not any(one.confused for one in found)


def test_a_source_states_the_brightest_pixels_of_others_in_its_frame(tmp_path):
    sky = noise(SHAPE, SIGMA)
    for x, peak in ((300, 900), (380, 20)):
        sky += gaussian(SHAPE, x, 300, 5.4, peak=peak * SIGMA, scale=1.8)
    with FitsMap(write(tmp_path / "a.fits", sky, celestial_header(SHAPE))) as opened:
        bright, faint = detect_sources(opened)
        (beside,) = opened.locate(*np.transpose(bright.neighbours))
    np.testing.assert_allclose(beside, [380, 300], atol=1)
    assert len(faint.neighbours) == 1


def test_a_given_noise_decides_what_is_a_source(tmp_path):
    # Peaks of 40 and 25 times 1e-4 Jy/beam: above 5 times 6e-4 only one is.
    path = mosaic(tmp_path / "a.fits", SOURCES[:2])
    level = np.full(SHAPE, SIGMA, np.float32)
    level[:, 700:] = 1e-3  # there the peak of 25e-4 is 2.5 sigma
    rms = write(tmp_path / "rms.fits", level, celestial_header(SHAPE))
    with FitsMap(path) as sky, FitsMap(rms, beam=sky.beam) as of_noise:
        assert len(detect_sources(sky)) == 2
        assert [one.peak_snr for one in detect_sources(sky, noise=6e-4)] == [
            pytest.approx(40 / 6, rel=0.1)
        ]
        (one,) = detect_sources(sky, noise=of_noise)
        (place,) = sky.locate(*np.transpose([one.position]))
        np.testing.assert_allclose(place, SOURCES[0][:2], atol=1)
        with pytest.raises(InputError, match="above 0"):
            detect_sources(sky, noise=-1.0)


def crowded(path, peaks, bright_from):
    """Two lobes at both sides of x = 600, where windows meet, and bright sources on one side."""
    sky = noise(SHAPE, SIGMA)
    for x, peak in zip((570, 640), peaks, strict=True):
        sky += gaussian(SHAPE, x, 300, 15, peak=peak * SIGMA, scale=1.8)
    for number in range(24):
        x, y = bright_from + 95 * (number % 6), 60 + 160 * (number // 6)
        sky += gaussian(SHAPE, x, y, 15, peak=150 * SIGMA, scale=1.8)
    with FitsMap(write(path, sky, celestial_header(SHAPE))) as opened:
        found = detect_sources(opened)
        places = opened.locate(*np.transpose([one.position for one in found]))
    # The two lobes, or the source of both; the bright sources are known.
    ours = (np.abs(places[:, 1] - 300) < 5) & (np.abs(places[:, 0] - 605) < 45)
    return places[ours].round(), [one.confused for one, own in zip(found, ours, strict=True) if own]


def test_a_lobe_that_only_its_own_window_links_is_not_lost(tmp_path):
    # The brighter lobe lies in the crowded window, which does not link them; the other window
    # links the fainter one to it.
    places, confused = crowded(tmp_path / "a.fits", (50, 80), 780)
    assert sorted(places.tolist()) == [[570, 300], [640, 300]]
    assert confused == [True, True]


def test_a_lobe_that_another_window_links_is_not_repeated(tmp_path):
    # The brighter lobe lies in the empty window, which links them.
    places, confused = crowded(tmp_path / "a.fits", (80, 50), 780)
    np.testing.assert_allclose(places, [[570 + 70 * 50 / 130, 300]], atol=2)
    assert len(confused) == 1
