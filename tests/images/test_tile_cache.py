"""The cache of a map's pixels: right values, each tile read once, bounded memory."""

import numpy as np
import pytest
from astropy.io import fits
from support.synthetic_maps import celestial_header, noise, write

from keras_astroattn.images import FitsMap, tile_cache
from keras_astroattn.images.tile_cache import TileCache

PLACES = ((75.0, 75.0), (300.0, 250.5), (310.2, 250.5), (599.0, 0.0), (10.0, 449.0), (599.0, 449.0))


class Counted:
    """An array that counts how often each of its pixels is read."""

    def __init__(self, shape):
        self.values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        self.reads = np.zeros(shape, int)

    def __call__(self, rows, columns):
        self.reads[rows, columns] += 1
        return self.values[rows, columns]


@pytest.mark.parametrize("block", [(1, 250), (100, 70), (64, 64), (300, 300)])
def test_sections_are_those_of_the_whole(block):
    source = Counted((190, 250))
    sections = TileCache(source, source.values.shape, block)
    rng = np.random.default_rng(0)
    for _ in range(100):
        top, left = rng.integers(0, 189), rng.integers(0, 249)
        rows = slice(top, rng.integers(top + 1, 191))
        columns = slice(left, rng.integers(left + 1, 251))
        np.testing.assert_array_equal(sections.section(rows, columns), source.values[rows, columns])
    assert source.reads.max() == 1


def test_tiles_hold_whole_blocks():
    asked = []
    shape = (90, 80)
    sections = TileCache(lambda *slices: asked.append(slices) or np.zeros(shape), shape, (30, 80))
    sections.section(slice(0, 20), slice(5, 9))
    # 90 rows are the least multiple of 30 that is not below 64.
    assert asked == [(slice(0, 90), slice(0, 80))]


def test_no_more_than_the_latest_tiles_are_kept(monkeypatch):
    monkeypatch.setattr(tile_cache, "_LARGEST_CACHE", 2 * 64 * 100 * 4)
    source = Counted((256, 100))
    sections = TileCache(source, source.values.shape, (64, 100))
    for top in (0, 64, 128, 64, 0):
        sections.section(slice(top, top + 64), slice(0, 100))
    # The first cell had gone when the third came; the second had not.
    assert source.reads[::64, 0].tolist() == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("compression", "tile_shape"), [("GZIP_2", (128, 100)), ("RICE_1", (1, 600)), ("GZIP_1", None)]
)
def test_every_way_to_store_a_map_gives_the_same_cutouts(tmp_path, compression, tile_shape):
    shape = (450, 600)
    field, header = noise(shape), celestial_header(shape)
    if compression == "RICE_1":  # lossless for integers alone
        field = np.round(field / 1e-6).astype(np.int32)
    plain = write(tmp_path / "plain.fits", field.astype(np.float32), header)
    packed = tmp_path / "packed.fits.fz"
    fits.CompImageHDU(
        field, header, compression_type=compression, tile_shape=tile_shape, quantize_level=0
    ).writeto(packed)
    with FitsMap(plain) as one, FitsMap(packed) as other:
        for pixel in PLACES:
            expected, given = (
                sky.cutout((180.0, 30.0), pixel=np.array(pixel)) for sky in (one, other)
            )
            np.testing.assert_array_equal(given.brightness, expected.brightness)
            assert given.noise == expected.noise


def test_long_rows_are_read_in_part(tmp_path):
    shape = (40, 5000)
    field = noise(shape)
    path = write(tmp_path / "wide.fits", field, celestial_header(shape))
    with FitsMap(path) as sky:
        brightness = sky.cutout((180.0, 30.0), pixel=np.array([4900.0, 20.0])).brightness
    # The source is pixel 75 of the frame, which reaches 55 rows beyond the map on either side.
    np.testing.assert_array_equal(brightness[55:95], field[:, 4825:4975])
    assert np.isnan(brightness[:55]).all()
    assert np.isnan(brightness[95:]).all()
