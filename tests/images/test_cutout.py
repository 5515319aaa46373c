"""Sources that the known part of a map ends in, and maps that are partly without data."""

import numpy as np
import pytest
from astropy.io import fits
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.edge import LABELS, LabelRules
from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_field, flags, read_fits

SIGMA = 1.5e-4
ROWS, COLUMNS = np.mgrid[:300, :300]


def double(separation=40, core=0.0, size=300):
    """Two lobes of 50 sigma along a row, on both sides of the middle, in white noise."""
    middle = (size - 1) / 2
    field = noise((size, size), SIGMA, seed=4)
    for x, peak in ((middle - separation / 2, 50), (middle + separation / 2, 50), (middle, core)):
        field += gaussian((size, size), x, middle, 9, peak=peak * SIGMA, scale=1.8).astype("f4")
    return field


def cut(field, **options):
    return cutout_from_field(field, 1.8, 5.4, **options)


def label(cutout):
    return LabelRules().before_network(cutout)


@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf, 0.0, -9999.0])
@pytest.mark.parametrize(
    "area",
    [
        COLUMNS > 152,
        COLUMNS >= 170,
        ROWS == 149,
        np.hypot(COLUMNS - 170, ROWS - 150) < 6,
    ],
    ids=["one lobe is lost", "through a lobe", "thin stripe", "disc over a lobe"],
)
def test_source_that_reaches_unknown_pixels_has_no_class(area, fill):
    field = double()
    assert label(cut(field)) is None
    field[area] = fill
    cutout = cut(field)
    assert flags.INCOMPLETE in cutout.flags
    assert flags.NAN_FILLED in cutout.flags
    assert label(cutout) == "incomplete"


def test_source_at_the_edge_of_a_map_has_no_class():
    field = double(core=20)
    cutout = cut(np.ascontiguousarray(field[:, :152]), centre=(149.5, 149.5))
    assert flags.EDGE in cutout.flags
    assert label(cutout) == "incomplete"
    assert label(cut(np.ascontiguousarray(field[:, :230]), centre=(149.5, 149.5))) is None


def test_lost_lobe_that_does_not_touch_the_other_is_noticed():
    # The core and the left lobe end 20 pixels before the border; the right lobe is beyond it.
    field = double(separation=70, core=20)
    field[:, 175:] = np.nan
    assert label(cut(field)) == "incomplete"


def test_unknown_pixels_far_from_the_source_leave_its_class():
    field = double()
    field[:, 215:] = 0
    cutout = cut(field)
    assert flags.NAN_FILLED in cutout.flags
    assert flags.INCOMPLETE not in cutout.flags
    assert label(cutout) is None


@pytest.mark.parametrize("fill", [np.nan, 0.0])
def test_unknown_middle_is_not_an_empty_sky(fill):
    field = noise((300, 300), SIGMA, seed=4)
    assert label(cut(field)) == "no_source"
    field[np.hypot(COLUMNS - 150, ROWS - 150) < 10] = fill
    assert label(cut(field)) == "incomplete"
    # A neighbour outside the hole is not the source either.
    field += gaussian((300, 300), 180, 150, 9, peak=50 * SIGMA, scale=1.8).astype("f4") * (
        field != 0
    )
    assert label(cut(field)) == "incomplete"


@pytest.mark.parametrize("rows", [45, 60, 70])
def test_zeros_outside_a_mosaic_give_what_nan_gives(rows):
    results = []
    for fill in (0.0, np.nan):
        field = double()
        field[:rows] = field[-rows:] = fill
        results.append(cut(field))
    zeros, nan = results
    assert zeros.noise == nan.noise
    assert zeros.noise == pytest.approx(SIGMA, rel=0.03)
    assert zeros.flags == nan.flags
    np.testing.assert_array_equal(zeros.pixels, nan.pixels)
    np.testing.assert_array_equal(zeros.brightness, nan.brightness)


@pytest.mark.parametrize("scaled", [False, True])
def test_blank_of_an_integer_map_is_unknown(tmp_path, scaled):
    field = double()
    counts = np.round(field / 2e-6).astype(np.int16)
    counts[:, 152:] = -32768
    header = celestial_header((300, 300))
    hdu = fits.PrimaryHDU(counts, header)
    hdu.header["BLANK"] = -32768
    hdu.header["BUNIT"] = "Jy/beam"
    if scaled:
        hdu.header["BSCALE"], hdu.header["BZERO"] = 2e-6, 0.0
    hdu.writeto(tmp_path / "a.fits")
    cutout = read_fits(tmp_path / "a.fits", centre="position")
    assert np.isnan(cutout.brightness[:, 77:]).all()
    assert cutout.noise == pytest.approx(SIGMA / (1 if scaled else 2e-6), rel=0.03)
    assert label(cutout) == "incomplete"


def test_blanked_field_gives_the_image_of_the_field_itself():
    field = double()
    whole = cut(field)
    blanked = cut(np.where(field <= 3 * np.float32(whole.noise), np.float32(0), field))
    np.testing.assert_array_equal(blanked.pixels, whole.pixels)
    assert flags.NOISE_UNCERTAIN in blanked.flags
    assert label(blanked) is None
    assert blanked.largest_angular_size == pytest.approx(whole.largest_angular_size, rel=0.05)
    given = cut(np.where(field <= 3 * np.float32(whole.noise), np.float32(0), field), noise=SIGMA)
    assert flags.NOISE_UNCERTAIN not in given.flags
    assert given.noise == SIGMA


def test_unknown_noise_is_an_unknown_pixel():
    rms = np.full((300, 300), SIGMA, np.float32)
    rms[:, 165:] = np.nan
    assert label(cut(double(), noise=rms)) == "incomplete"


def test_map_that_is_blank_around_the_source_is_refused(tmp_path):
    field = double()
    field[:230, :230] = 0
    path = write(tmp_path / "a.fits", field, celestial_header((300, 300)))
    with pytest.raises(InputError, match="blank here"):
        read_fits(path)


def test_label_and_flag_are_documented():
    assert "incomplete" in LABELS
    named = {value for name, value in vars(flags).items() if name.isupper() and type(value) is str}
    assert named == set(flags.DESCRIPTIONS)
    assert set(flags.DESCRIPTIONS) >= flags.OF_SOURCE


def test_first_fields_with_blank_pixels_keep_their_classes(data_dir):
    found = [read_fits(path) for path in sorted((data_dir / "fits").glob("*.fits"))]
    assert not any(flags.INCOMPLETE in c.flags or flags.NOISE_UNCERTAIN in c.flags for c in found)
