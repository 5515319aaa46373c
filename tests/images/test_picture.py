import numpy as np
import pytest
from PIL import Image
from support.synthetic_maps import celestial_header, noise, write

from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_array, flags, read_image


@pytest.fixture
def pixels():
    image = np.zeros((150, 150), np.uint8)
    image[60:90, 70:80] = np.linspace(5, 255, 300).reshape(30, 10)
    return image


def saved(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, values)
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".npy", ".npz"])
def test_eight_bit_image_reaches_the_network_as_it_is(tmp_path, pixels, suffix):
    target = tmp_path / f"a{suffix.lower()}"
    saved(target, pixels)
    path = target.rename(tmp_path / f"b{suffix}") if suffix == ".PNG" else target
    cutout = read_image(path)
    np.testing.assert_array_equal(cutout.pixels, pixels)
    np.testing.assert_allclose(cutout.network_input[..., 0], pixels / 127.5 - 1, atol=1e-6)
    assert cutout.network_input.dtype == np.float32
    assert cutout.flags == (flags.PICTURE,)
    assert np.isnan(cutout.noise)
    assert np.isnan(cutout.peak_snr)
    assert cutout.source_fraction == pytest.approx(300 / 22500)


def test_jpeg_is_close_to_the_image_it_was_made_of(tmp_path):
    rows, columns = np.indices((150, 150)) - 74.5
    image = (255 * np.exp(-(rows**2 + columns**2) / 200)).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(image).convert("RGB").save(tmp_path / "b.jpeg", quality=95)
    for name in ("a.jpg", "b.jpeg"):
        read = read_image(tmp_path / name).pixels.astype(int)
        assert np.abs(read - image.astype(int)).max() <= 8


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_pictures_stored_otherwise(tmp_path, pixels, mode):
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, pixels)


def test_sixteen_bit_picture(tmp_path, pixels):
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_image(tmp_path / "a.png").pixels, pixels, atol=1)


def test_colour_picture_without_its_colormap_is_refused(tmp_path):
    image = np.zeros((150, 150, 3), np.uint8)
    image[..., 0] = 200
    Image.fromarray(image).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="in colour"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_real_numbers_from_zero_to_one_and_in_network_units(pixels, dtype):
    unit = (pixels / 255).astype(dtype)
    expected = pixels / 127.5 - 1
    for values in (unit, unit * 2 - 1):
        network = cutout_from_array(values).network_input
        np.testing.assert_allclose(network[..., 0], expected, atol=3e-3)
        assert network.dtype == np.float32


@pytest.mark.parametrize(
    "shape", [(150, 150), (1, 150, 150), (150, 150, 1), (1, 150, 150, 1), (1, 1, 150, 150)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint32])
def test_shapes_and_integers(pixels, shape, dtype):
    cutout = cutout_from_array(pixels.astype(dtype).reshape(shape))
    np.testing.assert_array_equal(cutout.pixels, pixels)


@pytest.mark.parametrize("shape", [(149, 150), (300, 300), (2, 150, 150), (22500,), (), (0, 150)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match="150 x 150"):
        cutout_from_array(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((150, 150), np.nan), "blank pixels"),
        (np.linspace(-0.001, 0.05, 22500).reshape(150, 150), "pixel scale and beam"),
        (np.full((150, 150), np.inf), "blank pixels"),
        (np.full((150, 150), 1.5), "0 to 1"),
        (np.full((150, 150), -2.0), "0 to 1"),
        (np.full((150, 150), 256), "0 to 255"),
        (np.full((150, 150), -1), "0 to 255"),
        (np.full((150, 150), 1j), "real numbers"),
        (np.full((150, 150), "a"), "real numbers"),
        (np.full((150, 150), True), "real numbers"),
    ],
)
def test_other_numbers_are_refused(values, reason):
    with pytest.raises(InputError, match=reason):
        cutout_from_array(values)


def test_black_image_is_no_source():
    cutout = cutout_from_array(np.zeros((150, 150), np.uint8))
    assert cutout.flags == (flags.NO_SOURCE, flags.PICTURE)
    assert np.isnan(cutout.largest_angular_size)


def test_sky_that_is_not_black_is_flagged():
    values = np.random.default_rng(0).integers(5, 40, (150, 150))
    assert flags.BACKGROUND in cutout_from_array(values).flags


def test_point_source_in_a_picture_has_hardly_any_size():
    rows, columns = np.indices((150, 150)) - 74.5
    snr = 400 * np.exp(-4 * np.log(2) * (rows**2 + columns**2) / 9)
    values = np.where(snr > 3, snr / 400, 0)
    assert cutout_from_array(values).largest_angular_size < 3.6


def test_real_images_have_their_catalogued_sizes(data_dir):
    from keras_astroattn.images import read_fits

    for path in sorted((data_dir / "fits").glob("100*.fits"))[3:9]:
        cutout = read_fits(path)
        picture = cutout_from_array(cutout.pixels)
        assert picture.largest_angular_size == pytest.approx(
            cutout.largest_angular_size, rel=0.25, abs=6
        )


def test_fits_goes_through_read_fits_with_its_options(tmp_path):
    path = write(tmp_path / "a.fits", noise((300, 300)), celestial_header((300, 300), beam=None))
    assert read_image(path, beam=5.4).beam.major == 5.4


def test_archive_with_several_arrays(tmp_path, pixels):
    np.savez(tmp_path / "a.npz", image=pixels, other=np.zeros(3))
    np.testing.assert_array_equal(read_image(tmp_path / "a.npz").pixels, pixels)
    np.savez(tmp_path / "b.npz", one=pixels, other=np.zeros(3))
    with pytest.raises(InputError, match="2 arrays"):
        read_image(tmp_path / "b.npz")


def test_bad_files_are_one_line_each(tmp_path, pixels):
    good = saved(tmp_path / "good.png", pixels).read_bytes()
    jpeg = saved(tmp_path / "good.jpg", pixels).read_bytes()
    array = saved(tmp_path / "good.npy", pixels).read_bytes()
    archive = saved(tmp_path / "good.npz", pixels).read_bytes()
    Image.fromarray(np.zeros((4000, 4000), np.uint8)).save(tmp_path / "large.png")
    np.save(tmp_path / "large.npy", np.zeros((9000, 9000), np.uint8))
    np.savez_compressed(tmp_path / "large.npz", np.zeros((9000, 9000), np.uint8))
    np.save(tmp_path / "object.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "half.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "half.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "half.npy").write_bytes(array[: len(array) // 2])
    (tmp_path / "half.npz").write_bytes(archive[: len(archive) // 2])
    for suffix in ("png", "jpg", "npy", "npz", "fits"):
        (tmp_path / f"empty.{suffix}").write_bytes(b"")
        (tmp_path / f"text.{suffix}").write_text("no image\n" * 100)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder.png").mkdir()
    bad = [p for p in tmp_path.iterdir() if not p.name.startswith("good")]
    assert len(bad) == 20
    for path in [*bad, tmp_path / "absent.png", tmp_path / "absent.npy"]:
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_a_folder_is_not_an_image(tmp_path):
    with pytest.raises(InputError, match="is a folder, not a file"):
        read_image(tmp_path)
