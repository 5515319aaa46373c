"""Headers of old and odd spellings, other planes, previews, and maps of the noise."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import flags, read_fits

SHAPE = (400, 420)
COSINE, SINE = np.cos(np.radians(35)), np.sin(np.radians(35))
STANDARD = {"PC1_1": COSINE, "PC1_2": -SINE, "PC2_1": SINE, "PC2_2": COSINE}


def old(names):
    return dict(zip(names, STANDARD.values(), strict=True))


@pytest.mark.parametrize(
    ("cards", "standard"),
    [
        (old(("PC001001", "PC001002", "PC002001", "PC002002")), STANDARD),
        (old(("PC01_01", "PC01_02", "PC02_01", "PC02_02")), STANDARD),
        ({"CROTA2": 35.0}, {"CROTA2": 35.0}),
        ({"CUNIT1": "DEGREE", "CUNIT2": "DEGREE"}, {}),
        ({"CUNIT1": "Degrees", "CUNIT2": "degrees"}, {}),
        (
            {"CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 540000.0, "CRVAL2": 216000.0,
             "CDELT1": -1.8, "CDELT2": 1.8},
            {},
        ),
        ({"CTYPE1": "RA--SIN", "CTYPE2": "DEC-SIN"}, {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"}),
        ({"CTYPE1": "ra---sin", "CTYPE2": "dec--sin"},
         {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"}),
        ({"CTYPE1": "RA---NCP", "CTYPE2": "DEC--NCP"},
         {"CTYPE1": "RA---NCP", "CTYPE2": "DEC--NCP"}),
        ({"CTYPE1": "RA---GLS", "CTYPE2": "DEC--GLS", "CUNIT1": "DEG"},
         {"CTYPE1": "RA---GLS", "CTYPE2": "DEC--GLS"}),
        ({"CRVAL1": "150.0"}, {}),
        ({"CUNIT3": "foo", "CUNIT1": "DEGREE"}, {}),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
def test_odd_spellings_lead_to_the_position_that_astropy_gives(tmp_path, cards, standard):
    x, y = 250.0, 160.0
    expected = celestial_header(SHAPE, 150.0, 60.0, **standard)
    position = WCS(expected).wcs_pix2world([[x, y]], 0)[0]
    header = celestial_header(SHAPE, 150.0, 60.0, axes=4, **cards)
    data = noise(SHAPE) + gaussian(SHAPE, x, y, 5.4, peak=0.1, scale=1.8).astype(np.float32)
    path = write(tmp_path / "odd.fits", data[None, None], header)
    cutout = read_fits(path, tuple(position))
    peak = np.unravel_index(np.nanargmax(cutout.brightness), (150, 150))
    assert set(peak) <= {74, 75}
    found = cutout.wcs.wcs_pix2world([peak[::-1]], 0)[0]
    offset = (found - position) * 3600 * [np.cos(np.radians(60)), 1]
    assert np.hypot(*offset) < 0.2


@pytest.mark.parametrize(
    "cards",
    [
        {"CUNIT1": "parsec"}, {"CRVAL1": "noon"}, {"CDELT1": 0.0}, {"PC1_3": 0.1},
        {"CTYPE1": "RA---XXX", "CTYPE2": "DEC--XXX"}, {"A_ORDER": 2}, {"RADESYS": "MARS"},
    ],
)  # fmt: skip
def test_coordinates_that_cannot_be_honoured_are_one_line(tmp_path, cards):
    header = celestial_header(SHAPE, axes=3, **cards)
    path = write(tmp_path / "bad.fits", noise(SHAPE)[None], header)
    with pytest.raises(InputError, match=r"coordinates") as caught:
        read_fits(path, (180.0, 30.0))
    assert "\n" not in str(caught.value)


def test_b1950_in_words_is_fk4(tmp_path):
    # M 87: B1950 12 28 17.57 +12 40 01.7 is J2000 187.70593, 12.39112 (NED).
    header = celestial_header(SHAPE, 187.07321, 12.66714, EQUINOX="B1950.0")
    del header["RADESYS"]
    header["CRPIX1"], header["CRPIX2"] = 251, 151
    data = noise(SHAPE) + gaussian(SHAPE, 250, 150, 5.4, peak=0.1, scale=1.8).astype(np.float32)
    brightness = read_fits(
        write(tmp_path / "old.fits", data, header), (187.70593, 12.39112)
    ).brightness
    peak = np.unravel_index(np.nanargmax(brightness), brightness.shape)
    assert np.hypot(peak[0] - 74.5, peak[1] - 74.5) < 1.8


@pytest.mark.parametrize(
    ("code", "name"),
    [(0, "code 0"), (2, "Q"), (4, "V"), (5, "polarised"), (9, "code 9"), (-1, "RR"), (1.5, "1.5")],
)
def test_only_stokes_1_is_total_intensity(tmp_path, code, name):
    header = celestial_header(SHAPE, axes=4, CRVAL4=float(code))
    path = write(tmp_path / "stokes.fits", noise(SHAPE)[None, None], header)
    with pytest.raises(InputError, match=f"no Stokes I: the file holds .*{name}"):
        read_fits(path)


def test_a_dropped_stokes_axis_still_says_what_the_map_is(tmp_path):
    header = celestial_header(SHAPE, CTYPE4="STOKES", CRVAL4=2.0, CRPIX4=1.0, CDELT4=1.0)
    path = write(tmp_path / "q.fits", noise(SHAPE), header)
    with pytest.raises(InputError, match="holds Q"):
        read_fits(path)
    read_fits(path, stokes="Q")
    for cards in ({"STOKES": "U"}, {"BTYPE": "Polarised intensity"}, {"BTYPE": "spectral index"}):
        path = write(tmp_path / f"{len(str(cards))}.fits", noise(SHAPE),
                     celestial_header(SHAPE, **cards))  # fmt: skip
        with pytest.raises(InputError, match=r"no Stokes I|not of total intensity"):
            read_fits(path)


def preview(data, header, step):
    small = header.copy()
    for axis in (1, 2):
        small[f"CDELT{axis}"] *= step
        small[f"CRPIX{axis}"] = (header[f"CRPIX{axis}"] - 0.5) / step + 0.5
    return np.ascontiguousarray(data[::step, ::step]), small


@pytest.mark.parametrize("kind", ["picture", "bytes on the sky", "coarse", "no coordinates"])
def test_a_preview_in_the_first_hdu_is_not_the_map(tmp_path, kind):
    data, header = noise(SHAPE), celestial_header(SHAPE)
    small, small_header = preview(data, header, 4)
    eight_bits = np.clip(small * 1e5 + 100, 0, 255).astype(np.uint8)
    first = {
        "picture": fits.PrimaryHDU(eight_bits),
        "bytes on the sky": fits.PrimaryHDU(eight_bits, small_header),
        "coarse": fits.PrimaryHDU(small, small_header),
        "no coordinates": fits.PrimaryHDU(small),
    }[kind]
    path = tmp_path / "preview.fits"
    fits.HDUList([first, fits.ImageHDU(data, header)]).writeto(path)
    np.testing.assert_array_equal(read_fits(path).brightness, data[125:275, 135:285])


def test_of_a_map_and_its_noise_the_first_is_the_map(tmp_path):
    data, header = noise(SHAPE), celestial_header(SHAPE)
    path = tmp_path / "both.fits"
    fits.HDUList([fits.PrimaryHDU(data, header), fits.ImageHDU(0 * data + 1, header)]).writeto(path)
    np.testing.assert_array_equal(read_fits(path).brightness, data[125:275, 135:285])


@pytest.fixture
def field(tmp_path):
    data = noise(SHAPE) + gaussian(SHAPE, 209.5, 199.5, 12.0, peak=0.01, scale=1.8)
    return write(tmp_path / "map.fits", data.astype(np.float32), celestial_header(SHAPE))


def rms_map(tmp_path, header, value=1e-4, shape=SHAPE):
    path = tmp_path / "rms.fits"
    fits.PrimaryHDU(np.full(shape, value, np.float32), header).writeto(path, overwrite=True)
    return path


def test_noise_in_another_unit_is_converted(tmp_path, field):
    path = rms_map(tmp_path, celestial_header(SHAPE, BUNIT="mJy/beam"), 0.1)
    assert read_fits(field, rms_map=path).noise == pytest.approx(1e-4, rel=1e-6)


@pytest.mark.parametrize(
    ("where", "cards", "reason"),
    [
        ((200.0, -10.0), {}, "same pixels"),
        ((180.1, 30.0), {}, "same pixels|cover"),
        ((180.0, 30.0), {"CDELT1": -5.1e-4, "CDELT2": 5.1e-4}, "same pixels"),
        ((180.0, 30.0), {"CROTA2": 2.0}, "same pixels"),
        ((180.0, 30.0), {"BUNIT": ""}, "BUNIT"),
        ((180.0, 30.0), {"BUNIT": "counts"}, "BUNIT"),
        ((180.0, 30.0), {"CTYPE1": "X", "CTYPE2": "Y"}, "coordinates"),
    ],
)
def test_noise_of_other_pixels_or_units_is_refused(tmp_path, field, where, cards, reason):
    path = rms_map(tmp_path, celestial_header(SHAPE, *where, **cards))
    with pytest.raises(InputError, match=reason) as caught:
        read_fits(field, rms_map=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_noise_within_a_pixel_or_of_a_larger_map_is_the_maps(tmp_path, field):
    shifted = celestial_header(SHAPE)
    shifted["CRPIX1"] += 0.4
    assert read_fits(field, rms_map=rms_map(tmp_path, shifted)).noise == pytest.approx(1e-4)
    # A mosaic's noise: 100 more pixels on each side, with a step through the middle.
    shape = (SHAPE[0] + 200, SHAPE[1] + 200)
    header = celestial_header(shape)
    data = np.full(shape, 1e-4, np.float32)
    data[300:] = 1.0
    path = tmp_path / "mosaic.fits"
    fits.PrimaryHDU(data, header).writeto(path)
    cutout = read_fits(field, rms_map=path, centre="position")
    assert (cutout.pixels[75:] == 0).all()
    assert cutout.pixels[:75].any()


def test_noise_without_coordinates_fits_a_map_without(tmp_path):
    bare = write(tmp_path / "bare.fits", noise(SHAPE))
    rms = write(tmp_path / "rms.fits", np.full(SHAPE, 1e-4, np.float32))
    cutout = read_fits(bare, rms_map=rms)
    assert flags.NO_WCS in cutout.flags
    assert cutout.noise == pytest.approx(1e-4)
