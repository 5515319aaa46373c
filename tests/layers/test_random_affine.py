"""Expected images come from scipy, for transforms worked out from the definition.

The parameters are fixed by standing in for the uniform numbers: all at the upper end of
their ranges (+rotation, +shift, 1 + zoom, no flip) or all at the lower (-rotation, -shift,
1 - zoom, both flips). Where they stay random, the transform is read off by resampling
pictures of the coordinates, which bilinear interpolation reproduces exactly.
"""

import keras
import numpy as np
import pytest
from scipy import ndimage
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import RandomAffine

pytestmark = pytest.mark.backend

HEIGHT, WIDTH = 20, 26
IMAGE = ndimage.gaussian_filter(
    np.random.default_rng(3).uniform(-1, 1, (HEIGHT, WIDTH)), 1.0
).astype("float32")
STILL = {"rotation": 0.0, "shift": 0.0, "zoom": 0.0, "flip": False}


@pytest.fixture(params=["upper", "lower"])
def end(request, monkeypatch):
    """Which end of their ranges all random numbers lie at."""

    def uniform(shape, minval=0.0, maxval=1.0, **_):
        return keras.ops.full(shape, maxval if request.param == "upper" else minval, "float32")

    monkeypatch.setattr(keras.random, "uniform", uniform)
    return request.param


def transformed(images, **options):
    layer = RandomAffine(**{**STILL, **options})
    return keras.ops.convert_to_numpy(layer(np.asarray(images, "float32"), training=True))


def one(image, **options):
    return transformed(image[None, ..., None], **options)[0, ..., 0]


def by_scipy(image, angle=0.0, shift=0.0, zoom=1.0, flip=False, fill=-1.0):
    """out(p) = image(c + F R(angle) (p - c - t) / z), in scipy's order (row, column).

    `grid-constant` interpolates to the fill value across the edge, as Keras does.
    """
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    # R in (x, y) is [[cos, -sin], [sin, cos]]; exchanging the axes exchanges the signs.
    matrix = np.array([[cosine, sine], [-sine, cosine]]) / zoom * (-1 if flip else 1)
    centre = (np.array(image.shape) - 1) / 2
    offset = centre - matrix @ (centre + shift)
    return ndimage.affine_transform(
        image.astype("float64"), matrix, offset, order=1, mode="grid-constant", cval=fill
    )


@pytest.mark.parametrize(
    "options",
    [
        {"rotation": 30.0},
        {"rotation": 180.0},
        {"shift": 2.0},
        {"shift": 1.3},
        {"zoom": 0.1},
        {"zoom": 0.5},
        {"rotation": 30.0, "shift": 1.3, "zoom": 0.2},
    ],
    ids=str,
)
def test_agrees_with_scipy(options, end):
    sign = 1 if end == "upper" else -1
    expected = by_scipy(
        IMAGE,
        angle=sign * options.get("rotation", 0),
        shift=sign * options.get("shift", 0),
        zoom=1 + sign * options.get("zoom", 0),
    )
    np.testing.assert_allclose(one(IMAGE, **options), expected, atol=2e-5)


def test_composition_with_flips_agrees_with_scipy(end):
    sign = 1 if end == "upper" else -1
    options = {"rotation": 30.0, "shift": 1.3, "zoom": 0.2, "flip": True}
    expected = by_scipy(IMAGE, sign * 30, sign * 1.3, 1 + sign * 0.2, flip=end == "lower")
    np.testing.assert_allclose(one(IMAGE, **options), expected, atol=2e-5)


def test_flips_alone_mirror_exactly(end):
    expected = IMAGE if end == "upper" else IMAGE[::-1, ::-1]
    np.testing.assert_allclose(one(IMAGE, flip=True), expected, atol=1e-5)


def test_a_quarter_turn_is_anticlockwise(end):
    square = IMAGE[:, :HEIGHT]
    expected = np.rot90(square, 1 if end == "upper" else -1)
    # Rounding may take the border a little outside, where it fades to the fill value.
    np.testing.assert_allclose(one(square, rotation=90.0), expected, atol=1e-4)


def test_a_whole_shift_moves_the_image_and_fills_black(end):
    expected = np.full_like(IMAGE, -1)
    if end == "upper":
        expected[2:, 2:] = IMAGE[:-2, :-2]
    else:
        expected[:-2, :-2] = IMAGE[2:, 2:]
    np.testing.assert_allclose(one(IMAGE, shift=2.0), expected, atol=1e-5)


def test_a_zoom_above_one_enlarges(end):
    disk = (np.hypot(*(np.indices((41, 41)) - 20)) < 10).astype("float32")
    area = (one(disk, zoom=0.2, fill_value=0.0)).sum() / disk.sum()
    assert area == pytest.approx(1.44 if end == "upper" else 0.64, rel=0.03)


@pytest.mark.parametrize("fill", [-1.0, 0.0, 7.0])
def test_corners_have_the_fill_value(fill, end):
    bright = np.ones((31, 31), "float32")
    result = one(bright, rotation=45.0, fill_value=fill)
    np.testing.assert_array_equal(result[[0, 0, -1, -1], [0, -1, 0, -1]], fill)
    assert result[15, 15] == pytest.approx(1)


def test_the_default_fill_value_is_black():
    layer = RandomAffine(seed=0)
    assert layer.fill_value == -1.0


def test_one_resampling_keeps_more_contrast_than_two(end):
    """A turn, shift and zoom at once equal one interpolation, not a chain of them."""
    options = {"rotation": 30.0, "shift": 1.3, "zoom": 0.2}
    chain = IMAGE
    for option, value in options.items():
        chain = one(chain, **{option: value})
    once = one(IMAGE, **options)
    inside = slice(6, -6), slice(8, -8)
    assert once[inside].std() > 1.02 * chain[inside].std()


def read_off(count, **options):
    """Matrices (count, 2, 2) and centre displacements (count, 2) of drawn transforms, in (x, y)."""
    y, x = np.indices((HEIGHT, WIDTH)).astype("float32")
    picture = np.stack([x, y, np.ones_like(x)], axis=-1)
    result = transformed(np.tile(picture, (count, 1, 1, 1)), **{**options, "fill_value": 0.0})
    centre = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    output = np.stack([x, y], axis=-1) - centre
    matrices, shifts = [], []
    for one_result in result:
        inside = one_result[..., 2] > 1 - 1e-6
        design = np.column_stack([output[inside], np.ones(inside.sum())])
        solution, residual, _, _ = np.linalg.lstsq(
            design, one_result[inside][:, :2] - centre, rcond=None
        )
        assert (residual < 1e-4).all()
        matrices.append(solution[:2].T)
        shifts.append(-np.linalg.solve(solution[:2].T, solution[2]))
    return np.array(matrices), np.array(shifts)


def assert_uniform(values, low, high):
    """Within the range, and with the quartiles of a uniform distribution (of some 400)."""
    assert values.min() >= low - 1e-3
    assert values.max() <= high + 1e-3
    expected = np.quantile([low, high], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(
        np.quantile(values, [0.25, 0.5, 0.75]), expected, atol=0.1 * (high - low)
    )


def test_drawn_parameters_fill_their_ranges():
    matrices, shifts = read_off(400, rotation=180.0, shift=2.0, zoom=0.1, flip=True, seed=4)
    determinant = np.linalg.det(matrices)
    assert_uniform(1 / np.sqrt(np.abs(determinant)), 0.9, 1.1)
    assert_uniform(shifts[:, 0], -2, 2)
    assert_uniform(shifts[:, 1], -2, 2)
    # One of the two flips reverses the handedness: half of all.
    assert 0.4 < (determinant < 0).mean() < 0.6
    unflipped = matrices[determinant > 0]
    angle = np.degrees(np.arctan2(unflipped[:, 1, 0], unflipped[:, 0, 0]))
    assert_uniform(angle, -180, 180)
    # rotation, zoom and flip and no shear: the columns are orthogonal and of one length
    gram = matrices.transpose(0, 2, 1) @ matrices
    np.testing.assert_allclose(gram[:, 0, 1], 0, atol=2e-3)
    np.testing.assert_allclose(gram[:, 0, 0], gram[:, 1, 1], atol=2e-3)
    # drawn one by one
    parameters = np.column_stack([1 / np.sqrt(np.abs(determinant)), shifts, determinant < 0])
    correlation = np.corrcoef(parameters.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.2


def test_flips_alone_come_in_four_equally_likely_kinds():
    matrices, _ = read_off(200, flip=True, seed=1)
    np.testing.assert_allclose(np.abs(matrices), np.tile(np.eye(2), (200, 1, 1)), atol=1e-4)
    kinds, counts = np.unique(
        np.sign(matrices[:, [0, 1], [0, 1]]).astype(int), axis=0, return_counts=True
    )
    assert len(kinds) == 4
    assert counts.min() > 25


def test_images_of_a_batch_are_transformed_differently():
    result = transformed(np.tile(IMAGE[None, ..., None], (3, 1, 1, 1)), rotation=180.0, seed=0)
    assert np.abs(result[0] - result[1]).max() > 0.1
    assert np.abs(result[1] - result[2]).max() > 0.1


def test_the_seed_determines_the_sequence():
    images = np.tile(IMAGE[None, ..., None], (2, 1, 1, 1))

    def sequence(seed):
        layer = RandomAffine(seed=seed)
        return [keras.ops.convert_to_numpy(layer(images, training=True)) for _ in range(2)]

    first, again, other = sequence(5), sequence(5), sequence(6)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 0.1
    assert np.abs(first[0] - other[0]).max() > 0.1


@pytest.mark.parametrize("arguments", [{}, {"training": False}])
def test_images_pass_unchanged_outside_training(arguments):
    images = IMAGE[None, ..., None]
    result = RandomAffine(seed=0)(images, **arguments)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), images)


def test_channels_are_transformed_alike():
    images = np.stack([IMAGE, 0.5 * IMAGE - 0.5], axis=-1)[None]
    result = transformed(images, rotation=180.0, shift=2.0, zoom=0.1, flip=True, seed=2)
    np.testing.assert_allclose(result[..., 1], 0.5 * result[..., 0] - 0.5, atol=1e-5)


def test_a_graph_of_unknown_batch_size_transforms_while_it_trains():
    """Inside a functional model, `training` arrives by Keras's own means."""
    inputs = keras.Input((HEIGHT, WIDTH, 1))
    model = keras.Model(inputs, RandomAffine(seed=0)(inputs))
    images = np.tile(IMAGE[None, ..., None], (3, 1, 1, 1))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(images)), images)
    trained = keras.ops.convert_to_numpy(model(images, training=True))
    assert trained.shape == images.shape
    assert np.abs(trained - images).max() > 0.1


def test_float32_under_another_policy(half_precision):
    result = RandomAffine(seed=0)(IMAGE[None, ..., None], training=True)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"


@pytest.mark.parametrize(
    "options", [{"rotation": -1}, {"shift": -0.5}, {"zoom": 1.0}, {"zoom": -0.1}]
)
def test_impossible_options_are_named(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} .*{name}={value}"):
        RandomAffine(**options)


def test_life_cycle(tmp_path):
    layer = RandomAffine(rotation=90, shift=1, zoom=0.2, flip=False, fill_value=0.5, seed=3)
    assert_layer_life_cycle(layer, [(8, 9, 1)], tmp_path)
