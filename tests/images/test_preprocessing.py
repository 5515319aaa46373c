"""MiraBest's recipe against MiraBest itself and against astropy."""

import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import sigma_clipped_stats

from keras_astroattn.datasets.restricted_pickle import load_pickle
from keras_astroattn.images import (
    cutout_from_field,
    flags,
    measure_noise,
    preprocess,
    read_fits,
    to_network_units,
)


@pytest.fixture(scope="module")
def mirabest(data_dir):
    """The published 8-bit images by name of the source."""
    images = {}
    with tarfile.open(data_dir / "mirabest" / "MiraBest_full_batches.tar.gz") as archive:
        for member in archive:
            name = Path(member.name).name
            if member.isfile() and name.startswith(("data_batch", "test_batch")):
                batch = load_pickle(archive.extractfile(member).read(), name)
                batch = {k.decode() if isinstance(k, bytes) else k: v for k, v in batch.items()}
                for pixels, file in zip(batch["data"], batch["filenames"], strict=True):
                    file = file.decode() if isinstance(file, bytes) else file
                    images[Path(file).stem] = np.asarray(pixels, np.uint8).reshape(150, 150)
    assert len(images) == 1256
    return images


@pytest.fixture(scope="module")
def fields(data_dir):
    found = sorted((data_dir / "fits").glob("*.fits"))
    assert len(found) == 46
    return found


def test_every_first_field_gives_the_published_image_bit_for_bit(fields, mirabest):
    for path in fields:
        cutout = read_fits(path, centre="position")
        np.testing.assert_array_equal(cutout.pixels, mirabest[path.stem], err_msg=path.stem)
        known = {flags.OFF_CENTRE, flags.ASSUMED_BEAM, flags.CONFUSED, flags.ONE_SIDED}
        assert set(cutout.flags) <= known, path.stem
        # The history card of every FIRST map: "The synthesized beam has a FWHM of 5.4"".
        assert (cutout.beam.major, cutout.beam.minor) == (5.4, 5.4)
        assert cutout.pixel_scale == pytest.approx(1.8)


def test_a_position_at_the_reference_pixel_gives_the_same_image(fields, mirabest):
    for path in fields[::6]:
        header = fits.getheader(path)
        cutout = read_fits(path, f"{header['CRVAL1']},{header['CRVAL2']}", centre="position")
        np.testing.assert_array_equal(cutout.pixels, mirabest[path.stem])


def test_noise_of_every_first_field_is_astropys_to_the_last_bit(fields):
    for path in fields:
        field = fits.getdata(path).astype(np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = float(sigma_clipped_stats(field, sigma=3, maxiters=5)[2])
        assert measure_noise(field) == expected
        assert read_fits(path, centre="position").noise == expected


def test_measured_sizes_follow_the_catalogue(fields):
    # Miraghaei & Best's angular sizes, at the end of the file names; sources below 20" are
    # hardly resolved and those above 100" fall apart into islands.
    ratios = []
    for path in fields:
        catalogue = float(path.stem.split("_")[-1])
        if 20 < catalogue < 100 and not path.stem.startswith("3"):
            ratios.append(read_fits(path).largest_angular_size / catalogue)
    assert len(ratios) > 20
    assert 0.9 < np.median(ratios) < 1.3
    assert np.mean(np.abs(np.log2(ratios)) < 0.6) > 0.85


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "kind",
    ["noise", "skewed", "tied", "with NaN", "with outliers", "uniform", "two values", "one value",
     "far from zero", "crowded", "steep"],
)  # fmt: skip
def test_noise_is_astropys_on_any_distribution(dtype, kind):
    random = np.random.default_rng(4)
    for size in (1, 2, 3, 10, 101, 5000, 90_000):
        values = random.normal(size=size).astype(dtype)
        if kind == "skewed":
            values = np.abs(values) ** 3
        elif kind == "tied":
            values = np.round(values)
        elif kind == "with NaN" and size > 3:
            values[:: size // 3] = np.nan
        elif kind == "with outliers" and size > 3:
            values[: size // 3] *= 40
        elif kind == "uniform":  # nothing is as far out as Gaussian noise would be
            values = random.uniform(size=size).astype(dtype)
        elif kind == "two values":
            values = (values > 0.3).astype(dtype)
        elif kind == "one value":
            values = np.full_like(values, 0.1)
        elif kind == "far from zero":
            values += dtype(3e4)
        elif kind == "crowded":
            values[::7] += np.abs(random.standard_cauchy(len(values[::7]))).astype(dtype)
        elif kind == "steep":
            values = random.standard_cauchy(size).astype(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = float(sigma_clipped_stats(values, sigma=3, maxiters=5)[2])
        assert measure_noise(values) == expected


def test_noise_of_nothing_is_unknown():
    assert np.isnan(measure_noise(np.full((4, 4), np.nan, np.float32)))


def test_small_field_is_used_whole_as_for_frdeep(fields):
    field = fits.getdata(fields[8]).astype(np.float32)[75:225, 75:225]
    sigma = sigma_clipped_stats(field, sigma=3, maxiters=5)[2]
    blanked = np.where(field <= 3 * sigma, np.float32(0), field)
    expected = (blanked / blanked.max() * np.float32(255)).astype(np.uint8)
    cutout = cutout_from_field(field, 1.8, 5.4)
    np.testing.assert_array_equal(cutout.pixels, expected)
    np.testing.assert_array_equal(preprocess(field), expected)
    assert flags.EDGE not in cutout.flags


@pytest.mark.parametrize("extent", [150, 151, 152, 233, 299, 300, 301, 302])
def test_middle_is_cropped_as_numpy_would(extent):
    field = np.random.default_rng(0).normal(size=(extent, extent)).astype(np.float32)
    start = (extent - 150) // 2
    start_of_300 = max((extent - 300) // 2, 0)
    field_300 = field[start_of_300 : start_of_300 + 300, start_of_300 : start_of_300 + 300]
    cutout = cutout_from_field(field, 1.8, 5.4)
    np.testing.assert_array_equal(
        cutout.brightness, field[start : start + 150, start : start + 150]
    )
    assert cutout.noise == sigma_clipped_stats(field_300, sigma=3, maxiters=5)[2]


def test_network_units_of_black_grey_and_white():
    np.testing.assert_allclose(
        to_network_units(np.array([0, 51, 255], np.uint8)), [-1.0, -0.6, 1.0], atol=1e-7
    )


def test_network_input_is_the_pixels_in_network_units():
    field = np.random.default_rng(1).normal(size=(300, 300))
    field[140:160, 140:160] += 100
    cutout = cutout_from_field(field, 1.8, 5.4)
    assert cutout.network_input.shape == (150, 150, 1)
    assert cutout.network_input.dtype == np.float32
    np.testing.assert_allclose(cutout.network_input[..., 0], cutout.pixels / 127.5 - 1, atol=1e-6)
