"""Whatever comes in, a cutout or one line comes out."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.synthetic_maps import celestial_header, noise

from keras_astroattn.errors import InputError
from keras_astroattn.images import (
    cutout_from_array,
    cutout_from_field,
    flags,
    parse_position,
    read_fits,
    read_image,
)

few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(cutout):
    """What holds for every cutout."""
    assert cutout.pixels.shape == cutout.brightness.shape == (150, 150)
    assert cutout.pixels.dtype == np.uint8
    assert cutout.network_input.shape == (150, 150, 1)
    assert cutout.network_input.dtype == np.float32
    assert np.isfinite(cutout.network_input).all()
    assert np.abs(cutout.network_input).max() <= 1
    assert 0 <= cutout.source_fraction <= 1
    assert set(cutout.flags) <= set(flags.DESCRIPTIONS)
    assert (flags.NO_SOURCE in cutout.flags) == np.isnan(cutout.largest_angular_size)


def or_one_line(function, *args, **options):
    message = "one line"
    try:
        check(function(*args, **options))
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


numbers = st.sampled_from(
    ["u1", "i2", ">i2", "i4", "i8", "f2", "f4", ">f4", "f8", "c8", "?", "U1", "M8[s]"]
)
shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=40)


@few
@given(st.data())
def test_any_array_as_a_field(data):
    dtype, shape = data.draw(numbers), data.draw(shapes)
    seed = data.draw(st.integers(0, 99))
    values = (np.random.default_rng(seed).normal(size=shape) * 50).astype(
        "f8" if dtype == "U1" else dtype if dtype != "M8[s]" else "i8"
    )
    values = values.astype(dtype)
    scale = data.draw(st.sampled_from([None, 1.8, 0.5, 7.0, (1.0, 2.0)]))
    beam = data.draw(st.sampled_from([None, 5.4, 2.0, 20.0, (9.0, 4.0, 30.0)]))
    or_one_line(cutout_from_field, values, scale, beam)


@few
@given(
    arrays.arrays(
        np.float32,
        st.sampled_from([(16, 16), (20, 170), (151, 160)]),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
        fill=st.sampled_from([0.0, 1.0, float("nan"), 1e38]),
    ),
    st.sampled_from([None, 1.8, 1.0]),
    st.sampled_from([None, 5.4, 3.0]),
)
def test_any_numbers_in_a_field(values, scale, beam):
    with np.errstate(all="ignore"):
        or_one_line(cutout_from_field, values, scale, beam)


@few
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.uint8, np.int32]),
        st.sampled_from([(150, 150), (150, 150, 1), (150, 149)]),
        fill=st.sampled_from([0, 1]),
    )
)
def test_any_numbers_as_an_image(values):
    or_one_line(cutout_from_array, values)


keywords = st.sampled_from(
    ["CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CDELT1", "CDELT2", "CUNIT1", "CROTA2",
     "BMAJ", "BMIN", "BPA", "BUNIT", "EQUINOX", "RADESYS", "CTYPE3", "CTYPE4", "CRVAL4", "CDELT4",
     "PC1_1", "CD1_1", "PV2_1", "LONPOLE", "SURVEY", "HISTORY", "BSCALE", "BZERO", "BLANK"]
)  # fmt: skip
values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([0.0, -1.0, 1e-30, 1e30, 90.0]),
    st.integers(-5, 5),
    st.booleans(),
    st.text("RADECTNSIJY/beam-+.*= ", max_size=12),
)


@few
@given(
    cards=st.dictionaries(keywords, values, max_size=4),
    dtype=st.sampled_from(["f4", "f8", "i2", "i4", "u1"]),
    axes=st.sampled_from([2, 3, 4]),
    position=st.sampled_from([None, (180.0, 30.0), (0.0, -90.0)]),
)
def test_any_header(tmp_path, cards, dtype, axes, position):
    header = celestial_header((64, 80), axes=axes)
    for key, value in cards.items():
        header[key] = value
    data = (noise((64, 80), 30.0) + 60).astype(dtype).reshape((1,) * (axes - 2) + (64, 80))
    path = tmp_path / "any.fits"
    try:
        fits.PrimaryHDU(data, header).writeto(path, overwrite=True, output_verify="ignore")
    except Exception:
        return  # astropy itself refuses to write such a header
    or_one_line(read_fits, path, position)


@few
@given(st.data())
def test_any_damage_to_a_file(tmp_path, data):
    suffix = data.draw(st.sampled_from([".fits", ".fz", ".png", ".npy", ".npz"]))
    path = tmp_path / f"damaged{suffix}"
    field = (noise((150, 150), 20.0) + 100).clip(0, 255)
    if suffix == ".fits":
        fits.PrimaryHDU(field, celestial_header((150, 150))).writeto(path, overwrite=True)
    elif suffix == ".fz":
        fits.CompImageHDU(field, celestial_header((150, 150))).writeto(path, overwrite=True)
    elif suffix == ".png":
        from PIL import Image

        Image.fromarray(field.astype(np.uint8)).save(path)
    else:
        (np.save if suffix == ".npy" else np.savez)(path, field.astype(np.uint8))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        # Most of a FITS file is pixels: damage to the header is what is of interest.
        raw[data.draw(st.integers(0, min(len(raw), 6000) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))] if suffix != ".fits" else raw)
    or_one_line(read_image, path)


@few
@given(st.binary(max_size=4000), st.sampled_from([".fits", ".png", ".npy", ".npz", ".jpg"]))
def test_any_bytes(tmp_path, content, suffix):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@few
@given(st.one_of(st.text(max_size=20), st.tuples(st.floats(), st.floats())))
def test_any_position(position):
    ra, dec, message = 0.0, 0.0, "one line"
    try:
        ra, dec = parse_position(position)
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    assert 0 <= ra < 360
    assert -90 <= dec <= 90
