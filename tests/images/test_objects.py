"""Sources as astropy's objects: the same cutout as from the file, and one clear error otherwise."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.table import Table
from astropy.wcs import WCS

from keras_astroattn.errors import InputError
from keras_astroattn.images import Beam, FitsMap, cutout_from_field, parse_position, read_fits
from keras_astroattn.images.objects import is_batch, read_source
from keras_astroattn.images.quantities import in_unit
from keras_astroattn.samples import sample_paths

FRII = sample_paths()[1]  # 300 x 300 pixels of 1.8 arcsec, beam 5.4 arcsec, middle 160, +30
MIDDLE = (160.0, 30.0)


@pytest.fixture(scope="module")
def hdu():
    with fits.open(FRII) as file:
        return fits.PrimaryHDU(file[0].data, file[0].header)


@pytest.fixture(scope="module")
def expected():
    return read_fits(FRII)


def nddata(hdu, factor=1.0, unit="Jy/beam", kind=CCDData):
    meta = {"BMAJ": 5.4 / 3600, "BMIN": 5.4 / 3600, "BPA": 0.0, "weight": float("nan")}
    return kind(hdu.data * factor, wcs=WCS(hdu.header), unit=unit, meta=meta)


SOURCES = {
    "path": lambda hdu: FRII,
    "text": lambda hdu: str(FRII),
    "HDU": lambda hdu: hdu,
    "HDUList": lambda hdu: fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(hdu.data, hdu.header)]),
    "ImageHDU": lambda hdu: fits.ImageHDU(hdu.data, hdu.header),
    "CompImageHDU": lambda hdu: fits.CompImageHDU(hdu.data, hdu.header, quantize_level=0),
    "CCDData": nddata,
    "CCDData in mJy": lambda hdu: nddata(hdu, 1e3, "mJy/beam"),
    "NDData": lambda hdu: nddata(hdu, kind=NDData),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_object_gives_the_cutout_of_the_file(name, hdu, expected):
    found = read_source(SOURCES[name](hdu))
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.flags == expected.flags
    assert found.beam == expected.beam
    np.testing.assert_allclose(
        found.wcs.wcs_pix2world([[10, 20]], 0), expected.wcs.wcs_pix2world([[10, 20]], 0), atol=1e-9
    )


@pytest.mark.parametrize("scale", [1.8, 1.8 * u.arcsec, 0.03 * u.arcmin, 1.8 * u.arcsec / u.pix])
@pytest.mark.parametrize("unit", [None, u.mJy / u.beam, u.Jy / u.sr])
def test_an_array_with_its_scale_and_beam_is_a_map(scale, unit, hdu, expected):
    values = hdu.data
    if unit == u.Jy / u.sr:  # the solid angle of a Gaussian beam, pi b^2 / (4 ln 2)
        area = np.pi * 5.4**2 / (4 * np.log(2)) * (u.arcsec**2).to(u.sr)
        values = (values / area) * unit
    elif unit is not None:
        values = values * 1e3 * unit
    found = read_source(values, pixel_scale=scale, beam=5.4 * u.arcsec)
    assert np.mean(found.pixels != expected.pixels) < 1e-3  # rounding of the conversion
    assert found.noise == pytest.approx(expected.noise, rel=1e-5)
    assert "no_wcs" not in found.flags


def test_a_position_is_a_skycoord_of_any_frame(expected):
    for sky in (SkyCoord(*MIDDLE, unit="deg"), SkyCoord([160] * u.deg, [30] * u.deg).galactic):
        assert parse_position(sky) == pytest.approx(MIDDLE, abs=1e-9)
    near = SkyCoord(160 * u.deg, 30 * u.deg).galactic
    np.testing.assert_array_equal(read_fits(FRII, near).pixels, expected.pixels)
    assert parse_position((10.5 * u.hourangle, -1800 * u.arcmin)) == pytest.approx((157.5, -30))


def test_beams_noise_and_scales_have_units():
    # 0.1 arcmin is 6 arcsec; 0.5 rad is 28.6479 degrees.
    assert Beam.of((0.1 * u.arcmin, 5 * u.arcsec, 0.5 * u.rad)) == Beam(6, 5, np.degrees(0.5))
    assert Beam.of([6, 5] * u.arcsec) == Beam.of((6, 5)) == Beam(6, 5, 0)
    assert read_fits(FRII, noise=0.15 * u.mJy / u.beam).noise == pytest.approx(1.5e-4)
    assert in_unit(3.0, ("arcsec",), "beam") == 3.0


def test_a_beam_of_radio_beam_is_a_beam():
    class RadioBeam:  # the attributes of radio_beam.Beam
        major, minor, pa = 10 * u.arcsec, 0.1 * u.arcmin, 90 * u.deg

    assert Beam.of(RadioBeam()) == Beam(10, 6, 90)


def test_masked_pixels_are_unknown(hdu, expected):
    mask = np.zeros(hdu.data.shape, bool)
    mask[100:110, 100:110] = True
    options = {"beam": 5.4, "centre": "position"}
    data = NDData(hdu.data, mask=mask, wcs=WCS(hdu.header), unit="Jy/beam")
    masked = read_source(data, **options)
    array = read_source(np.ma.MaskedArray(hdu.data, mask), pixel_scale=1.8, **options)
    for found in (masked, array):
        # The frame begins at pixel 75, so the mask at 25.
        assert np.isnan(found.brightness[25:35, 25:35]).all()
        assert np.isnan(found.brightness).sum() == 100
        assert "nan_filled" in found.flags


def test_an_hdu_is_not_changed(hdu):
    before, cards = hdu.data.copy(), repr(hdu.header)
    read_source(hdu)
    assert repr(hdu.header) == cards
    np.testing.assert_array_equal(hdu.data, before)


def test_a_cutout_stays_as_it_is(expected):
    assert read_source(expected) is expected


def test_an_open_map_gives_its_sources(expected):
    with FitsMap(FRII) as sky:
        np.testing.assert_array_equal(read_source(sky).pixels, expected.pixels)
        np.testing.assert_array_equal(read_source(sky, position=MIDDLE).pixels, expected.pixels)
        with pytest.raises(InputError, match="beam: not an option of an open FitsMap"):
            read_source(sky, beam=5.4)


WRONG = {
    "a source cannot be a int: give a path, a FitsMap, an HDU": lambda hdu: 5,
    "a source cannot be a dict": lambda hdu: {"image": 1},
    "a source cannot be a SkyCoord": lambda hdu: SkyCoord(1 * u.deg, 2 * u.deg),
    "a source cannot be a Table": lambda hdu: Table({"a": [1]}),
    "a source cannot be a Header": lambda hdu: hdu.header,
    "holds no image": lambda hdu: fits.PrimaryHDU(),
    "'EVENTS' holds no image": lambda hdu: fits.BinTableHDU(name="EVENTS"),
    "has complex64": lambda hdu: NDData(hdu.data * 1j),
    "NDData: 2 planes along axis 3": lambda hdu: NDData(np.zeros((2, 300, 300))),
    "a map needs pixel_scale= and beam=": lambda hdu: hdu.data * u.K,
    "give 150 x 150 pixels": lambda hdu: hdu.data,
}


@pytest.mark.parametrize("message", WRONG)
def test_anything_else_is_one_clear_error(message, hdu):
    with pytest.raises(InputError, match=message) as raised:
        read_source(WRONG[message](hdu))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 3 * u.Jy}, r"beam 3.0 Jy has the wrong unit: give arcsec"),
        ({"beam": "wide"}, "'wide' is not a beam"),
        ({"noise": 3 * u.K}, r"noise 3.0 K has the wrong unit: give Jy/beam"),
        ({"position": SkyCoord([1, 2] * u.deg, [3, 4] * u.deg)}, "holds 2 positions: give one"),
        ({"position": (1 * u.Jy, 2 * u.deg)}, "position 1.0 Jy has the wrong unit"),
        ({"position": 5}, "position 5 is not RA,DEC"),
    ],
)
def test_a_wrong_unit_is_one_clear_error(options, message):
    with pytest.raises(InputError, match=message):
        read_fits(FRII, **options)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda hdu: hdu, {"pixel_scale": 1.8}, "pixel_scale: not an option of an HDU"),
        (lambda hdu: hdu.data, {"position": MIDDLE}, "position: not an option of an array"),
        (lambda hdu: cutout_from_field(hdu.data), {"beam": 5.4}, "beam: not an option of a Cutout"),
        (lambda hdu: hdu.data[:150, :150], {"beam": 5.4}, "a map needs pixel_scale= and beam="),
    ],
)
def test_an_option_that_does_not_apply_is_refused(make, options, message, hdu):
    with pytest.raises(InputError, match=message):
        read_source(make(hdu), **options)


def test_batches_are_distinguished_from_sources(hdu):
    images = np.zeros((3, 150, 150), np.uint8)
    assert all(map(is_batch, (images, images[..., None], [FRII], (FRII,), iter([FRII]))))
    single = (images[0], FRII, str(FRII), hdu, fits.HDUList([hdu]), NDData(hdu.data), {}, 5, b"")
    assert not any(map(is_batch, single))


def test_objects_are_shown_in_one_line(expected):
    # 71 arcsec and 45 sigma: the table of `astroattn demo` in the README.
    assert repr(expected).startswith("Cutout(peak / noise 44.5, size 70.6 arcsec, beam 5.4 arcsec")
    with FitsMap(FRII) as sky:
        assert repr(sky).endswith("frii.fits', 300 x 300 pixels, beam 5.4 arcsec)")
