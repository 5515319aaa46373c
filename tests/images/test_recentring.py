"""The frame is moved to the source, by whole pixels of the map."""

import numpy as np
import pytest
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import (
    cutout_from_array,
    cutout_from_field,
    flags,
    read_fits,
    read_image,
    read_source,
    recentring,
)

SIGMA = 1e-4
FIELD = 400
MIDDLE = (FIELD - 1) / 2


def double(x, y, shape=(FIELD, FIELD), fwhm=5.4, scale=1.8, arms=8):
    """Two equal hot spots, so that the centroid of the flux is between them, at (x, y)."""
    field = noise(shape, SIGMA, seed=3)
    for side in (-1, 1):
        field += gaussian(shape, x + side * arms, y, fwhm, peak=80 * SIGMA, scale=scale).astype(
            np.float32
        )
    return field


@pytest.mark.parametrize("error", [(1, 0), (-2, 2), (7, -7), (0, 18)])
def test_a_wrong_position_gives_the_same_pixels(error):
    field = double(MIDDLE, MIDDLE)
    right = cutout_from_field(field, 1.8, 5.4)
    centre = (MIDDLE + error[0], MIDDLE + error[1])
    found = cutout_from_field(field, 1.8, 5.4, centre=centre, recentre=True)
    np.testing.assert_array_equal(found.pixels, right.pixels)
    assert found.noise == right.noise
    assert found.offset == pytest.approx(1.8 * np.hypot(*error))
    assert (flags.RECENTRED in found.flags) == (np.hypot(*error) > 3)
    assert flags.OFF_CENTRE not in found.flags


def test_a_moved_frame_holds_pixels_of_the_map():
    field = double(MIDDLE + 6.3, MIDDLE - 4.6)
    found = cutout_from_field(field, 1.8, 5.4, recentre=True)
    # The middle of 150 pixels lies between pixels 74 and 75.
    np.testing.assert_array_equal(found.brightness, field[125 - 5 : 275 - 5, 125 + 6 : 275 + 6])
    assert np.hypot(*found.centroid) < 1


def test_one_move_reaches_the_source_from_a_place_between_pixels(monkeypatch):
    monkeypatch.setattr(recentring, "ROUNDS", 1)
    field = double(MIDDLE + 0.4, MIDDLE + 0.4)
    found = cutout_from_field(field, 1.8, 5.4, centre=(MIDDLE + 5.3, MIDDLE - 3.7), recentre=True)
    # MIDDLE lies midway between pixels, so the source is in the middle pixel of the frame about it.
    right = cutout_from_field(field, 1.8, 5.4, centre=(MIDDLE, MIDDLE))
    np.testing.assert_array_equal(found.pixels, right.pixels)
    assert found.offset == pytest.approx(1.8 * np.hypot(5.3, 3.7))


def test_a_source_further_than_20_pixels_stays():
    field = double(MIDDLE + 34, MIDDLE)
    found = cutout_from_field(field, 1.8, 5.4, recentre=True)
    np.testing.assert_array_equal(found.pixels, cutout_from_field(field, 1.8, 5.4).pixels)
    assert found.offset == 0
    assert flags.RECENTRED not in found.flags
    assert flags.OFF_CENTRE in found.flags


def test_a_frame_is_not_moved_beyond_the_map():
    field = double(80, 74.5, shape=(150, 150))
    found = cutout_from_field(field, 1.8, 5.4, recentre=True)
    assert found.offset == 0
    assert flags.EDGE not in found.flags
    wider = double(80, 74.5, shape=(150, 160))
    assert cutout_from_field(wider, 1.8, 5.4, centre=(74.5, 74.5), recentre=True).offset > 0


def test_empty_sky_stays():
    found = cutout_from_field(noise((FIELD, FIELD), SIGMA), 1.8, 5.4, recentre=True)
    assert found.offset == 0
    assert flags.NO_SOURCE in found.flags


@pytest.mark.parametrize(("fwhm", "scale"), [(15.0, 5.0), (9.0, 1.5), (4.0, 1.0)])
def test_other_beams_and_pixels_give_the_same_frame_for_any_position(fwhm, scale):
    middle = 349.5
    field = double(
        middle, middle, shape=(700, 700), fwhm=fwhm, scale=scale, arms=2.7 * fwhm / scale
    )
    right = cutout_from_field(field, scale, fwhm, centre=(middle, middle))
    found = cutout_from_field(field, scale, fwhm, centre=(middle + 5, middle - 4), recentre=True)
    np.testing.assert_array_equal(found.pixels, right.pixels)
    assert found.offset == pytest.approx(scale * np.hypot(5, 4), rel=0.01)


def test_read_fits_centres_on_the_source_by_default(tmp_path):
    field = double(MIDDLE + 6, MIDDLE)
    path = write(tmp_path / "a.fits", field, celestial_header(field.shape))
    found, at_position = read_fits(path), read_fits(path, centre="position")
    assert found.offset == pytest.approx(10.8)
    assert at_position.offset == 0
    np.testing.assert_array_equal(at_position.pixels, cutout_from_field(field, 1.8, 5.4).pixels)
    assert found.frame_position[0] < found.position[0]  # east is left: the source lies west
    with pytest.raises(InputError, match="centre 'middle' is unknown: give source or position"):
        read_fits(path, centre="middle")


def test_arrays_with_a_pixel_scale_are_maps_and_finished_images_are_not(tmp_path):
    field = double(MIDDLE + 6, MIDDLE)
    np.save(tmp_path / "map.npy", field)
    options = {"pixel_scale": 1.8, "beam": 5.4}
    for make in (lambda **kw: read_image(tmp_path / "map.npy", **kw),
                 lambda **kw: read_source(field, **kw)):  # fmt: skip
        assert make(**options).offset == pytest.approx(10.8)
        assert make(**options, centre="position").offset == 0
    image = cutout_from_field(field, 1.8, 5.4).pixels
    np.save(tmp_path / "image.npy", image)
    found = read_image(tmp_path / "image.npy", centre="source")
    np.testing.assert_array_equal(found.pixels, cutout_from_array(image).pixels)
    assert found.offset == 0
