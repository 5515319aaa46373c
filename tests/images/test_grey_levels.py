"""Pictures and arrays that are not as MiraBest's, and the colours of colormaps."""

import sys

import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats
from PIL import Image
from support.synthetic_maps import gaussian, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_array, cutout_from_field, flags, read_image

SIGMA = 1.5e-4


@pytest.fixture
def sky():
    """Two sources of 80 and 50 sigma in white noise, Jy/beam."""
    field = noise((150, 150), SIGMA, seed=7)
    field += gaussian((150, 150), 60, 75, 12, peak=80 * SIGMA).astype("f4")
    return field + gaussian((150, 150), 90, 75, 12, peak=50 * SIGMA).astype("f4")


@pytest.fixture
def finished(sky):
    """The sky as MiraBest's recipe makes it: blanked at 3 sigma, stretched, truncated."""
    sigma = sigma_clipped_stats(sky, sigma=3, maxiters=5)[2]
    blanked = np.where(sky <= 3 * sigma, np.float32(0), sky)
    return (blanked / blanked.max() * np.float32(255)).astype(np.uint8)


def assert_shown(cutout, expected, *added, off=0):
    """The pixels are right, go to the network, and the flags are these."""
    assert np.abs(cutout.pixels.astype(int) - expected.astype(int)).max() <= off
    np.testing.assert_allclose(cutout.network_input[..., 0], cutout.pixels / 127.5 - 1, atol=1e-6)
    assert set(cutout.flags) == {flags.PICTURE, *added}


@pytest.mark.parametrize("divisor", [2, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
def test_dim_image_is_stretched(finished, divisor, dtype):
    dim = finished // divisor
    expected = np.floor(dim.astype(float) / dim.max() * 255 + 1e-9)
    values = (dim / 255).astype(dtype) if dtype is np.float32 else dim.astype(dtype)
    off = 1 if dtype is np.float32 else 0
    assert_shown(cutout_from_array(values), expected, flags.STRETCHED, off=off)


def test_dim_image_in_network_units_is_stretched(finished):
    values = (finished / 255 * 0.3 * 2 - 1).astype(np.float32)
    assert_shown(cutout_from_array(values), finished, flags.STRETCHED, off=1)


def test_blanked_map_in_jansky_is_stretched(sky):
    sigma = np.float32(sigma_clipped_stats(sky, sigma=3, maxiters=5)[2])
    blanked = np.where(sky <= 3 * sigma, np.float32(0), sky)
    expected = (blanked / blanked.max() * np.float32(255)).astype(np.uint8)
    assert_shown(cutout_from_array(blanked), expected, flags.STRETCHED, off=1)


def test_map_in_jansky_needs_its_pixel_scale_and_beam(sky, tmp_path):
    np.save(tmp_path / "a.npy", sky)
    with pytest.raises(InputError, match="pixel scale and beam"):
        read_image(tmp_path / "a.npy")
    found = read_image(tmp_path / "a.npy", pixel_scale=1.8, beam=(5.4,))
    expected = cutout_from_field(sky, 1.8, 5.4)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.noise == expected.noise == pytest.approx(SIGMA, rel=0.02)
    assert found.flags == expected.flags
    assert flags.NO_BEAM in read_image(tmp_path / "a.npy", pixel_scale=1.8).flags


def test_array_of_another_size_is_a_map_with_its_pixel_scale(tmp_path):
    field = noise((400, 300), SIGMA) + gaussian((400, 300), 149.5, 199.5, 18, peak=0.01, scale=5)
    np.save(tmp_path / "a.npy", field.astype("f4"))
    found = read_image(tmp_path / "a.npy", pixel_scale=5.0, beam=15.0)
    np.testing.assert_array_equal(found.pixels, cutout_from_field(field, 5.0, 15.0).pixels)
    with pytest.raises(InputError, match="150 x 150"):
        read_image(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros((1300, 1300), np.float32))
    with pytest.raises(InputError, match="cut it out, at most 36 arcmin"):
        read_image(tmp_path / "b.npy", pixel_scale=1.8, beam=5.4)


def test_eight_bits_in_a_sixteen_bit_picture(finished, tmp_path):
    Image.fromarray(finished.astype(np.uint16)).save(tmp_path / "a.png")
    assert_shown(read_image(tmp_path / "a.png"), finished)
    Image.fromarray(finished.astype(np.uint16) * 16).save(tmp_path / "twelve.png")
    assert_shown(read_image(tmp_path / "twelve.png"), finished, flags.STRETCHED)


def test_too_few_grey_levels_are_refused(finished):
    with pytest.raises(InputError, match="12 grey levels"):
        cutout_from_array(finished // 20)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_inverted_greys_are_recognised(finished, dtype):
    values = (255 - finished) if dtype is np.uint8 else 1 - finished / 255
    assert_shown(cutout_from_array(values), finished, flags.INVERTED, off=dtype is np.float64)


@pytest.mark.parametrize("is_inverted", [False, True])
def test_noise_of_a_picture_is_measured_and_blanked(sky, finished, is_inverted, tmp_path):
    grey = np.round((sky - sky.min()) / np.ptp(sky) * 255).astype(np.uint8)
    Image.fromarray(255 - grey if is_inverted else grey).save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png")
    more = {flags.INVERTED} if is_inverted else set()
    assert set(found.flags) == {flags.PICTURE, flags.BACKGROUND, *more}
    # Rounding to steps of 0.33 sigma moves pixels across the threshold of 3 sigma, 9 of 255.
    assert np.abs(found.pixels.astype(int) - finished.astype(int)).max() <= 16
    assert np.mean((found.pixels > 0) != (finished > 0)) < 0.01


def test_sky_that_is_half_black_is_refused(sky):
    with pytest.raises(InputError, match="partly black"):
        cutout_from_array(np.clip(sky, 0, None))


def test_transparent_picture_is_refused(finished, tmp_path):
    alpha = np.full_like(finished, 255)
    alpha[:20] = 0
    Image.fromarray(np.dstack([finished] * 3 + [alpha])).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="transparent"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["viridis", "inferno", "cubehelix", "hot", "gray_r", "RdBu_r"])
def test_colours_of_a_colormap_are_inverted(finished, name, tmp_path):
    from matplotlib import colormaps

    Image.fromarray(colormaps[name](finished, bytes=True)).save(tmp_path / "a.png")
    # Neighbours of some colormaps share an 8-bit colour.
    assert_shown(read_image(tmp_path / "a.png", colormap=name), finished, off=2)
    reversed_name = name.removesuffix("_r") if name.endswith("_r") else f"{name}_r"
    found = read_image(tmp_path / "a.png", colormap=reversed_name)
    assert_shown(found, finished, flags.INVERTED, off=2)


def test_jpeg_of_a_colormap(finished, tmp_path):
    from matplotlib import colormaps

    rgb = colormaps["viridis"](finished, bytes=True)[..., :3]
    Image.fromarray(rgb).save(tmp_path / "a.jpg", quality=95, subsampling=0)
    found = read_image(tmp_path / "a.jpg", colormap="viridis").pixels
    assert np.median(np.abs(found.astype(int) - finished)[finished > 20]) <= 6


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("inferno", "not those of colormap inferno"),
        ("virides", "no colormap 'virides': try viridis"),
        ("twilight", "one colour for several values"),
        ("tab10", "one colour for several values"),
    ],
)
def test_colormaps_that_do_not_fit_are_refused(finished, name, reason, tmp_path):
    from matplotlib import colormaps

    Image.fromarray(colormaps["viridis"](finished, bytes=True)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=reason):
        read_image(tmp_path / "a.png", colormap=name)


def test_colormap_without_matplotlib_says_what_to_install(finished, tmp_path, monkeypatch):
    Image.fromarray(finished).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"keras-astroattn\[plots\]"):
        read_image(tmp_path / "a.png", colormap="viridis")


def test_picture_of_another_size_is_a_map_with_its_pixel_scale(tmp_path):
    field = noise((300, 300), SIGMA, seed=2)
    field += gaussian((300, 300), 149.5, 149.5, 18, peak=50 * SIGMA, scale=1.8).astype("f4")
    grey = np.round((field - field.min()) / np.ptp(field) * 65535).astype(np.uint16)
    expected = cutout_from_field(field, 1.8, 5.4)
    for name, values in (("a.png", grey), ("b.png", 65535 - grey)):
        Image.fromarray(values).save(tmp_path / name)
        found = read_image(tmp_path / name, pixel_scale=1.8, beam=5.4)
        assert np.mean(np.abs(found.pixels.astype(int) - expected.pixels) > 3) < 0.01
        assert found.peak_snr == pytest.approx(expected.peak_snr, rel=0.02)
        assert flags.UNKNOWN_UNIT in found.flags
        assert (flags.INVERTED in found.flags) == (name == "b.png")


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("a.png", {"beam": 5.4}, "give pixel_scale too"),
        ("a.png", {"position": "180,30", "pixel_scale": 1.8}, "for FITS maps only"),
        ("a.npy", {"colormap": "viridis"}, "for pictures"),
        ("a.fits", {"pixel_scale": 1.8}, "for pictures and arrays"),
    ],
)
def test_options_of_other_files_are_refused(finished, name, options, reason, tmp_path):
    path = tmp_path / name
    if name.endswith("png"):
        Image.fromarray(finished).save(path)
    elif name.endswith("npy"):
        np.save(path, finished)
    else:
        write(path, finished)
    with pytest.raises(InputError, match=reason):
        read_image(path, **options)


def test_published_images_are_left_as_they_are(finished):
    for dtype in (np.uint8, np.int64):
        assert_shown(cutout_from_array(finished.astype(dtype)), finished)
    real = cutout_from_array(finished / 255)
    np.testing.assert_allclose(real.network_input[..., 0], finished / 127.5 - 1, atol=1e-6)
    assert real.flags == (flags.PICTURE,)
