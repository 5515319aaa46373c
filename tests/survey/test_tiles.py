"""Which tile a source is cut from; expected pixels are astropy's own."""

import errno
import gc
import os
import weakref

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap
from keras_astroattn.survey import tiles as module
from keras_astroattn.survey.tiles import MapOptions, find_tiles, index_tiles


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(tmp_path / "cache"))


def write_tile(path, ra, dec, size=400, scale=1.8, projection="TAN", axes=("RA---", "DEC--")):
    header = fits.Header()
    for axis, (name, value) in enumerate(zip(axes, (ra, dec), strict=True), start=1):
        header[f"CTYPE{axis}"] = name + projection
        header[f"CRVAL{axis}"] = value
        header[f"CRPIX{axis}"] = (size + 1) / 2
        header[f"CDELT{axis}"] = (-1 if axis == 1 else 1) * scale / 3600
    header["BMAJ"] = header["BMIN"] = 5.4 / 3600
    path.parent.mkdir(exist_ok=True)
    fits.PrimaryHDU(np.zeros((size, size), np.float32), header).writeto(path)
    return header


def tile_of(paths, ra, dec):
    found = index_tiles([str(path) for path in paths]).assign(
        np.array(ra, float), np.array(dec, float)
    )
    return found


@pytest.mark.parametrize("projection", ["TAN", "SIN"])
@pytest.mark.parametrize("dec", [-89.95, -45.0, 0.0, 60.0, 89.95])
def test_a_source_goes_to_the_tile_that_holds_it_furthest_from_an_edge(tmp_path, projection, dec):
    rng = np.random.default_rng(3)
    paths, wcss = [], []
    for number in range(6):
        east, north = (number % 3 - 1) * 0.15, (number // 3) * 0.12 - 0.06
        middle = SkyCoord(0.0, dec, unit="deg").spherical_offsets_by(
            east * SkyCoord(0, 0, unit="deg").ra.unit, north * SkyCoord(0, 0, unit="deg").ra.unit
        )
        paths.append(tmp_path / "tiles" / f"{number}.fits")
        wcss.append(WCS(write_tile(paths[-1], middle.ra.deg, middle.dec.deg, 400, 1.8, projection)))
    sky = SkyCoord(0.0, dec, unit="deg").directional_offset_by(
        rng.uniform(0, 360, 400) * SkyCoord(0, 0, unit="deg").ra.unit,
        rng.uniform(0, 0.35, 400) * SkyCoord(0, 0, unit="deg").ra.unit,
    )
    found = tile_of(paths, sky.ra.deg, sky.dec.deg)
    depths = []
    for wcs in wcss:
        x, y = wcs.world_to_pixel(sky)
        depths.append(np.minimum.reduce([x + 0.5, 399.5 - x, y + 0.5, 399.5 - y]))
    depths = np.array(depths)
    inside = depths.max(axis=0) >= 0
    assert 50 < inside.sum() < 400
    assert (found.tile[~inside] == -1).all()
    deepest = depths[found.tile[inside], np.flatnonzero(inside)]
    np.testing.assert_allclose(deepest, depths.max(axis=0)[inside], atol=1e-6)
    for place in range(400):
        tiles = found.all_of(place)
        assert sorted(tiles) == np.flatnonzero(depths[:, place] >= 0).tolist()
        np.testing.assert_allclose(
            depths[tiles, place], np.sort(depths[tiles, place])[::-1], atol=1e-6
        )


def test_galactic_tiles_hold_equatorial_sources(tmp_path):
    path = tmp_path / "tiles" / "galactic.fits"
    write_tile(path, 120.0, 10.0, axes=("GLON-", "GLAT-"))
    inside = SkyCoord(120.05, 10.05, unit="deg", frame="galactic").icrs
    outside = SkyCoord(120.0, 10.3, unit="deg", frame="galactic").icrs
    found = tile_of([path], [inside.ra.deg, outside.ra.deg], [inside.dec.deg, outside.dec.deg])
    assert found.tile.tolist() == [0, -1]


def test_nan_is_on_no_tile(tmp_path):
    path = tmp_path / "tiles" / "a.fits"
    write_tile(path, 10.0, 0.0)
    assert tile_of([path], [10.0, np.nan], [0.0, np.nan]).tile.tolist() == [0, -1]


def test_the_index_is_kept_until_a_tile_changes(tmp_path, monkeypatch):
    paths = [tmp_path / "tiles" / name for name in ("a.fits", "b.fits")]
    for number, path in enumerate(paths):
        write_tile(path, 10.0 + number, 0.0)
    names = [str(path) for path in paths]
    first = index_tiles(names)
    read = []
    original = module._read_tile
    monkeypatch.setattr(module, "_read_tile", lambda p, *a: read.append(p) or original(p, *a))
    assert index_tiles(names).tiles == first.tiles
    assert read == []
    paths[1].unlink()
    write_tile(paths[1], 20.0, 0.0, size=300)
    again = index_tiles(names)
    assert read == [names[1]]
    assert again.tiles[1].centre == pytest.approx((20.0, 0.0))


def test_a_damaged_index_is_made_again(tmp_path):
    path = tmp_path / "tiles" / "a.fits"
    write_tile(path, 10.0, 0.0)
    first = index_tiles([str(path)])
    (kept,) = (tmp_path / "cache" / "tiles").iterdir()
    kept.write_text(kept.read_text()[:100])
    assert index_tiles([str(path)]).tiles == first.tiles


def test_a_tile_that_cannot_be_read_holds_nothing_and_says_why(tmp_path):
    good, cut, none = (tmp_path / "tiles" / name for name in ("a.fits", "b.fits", "c.fits"))
    write_tile(good, 10.0, 0.0)
    write_tile(cut, 11.0, 0.0)
    cut.write_bytes(cut.read_bytes()[:10000])
    found = index_tiles([str(good), str(cut), str(none)])
    assert found.assign(np.array([10.0, 11.0]), np.zeros(2)).tile.tolist() == [0, -1]
    assert [tile.error is None for tile in found.tiles] == [True, False, False]
    assert "truncated" in found.tiles[1].error


def test_an_error_of_the_system_is_not_kept(tmp_path, monkeypatch):
    """The file is the same afterwards, to the nanosecond: only its content may be remembered."""
    path = tmp_path / "tiles" / "a.fits"
    write_tile(path, 10.0, 0.0)
    good = index_tiles([str(path)], MapOptions(channel=0)).tiles[0]
    for number in (errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE):
        with monkeypatch.context() as broken:

            def refuse(*_, number=number, **__):
                raise OSError(number, os.strerror(number))

            broken.setattr("builtins.open", refuse)
            (tile,) = index_tiles([str(path)]).tiles
        assert tile.error == os.strerror(number)
        assert index_tiles([str(path)], MapOptions(channel=0)).tiles[0] == good
    assert index_tiles([str(path)]).tiles[0].error is None


def test_an_error_of_the_content_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "tiles" / "a.fits"
    write_tile(path, 10.0, 0.0)
    path.write_bytes(path.read_bytes()[:10000])
    first = index_tiles([str(path)])
    assert "truncated" in first.tiles[0].error
    monkeypatch.setattr(module, "_read_tile", None)
    assert index_tiles([str(path)]).tiles[0].error == first.tiles[0].error


def test_a_tile_that_raises_anything_is_a_tile_with_an_error(tmp_path, monkeypatch):
    path = tmp_path / "tiles" / "a.fits"
    write_tile(path, 10.0, 0.0)

    def strange(*_):
        raise OverflowError("of a strange header")

    monkeypatch.setattr(module, "_footprint", strange)
    (tile,) = index_tiles([str(path)]).tiles
    assert tile.error == "OverflowError: of a strange header"


def test_tiles_are_found_by_pattern_folder_and_list(tmp_path):
    for name in ("a.fits", "b.fits", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    a, b = str(tmp_path / "a.fits"), str(tmp_path / "b.fits")
    assert find_tiles([str(tmp_path)]) == [a, b]
    assert find_tiles([str(tmp_path / "*.fits"), a]) == [a, b]
    listed = tmp_path / "tiles.lst"
    listed.write_text("# mine\nb.fits\n\n")
    assert find_tiles([str(listed)]) == [b]
    for named in (tmp_path / "*.fit", tmp_path / "nowhere.lst", tmp_path / "c.txt" / "x"):
        with pytest.raises(InputError, match="--images"):
            find_tiles([str(named)])


def test_a_closed_tile_leaves_memory_without_the_garbage_collector(world):
    """Which seldom runs: a worker would hold the pixels of all tiles that it ever had open."""
    gc.disable()
    try:
        for path in world.simulated.tiles:
            with FitsMap(path) as sky:
                sky.cutout((float(sky.keywords["CRVAL1"]), float(sky.keywords["CRVAL2"])))
            left = weakref.ref(sky)
            del sky
            assert left() is None
    finally:
        gc.enable()
