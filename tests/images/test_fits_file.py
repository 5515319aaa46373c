"""Sizes and parameters that a header states are checked before astropy believes them."""

import bz2
import gzip
import io
import lzma

import numpy as np
import pytest
from astropy.io import fits
from support.synthetic_maps import celestial_header, noise

from keras_astroattn.errors import InputError
from keras_astroattn.images import read_fits
from keras_astroattn.images.fits_file import check_compression, open_fits, read_headers

SHAPE = (320, 340)


def content(*hdus):
    stream = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(stream)
    return stream.getvalue()


def with_card(raw, keyword, value):
    """The bytes of a file with another value in the (first) card of a keyword."""
    start = raw.index(f"{keyword:8}= ".encode())
    card = f"{keyword:8}= {value:>20}".ljust(80).encode()
    return raw[:start] + card + raw[start + 80 :]


def image():
    return fits.PrimaryHDU(noise(SHAPE), celestial_header(SHAPE))


def test_sizes_are_those_that_astropy_finds():
    table = fits.BinTableHDU.from_columns([fits.Column("a", "PE()", array=[[1.0], [2.0, 3.0]])])
    raw = content(image(), table, fits.ImageHDU(np.zeros((3, 4, 5), ">i2")), fits.ImageHDU())
    headers = read_headers(io.BytesIO(raw))
    with fits.open(io.BytesIO(raw)) as hdus:
        expected = [hdu.fileinfo()["datLoc"] for hdu in hdus]
        sizes = [hdu.size for hdu in hdus]
    assert [header.data_start for header in headers] == expected
    assert [header.data_size for header in headers] == sizes
    assert headers[2].shape == (5, 4, 3)
    assert headers[0].values["CRVAL2"] == 30.0
    assert headers[0].values["CTYPE1"] == "RA---TAN"
    assert all(header.is_complete for header in headers)


def test_values_are_read_as_the_standard_writes_them():
    header = fits.Header()
    header["TEXT"], header["QUOTE"], header["EMPTY"] = "a / b", "it''s", ""
    header["NONE"], header["FLAG"], header["COUNT"] = None, True, -3
    raw = with_card(content(fits.PrimaryHDU(header=header)), "COUNT", "1.5D-3")
    values = read_headers(io.BytesIO(raw))[0].values
    with fits.open(io.BytesIO(raw)) as hdus:
        expected = {key: hdus[0].header[key] for key in ("TEXT", "QUOTE", "EMPTY", "FLAG", "COUNT")}
    assert {key: values[key] for key in expected} == expected
    assert values["NONE"] is None


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("NAXIS", "2147483647", "NAXIS = 2147483647"),
        ("NAXIS", "-1", "NAXIS = -1"),
        ("NAXIS", "'two'", "NAXIS = 'two'"),
        ("NAXIS1", "'wide'", "NAXIS1 = 'wide'"),
        ("NAXIS2", "-320", "NAXIS2 = -320"),
        ("NAXIS2", "2147483647", "truncated"),
        ("BITPIX", "7", "BITPIX = 7"),
        ("BITPIX", "'-32'", "BITPIX = '-32'"),
    ],
)
def test_impossible_sizes_are_one_line_at_once(tmp_path, keyword, value, reason):
    path = tmp_path / "image.fits"
    path.write_bytes(with_card(content(image()), keyword, value))
    with pytest.raises(InputError, match=reason) as caught:
        read_fits(path)
    assert str(caught.value).count(str(path)) == 1
    assert "\n" not in str(caught.value)


def test_impossible_number_of_columns_is_one_line(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    path = tmp_path / "table.fits"
    path.write_bytes(with_card(content(image(), table), "TFIELDS", "2147483647"))
    with pytest.raises(InputError, match="TFIELDS = 2147483647"):
        read_fits(path)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_unpacked_or_refused_as_a_whole(tmp_path, pack):
    raw = content(image())
    packed = pack(raw)
    (tmp_path / "whole.fits.gz").write_bytes(packed)
    (tmp_path / "plain.fits").write_bytes(raw)
    whole, plain = read_fits(tmp_path / "whole.fits.gz"), read_fits(tmp_path / "plain.fits")
    np.testing.assert_array_equal(whole.brightness, plain.brightness)
    (tmp_path / "cut.fits.gz").write_bytes(packed[:-6])
    (tmp_path / "flipped.fits.gz").write_bytes(
        packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:]  # gzip's checksum is in the last 8
    )
    for name in ("cut", "flipped"):
        with pytest.raises(InputError, match="fetch it again") as caught:
            read_fits(tmp_path / f"{name}.fits.gz")
        assert "\n" not in str(caught.value)


def test_damage_after_the_pixels_of_a_packed_file_is_seen(tmp_path):
    damaged = bytearray(gzip.compress(content(image(), fits.ImageHDU(noise(SHAPE, seed=5)))))
    damaged[len(damaged) * 3 // 4] ^= 255
    (tmp_path / "damaged.fits.gz").write_bytes(damaged)
    with pytest.raises(InputError, match="fetch it again"):
        read_fits(tmp_path / "damaged.fits.gz")


def compressed(tmp_path, **cards):
    hdu = fits.CompImageHDU(noise((64, 64)), celestial_header((64, 64)), compression_type="RICE_1")
    hdu.writeto(tmp_path / "good.fits", overwrite=True)
    raw = (tmp_path / "good.fits").read_bytes()
    for keyword, value in cards.items():
        raw = with_card(raw, keyword, value)
    path = tmp_path / "compressed.fits"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ZVAL2", "2147483647"), ("ZVAL2", "-4"), ("ZVAL2", "8"), ("ZVAL2", "'4'"),
        ("ZVAL1", "0"), ("ZVAL1", "1000000"), ("ZVAL1", "31.5"), ("ZNAME1", "7"),
        ("ZCMPTYPE", "'LOSSLESS'"), ("ZCMPTYPE", "1"), ("ZBITPIX", "12"), ("ZBITPIX", "'x'"),
        ("ZNAXIS", "2147483647"), ("ZNAXIS1", "'64'"), ("ZNAXIS1", "-64"),
        ("ZNAXIS1", "2147483647"), ("ZNAXIS2", "2147483647"), ("ZTILE1", "0"), ("ZTILE1", "'x'"),
        ("ZTILE2", "-1"), ("ZTILE1", "1"),
    ],
)  # fmt: skip
def test_nonsense_compression_is_refused_before_it_is_decoded(tmp_path, keyword, value):
    with pytest.raises(InputError, match=r"is invalid|is unknown") as caught:
        read_fits(compressed(tmp_path, **{keyword: value}))
    assert "\n" not in str(caught.value)


def test_good_compression_passes(tmp_path):
    for codec in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS"):
        hdu = fits.CompImageHDU(noise((64, 72)), compression_type=codec, tile_shape=(24, 20))
        hdu.writeto(tmp_path / f"{codec}.fits")
        with open_fits(tmp_path / f"{codec}.fits")[0] as file:
            check_compression(read_headers(file)[1])
