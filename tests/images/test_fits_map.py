"""FITS files of every shape: what is read is what was written, and where."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import Beam, FitsMap, flags, read_fits

SHAPE = (320, 340)


@pytest.fixture
def field():
    """Noise, with a source in the middle and another to the upper left."""
    image = noise(SHAPE, 1e-4, seed=1)
    image += gaussian(SHAPE, 169.5, 159.5, 16.0, 9.0, peak=0.01, scale=1.8).astype(np.float32)
    image += gaussian(SHAPE, 250, 230, 5.4, peak=0.02, scale=1.8).astype(np.float32)
    return image


@pytest.fixture
def plain(tmp_path, field):
    return write(tmp_path / "plain.fits", field, celestial_header(SHAPE))


def same(one, other):
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.brightness, other.brightness)
    assert (one.noise, one.peak_snr, one.beam) == (other.noise, other.peak_snr, other.beam)


def test_plain_file(plain, field):
    cutout = read_fits(plain)
    np.testing.assert_array_equal(cutout.brightness, field[85:235, 95:245])
    assert cutout.flags == ()
    assert cutout.beam == Beam(5.4, 5.4)
    assert cutout.noise == pytest.approx(1e-4, rel=0.03)
    assert cutout.peak_snr == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize("axes", [3, 4])
def test_degenerate_axes_change_nothing(tmp_path, plain, field, axes):
    data = field.reshape((1,) * (axes - 2) + SHAPE)
    path = write(tmp_path / "more.fits", data, celestial_header(SHAPE, axes=axes))
    same(read_fits(path), read_fits(plain))


def test_position_on_four_axes_reads_the_right_pixels(tmp_path, field):
    header = celestial_header(SHAPE, axes=4)
    path = write(tmp_path / "four.fits", field.reshape((1, 1, *SHAPE)), header)
    ra, dec = WCS(header).celestial.wcs_pix2world([[250, 230]], 0)[0]
    brightness = read_fits(path, (ra, dec)).brightness
    # 250 lies between the pixels 249.5 - 0.5 and + 0.5 of the middle.
    peak = np.unravel_index(np.nanargmax(brightness), brightness.shape)
    assert set(peak) <= {74, 75}


def test_lossless_compression_changes_nothing(tmp_path, plain, field):
    path = tmp_path / "compressed.fits.fz"
    hdu = fits.CompImageHDU(
        field, celestial_header(SHAPE), compression_type="GZIP_2", quantize_level=0
    )
    hdu.writeto(path)
    same(read_fits(path), read_fits(plain))
    ra_dec = (179.95, 30.05)
    same(read_fits(path, ra_dec), read_fits(plain, ra_dec))


def test_gzipped_file(tmp_path, plain, field):
    path = tmp_path / "packed.fits.gz"
    fits.PrimaryHDU(field, celestial_header(SHAPE)).writeto(path)
    same(read_fits(path), read_fits(plain))


@pytest.mark.parametrize(("dtype", "offset"), [("int16", 0), ("int32", 0), ("uint8", 0.01)])
def test_scaled_integers_are_the_physical_values(tmp_path, field, dtype, offset):
    scale = 2e-6 if dtype != "uint8" else 1e-4
    limits = np.iinfo(dtype)
    stored = np.clip(np.round((field - offset + 0.01) / scale), limits.min, limits.max)
    hdu = fits.PrimaryHDU(stored.astype(dtype), celestial_header(SHAPE))
    hdu.header["BSCALE"], hdu.header["BZERO"] = scale, offset - 0.01
    path = tmp_path / "scaled.fits"
    hdu.writeto(path)
    with open(path, "rb") as file:
        assert b"BSCALE" in file.read(28800)
    expected, found = stored * scale + offset - 0.01, read_fits(path).brightness
    np.testing.assert_allclose(found, expected[85:235, 95:245], rtol=1e-5, atol=1e-8)
    by_astropy = fits.getdata(path).astype(np.float32)
    np.testing.assert_array_equal(found, by_astropy[85:235, 95:245])


def test_blank_integers_are_unknown(tmp_path, field):
    stored = np.round(field / 2e-6).astype(np.int32)
    stored[150:155, 165:170] = -99999
    hdu = fits.PrimaryHDU(stored, celestial_header(SHAPE, BLANK=-99999))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 2e-6, 0.0
    hdu.writeto(tmp_path / "blank.fits")
    cutout = read_fits(tmp_path / "blank.fits")
    assert np.isnan(cutout.brightness[65:70, 70:75]).all()
    assert np.isnan(cutout.brightness).sum() == 25
    assert flags.NAN_FILLED in cutout.flags


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("mJy/beam", 1e-3), ("MJY/BEAM", 1e-3), ("uJy beam-1", 1e-6), ("Jy/Beam", 1.0),
        ("JY/BEAM ", 1.0), ("Jy beam^-1", 1.0), ("mJy.beam-1", 1e-3),
        # A beam of 5.4" has 10.197 pixels of 1.8".
        ("Jy/pixel", 10.197),
    ],
)  # fmt: skip
def test_units_become_jansky_per_beam(tmp_path, field, unit, factor):
    path = write(tmp_path / "unit.fits", field, celestial_header(SHAPE, BUNIT=unit))
    cutout = read_fits(path)
    assert cutout.noise == pytest.approx(1e-4 * factor, rel=0.03)
    assert flags.UNKNOWN_UNIT not in cutout.flags


@pytest.mark.parametrize("unit", ["K", "", "counts", "Jy"])
def test_unknown_units_are_flagged(tmp_path, field, unit):
    path = write(tmp_path / "unit.fits", field, celestial_header(SHAPE, BUNIT=unit))
    assert flags.UNKNOWN_UNIT in read_fits(path).flags


def stokes_cube(tmp_path, codes, field):
    header = celestial_header(SHAPE, axes=4, CRVAL4=float(codes[0]))
    if len(codes) > 1:
        header["CDELT4"] = float(codes[1] - codes[0])
    planes = np.stack([field * (i + 1) for i in range(len(codes))])[:, None]
    return write(tmp_path / "stokes.fits", planes, header)


def test_stokes_planes_are_distinguished(tmp_path, field):
    path = stokes_cube(tmp_path, [1, 2, 3, 4], field)
    window = field[85:235, 95:245]
    np.testing.assert_array_equal(read_fits(path).brightness, window)
    np.testing.assert_array_equal(read_fits(path, stokes="v").brightness, window * 4)
    circular = stokes_cube_at(tmp_path / "circular", [-1, -2], field)
    np.testing.assert_array_equal(read_fits(circular, stokes="LL").brightness, window * 2)
    with pytest.raises(InputError, match="no Stokes I: the file holds RR, LL"):
        read_fits(circular)
    with pytest.raises(InputError, match="not a Stokes parameter"):
        read_fits(path, stokes="W")


def stokes_cube_at(folder, codes, field):
    folder.mkdir()
    return stokes_cube(folder, codes, field)


def test_lone_stokes_v_must_be_asked_for(tmp_path, field):
    path = stokes_cube(tmp_path, [4], field)
    with pytest.raises(InputError, match="holds V"):
        read_fits(path)
    assert read_fits(path, stokes="V").peak_snr > 50


def test_stokes_of_a_map_without_stokes(plain):
    read_fits(plain, stokes="I")
    with pytest.raises(InputError, match="no Stokes axis"):
        read_fits(plain, stokes="V")


def test_cube_needs_a_channel(tmp_path, field):
    planes = np.stack([field, 2 * field, 3 * field])
    path = write(tmp_path / "cube.fits", planes, celestial_header(SHAPE, axes=3))
    with pytest.raises(InputError, match="3 planes along FREQ"):
        read_fits(path)
    brightness = read_fits(path, channel=2).brightness
    np.testing.assert_array_equal(brightness, 3 * field[85:235, 95:245])
    with pytest.raises(InputError, match="no channel 3"):
        read_fits(path, channel=3)


def test_swapped_celestial_axes_are_put_right(tmp_path, plain, field):
    header = celestial_header(SHAPE)
    swapped = header.copy()
    for key in ("CTYPE", "CRVAL", "CRPIX", "CDELT"):
        swapped[f"{key}1"], swapped[f"{key}2"] = header[f"{key}2"], header[f"{key}1"]
    path = write(tmp_path / "swapped.fits", np.ascontiguousarray(field.T), swapped)
    same(read_fits(path), read_fits(plain))
    same(read_fits(path, (179.95, 30.03)), read_fits(plain, (179.95, 30.03)))


def test_hdu_by_number_and_name(tmp_path, field, plain):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    header = celestial_header(SHAPE)
    hdus = [
        fits.PrimaryHDU(), table,
        fits.ImageHDU(field, header, name="MAP"), fits.ImageHDU(2 * field, header, name="TWICE"),
    ]  # fmt: skip
    path = tmp_path / "several.fits"
    fits.HDUList(hdus).writeto(path)
    same(read_fits(path), read_fits(plain))
    for hdu in (3, "3", "twice"):
        np.testing.assert_array_equal(
            read_fits(path, hdu=hdu).brightness, 2 * field[85:235, 95:245]
        )
    with pytest.raises(InputError, match="no HDU 9"):
        read_fits(path, hdu=9)
    with pytest.raises(InputError, match="no HDU 'NONE'"):
        read_fits(path, hdu="NONE")
    with pytest.raises(InputError, match="holds no image"):
        read_fits(path, hdu=1)


@pytest.mark.parametrize("projection", ["TAN", "SIN"])
@pytest.mark.parametrize(
    ("ra", "dec"), [(180.0, 30.0), (359.99, 0.0), (0.01, -45.0), (77.0, 89.9), (10.0, -89.95)]
)
def test_source_at_a_known_position_is_found(tmp_path, projection, ra, dec):
    shape = (900, 900)
    header = celestial_header(shape, ra, dec, projection=projection, axes=4)
    wcs = WCS(header).celestial
    for x, y in ((300.0, 620.0), (700.0, 250.0)):
        data = noise(shape, 1e-4) + gaussian(shape, x, y, 5.4, peak=0.1, scale=1.8)
        path = tmp_path / f"{x:.0f}.fits"
        write(path, data.astype(np.float32)[None, None], header)
        position = wcs.wcs_pix2world([[x, y]], 0)[0]
        cutout = read_fits(path, tuple(position))
        peak = np.unravel_index(cutout.brightness.argmax(), (150, 150))
        assert set(peak) <= {74, 75}
        # The cutout's own WCS puts that pixel back where the source is, to a pixel.
        x_frame, y_frame = cutout.wcs.wcs_world2pix([position], 0)[0]
        assert (x_frame, y_frame) == pytest.approx(peak[::-1], abs=1e-3)


@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_resampled_cutout_knows_where_it_is(tmp_path, turn):
    shape = (900, 900)
    header = celestial_header(shape, 359.99, 60.0, scale=0.9, beam=(2.5, 2.0, 30.0), axes=3)
    header["CROTA2"] = turn
    wcs = WCS(header).celestial
    x, y = 380.3, 510.9
    position = wcs.wcs_pix2world([[x, y]], 0)[0]
    data = noise(shape, 1e-6) + gaussian(shape, x, y, 3.0, peak=0.1, scale=0.9)
    path = write(tmp_path / "fine.fits", data.astype(np.float32)[None], header)
    cutout = read_fits(path, f"{position[0]}, {position[1]}", centre="position")
    assert {flags.SMOOTHED, flags.RESAMPLED} <= set(cutout.flags)
    weights = np.where(cutout.brightness > 0.01, cutout.brightness, 0).astype(float)
    rows, columns = np.indices((150, 150))
    centroid = [(weights * columns).sum() / weights.sum(), (weights * rows).sum() / weights.sum()]
    assert centroid == pytest.approx([74.5, 74.5], abs=0.02)
    found = cutout.wcs.wcs_pix2world([centroid], 0)[0]
    offset = (found - position) * 3600 * [np.cos(np.radians(60)), 1]
    assert np.hypot(*offset) < 0.05


def test_fk4_and_galactic_maps_take_icrs_positions(tmp_path):
    shape = (400, 400)
    data = noise(shape) + gaussian(shape, 250, 150, 5.4, peak=0.1, scale=1.8).astype(np.float32)
    # M 87: J2000 187.70593, +12.39112; galactic 283.77779, 74.49116; B1950 12 28 17.57 +12 40 01.7
    # (NASA/IPAC Extragalactic Database).
    galactic = celestial_header(shape, 283.77779, 74.49116)
    galactic["CTYPE1"], galactic["CTYPE2"] = "GLON-TAN", "GLAT-TAN"
    del galactic["RADESYS"]
    old = celestial_header(shape, 187.07321, 12.66714, EQUINOX=1950.0, RADESYS="FK4")
    for header in (galactic, old):
        header["CRPIX1"], header["CRPIX2"] = 251, 151
        path = write(tmp_path / f"{header['CTYPE1'][:2]}.fits", data, header)
        brightness = read_fits(path, (187.70593, 12.39112)).brightness
        peak = np.unravel_index(np.nanargmax(brightness), brightness.shape)
        assert np.hypot(peak[0] - 74.5, peak[1] - 74.5) < 1.8


def test_position_near_the_edge_is_padded_and_flagged(plain, field):
    header = celestial_header(SHAPE)
    ra, dec = WCS(header).wcs_pix2world([[10.3, 299.7]], 0)[0]
    cutout = read_fits(plain, (ra, dec))
    assert flags.EDGE in cutout.flags
    assert flags.NAN_FILLED not in cutout.flags
    known = np.isfinite(cutout.brightness)
    np.testing.assert_array_equal(cutout.brightness[known].reshape(95, 86), field[225:, :86])
    assert known[:95, 64:].all()
    assert (cutout.pixels[~known] == 0).all()


def test_position_off_the_map(plain):
    for position in ((181.0, 30.0), (0.0, -30.0), (180.0, -89.0)):
        with pytest.raises(InputError, match="not on the map"):
            read_fits(plain, position)


def test_nan_border_counts_as_black_and_not_as_noise(tmp_path, field, plain):
    field[:, :130] = np.nan
    path = write(tmp_path / "border.fits", field, celestial_header(SHAPE))
    cutout = read_fits(path)
    assert flags.NAN_FILLED in cutout.flags
    assert flags.EDGE not in cutout.flags
    assert cutout.noise == pytest.approx(1e-4, rel=0.03)
    assert (cutout.pixels[:, :35] == 0).all()
    known = np.isfinite(cutout.brightness)
    np.testing.assert_array_equal(known, np.isfinite(field[85:235, 95:245]))


def test_blank_part_of_a_map_is_an_error(tmp_path):
    data = noise((700, 700))
    data[:, :350] = np.nan
    header = celestial_header((700, 700))
    path = write(tmp_path / "half.fits", data, header)
    position = WCS(header).wcs_pix2world([[150, 350]], 0)[0]
    with pytest.raises(InputError, match="blank here"):
        read_fits(path, tuple(position))


def test_rms_map_sets_the_mask(tmp_path, plain, field):
    rms = np.full(SHAPE, 1e-4, np.float32)
    rms[:160] = 1.0
    header = celestial_header(SHAPE, axes=4)
    path = write(tmp_path / "rms.fits", rms[None, None], header)
    cutout = read_fits(plain, rms_map=path, centre="position")
    window = field[85:235, 95:245]
    expected = np.where(window > 3 * np.float32(1e-4), window, 0)
    expected[:75] = 0
    np.testing.assert_array_equal(cutout.pixels > 0, (expected / expected.max() * 255) >= 1)
    assert cutout.noise == pytest.approx(0.5, abs=0.5)
    rms[:] = 1e-4
    rms[150:170] = np.nan
    path = write(tmp_path / "rms2.fits", rms, celestial_header(SHAPE))
    cutout = read_fits(plain, rms_map=path)
    assert cutout.noise == pytest.approx(1e-4)
    assert (cutout.pixels[65:85] == 0).all()


def test_rms_map_of_another_grid(tmp_path, plain):
    path = write(tmp_path / "rms.fits", np.ones((100, 100)), celestial_header((100, 100)))
    with pytest.raises(InputError, match="same pixels"):
        read_fits(plain, rms_map=path)
    with pytest.raises(InputError, match="either a noise or a noise map"):
        read_fits(plain, rms_map=plain, noise=1e-4)


def test_beam_from_the_header_the_caller_and_aips(tmp_path, field):
    none = celestial_header(SHAPE, beam=None)
    assert flags.NO_BEAM in read_fits(write(tmp_path / "none.fits", field, none)).flags
    given = read_fits(tmp_path / "none.fits", beam=5.4)
    assert flags.NO_BEAM not in given.flags
    assert given.beam == Beam(5.4, 5.4)
    aips = none.copy()
    aips["HISTORY"] = "AIPS   CLEAN BMAJ=  1.2500E-02 BMIN=  1.2500E-02 BPA=   0.00"
    aips["HISTORY"] = "AIPS   CLEAN BMAJ=  1.7778E-03 BMIN=  1.6667E-03 BPA= -32.50"
    beam = read_fits(write(tmp_path / "aips.fits", field, aips)).beam
    assert (beam.major, beam.minor, beam.angle) == pytest.approx((6.4, 6.0, -32.5), abs=1e-3)
    assert read_fits(tmp_path / "aips.fits", beam=(5.4, 5.4, 0)).beam == Beam(5.4, 5.4, 0)


def test_first_is_known_by_its_card_or_its_history(tmp_path, field):
    for i, (key, value) in enumerate(
        [("SURVEY", "FIRST"), ("HISTORY", "The VLA FIRST Survey"), ("COMMENT", "no")]
    ):
        header = celestial_header(SHAPE, beam=None)
        header[key] = value
        with FitsMap(write(tmp_path / f"{i}.fits", field, header)) as sky:
            assert sky.is_first == (value != "no")
            assert sky.beam == (Beam(5.4, 5.4) if value != "no" else None)


def test_map_without_coordinates(tmp_path, field):
    path = write(tmp_path / "bare.fits", field)
    cutout = read_fits(path)
    assert {flags.NO_WCS, flags.NO_BEAM, flags.UNKNOWN_UNIT} <= set(cutout.flags)
    np.testing.assert_array_equal(cutout.brightness, field[85:235, 95:245])
    assert cutout.wcs is None
    assert cutout.pixel_scale == 1.8
    with pytest.raises(InputError, match="no celestial coordinates"):
        read_fits(path, (180.0, 30.0))


def test_mosaic_needs_a_position_and_is_read_by_section(tmp_path):
    # 20000 x 20000 float32 is 1.6 GB; a sparse file of zeros takes no room.
    shape = (20000, 20000)
    header = celestial_header(shape)
    header = fits.PrimaryHDU(np.zeros((1, 1), np.float32), header).header
    header["NAXIS1"], header["NAXIS2"] = shape[1], shape[0]
    path = tmp_path / "mosaic.fits"
    patch = noise((400, 20000), 1e-4) + gaussian((400, 20000), 9000, 200, 5.4, peak=0.1, scale=1.8)
    with open(path, "wb") as file:
        text = header.tostring().encode()
        file.write(text)
        file.seek(len(text) + 4 * 20000 * 6000)
        patch.astype(">f4").tofile(file)
        size = len(text) + 4 * shape[0] * shape[1]
        file.truncate(-(-size // 2880) * 2880)
    with pytest.raises(InputError, match="name the position"):
        read_fits(path)
    ra, dec = WCS(header).wcs_pix2world([[9000, 6200]], 0)[0]
    tracemalloc.start()
    cutout = read_fits(path, (ra, dec))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(np.unravel_index(cutout.brightness.argmax(), (150, 150))) <= {74, 75}
    assert most < 20e6


def test_very_fine_pixels_are_averaged_while_reading(tmp_path):
    # 0.15" pixels: 540" would be 3600 pixels a side; blocks of 4 keep the flux.
    shape = (1300, 1300)
    data = gaussian(shape, 700.2, 640.6, 0.5, peak=0.05, scale=0.15).astype(np.float32)
    header = celestial_header(shape, scale=0.15, beam=(0.5, 0.5, 0.0))
    path = write(tmp_path / "fine.fits", data + noise(shape, 1e-6), header)
    position = WCS(header).wcs_pix2world([[700.2, 640.6]], 0)[0]
    cutout = read_fits(path, tuple(position), centre="position")
    assert np.nanmax(cutout.brightness) == pytest.approx(
        0.05 * np.exp(-4 * np.log(2) * (2 * 0.9**2) / 5.4**2), rel=0.01
    )
    assert flags.EDGE in cutout.flags


def test_headers_with_tabs_and_errors_print_nothing(tmp_path, field):
    path = write(tmp_path / "tabs.fits", field, celestial_header(SHAPE))
    raw = bytearray(path.read_bytes())
    end = raw.index(b"END" + b" " * 77)
    bad = [b"COMMENT hite \t  M.D. Gregg", b"FOO     = 'unclosed", b"lower-k = 3"]
    for i, card in enumerate(bad):
        raw[end + 80 * i : end + 80 * (i + 1)] = card.ljust(80)
    raw[end + 240 : end + 320] = b"END".ljust(80)
    path.write_bytes(raw)
    code = (
        "import sys; from keras_astroattn.images import read_fits\n"
        "c = read_fits(sys.argv[1], (180.0, 30.0)); c.wcs; print(c.flags)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert (answer.stdout.strip(), answer.stderr) == ("()", "")


def bad_files(tmp_path):
    good = write(tmp_path / "good.fits", noise(SHAPE), celestial_header(SHAPE)).read_bytes()
    table = fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([])])
    table.writeto(tmp_path / "table.fits")
    write(tmp_path / "nan.fits", np.full(SHAPE, np.nan, np.float32), celestial_header(SHAPE))
    write(tmp_path / "line.fits", np.zeros(100, np.float32))
    write(tmp_path / "tiny.fits", np.zeros((5, 5), np.float32))
    write(tmp_path / "strip.fits", np.zeros((5, 500), np.float32))
    (tmp_path / "empty.fits").write_bytes(b"")
    (tmp_path / "text.fits").write_text("no FITS at all\n" * 500)
    (tmp_path / "half.fits").write_bytes(good[: len(good) // 2])
    (tmp_path / "head.fits").write_bytes(good[:1000])
    (tmp_path / "gzip.fits.gz").write_bytes(b"\x1f\x8b" + good[:5000])
    (tmp_path / "folder.fits").mkdir()
    return {
        "table": "holds no image", "nan": "blank here", "line": "holds no image",
        "tiny": "5 x 5 pixels", "strip": "500 x 5 pixels", "empty": "is empty",
        "text": "cannot be read as FITS", "half": "truncated", "head": "FITS|truncated|image",
        "gzip.fits.gz": "cannot be read", "folder": "is a folder", "absent": "No such file",
    }  # fmt: skip


def test_bad_files_are_one_line_each(tmp_path):
    for name, reason in bad_files(tmp_path).items():
        path = tmp_path / (name if "." in name else f"{name}.fits")
        with pytest.raises(InputError, match=reason) as caught:
            read_fits(path)
        message = str(caught.value)
        assert "\n" not in message
        assert str(path) in message, message


def test_truncated_compressed_file(tmp_path, field):
    path = tmp_path / "compressed.fits"
    fits.CompImageHDU(field, celestial_header(SHAPE), compression_type="RICE_1").writeto(path)
    path.write_bytes(path.read_bytes()[:60000])
    with pytest.raises(InputError):
        read_fits(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(plain):
    plain.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_fits(plain)


def test_no_permission_is_one_line(plain, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match=r"cannot be read: Permission denied"):
        read_fits(plain)


def test_one_open_map_serves_many_positions(plain, field):
    header = celestial_header(SHAPE)
    pixels = [(100.0, 100.0), (169.0, 160.0), (250.0, 230.0)]
    with FitsMap(plain) as sky:
        for x, y in pixels:
            ra, dec = WCS(header).wcs_pix2world([[x, y]], 0)[0]
            same(sky.cutout((ra, dec)), read_fits(plain, (ra, dec)))
