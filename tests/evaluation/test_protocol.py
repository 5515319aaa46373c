import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    augmented_views,
    draw_transforms,
    predict_clean,
    predict_pooled,
    transform_images,
)


def blobs(count, size=150, seed=0):
    """Smooth 8-bit images, for which interpolations agree."""
    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(size=(count, size, size)), (0, 6, 6))
    return np.uint8(255 * (noise - noise.min()) / np.ptp(noise))


class Recorder:
    """A model that keeps what it is given; its logits are 0 and the images' mean."""

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch)
        mean = batch.mean(axis=(1, 2, 3))
        return np.stack([np.zeros_like(mean), mean], axis=1)


def test_transforms_have_the_papers_ranges():
    a, b, c, d, e, f = draw_transforms(20_000, seed=1, repeat=0).T
    scale = 1 / np.hypot(a, b)
    assert scale.min() > 0.9
    assert scale.max() < 1.1
    np.testing.assert_allclose(scale.mean(), 1.0, atol=0.002)
    np.testing.assert_allclose([a, b], [e, -d], atol=1e-12)
    angle = np.degrees(np.arctan2(b, a))
    quarters = np.histogram(angle, [-180, -90, 0, 90, 180])[0] / 20_000
    np.testing.assert_allclose(quarters, 0.25, atol=0.015)
    # The centre (75, 75) of the source lands at 75 + shift: solve for what is read there.
    matrix = np.stack([np.stack([a, b], -1), np.stack([d, e], -1)], axis=1)
    landed = np.linalg.solve(matrix, np.stack([75 - c, 75 - f], -1)[..., np.newaxis])[..., 0]
    shift = landed - 75
    np.testing.assert_allclose(shift, np.rint(shift), atol=1e-9)
    # A uniform number in +-2, rounded: the ends get half a pixel, the others a whole one.
    values, counts = np.unique(np.rint(shift[:, 0]).astype(int), return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    np.testing.assert_allclose(counts / 20_000, [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8], atol=0.015)


def test_transforms_depend_on_seed_and_repeat_alone():
    first = draw_transforms(5, seed=3, repeat=7)
    np.testing.assert_array_equal(first, draw_transforms(5, seed=3, repeat=7))
    assert not np.allclose(first, draw_transforms(5, seed=3, repeat=8))
    assert not np.allclose(first, draw_transforms(5, seed=4, repeat=7))


def test_matrix_is_the_inverse_of_turn_scale_and_shift():
    a, b, c, d, e, f = draw_transforms(1, seed=0, repeat=0)[0]
    random = np.random.default_rng([0, 0])
    angle = np.deg2rad(random.uniform(-180, 180))
    x, y = np.rint(random.uniform(-2, 2, (2, 1)))[:, 0]
    scale = random.uniform(0.9, 1.1)

    def move(right, down):
        return np.array([[1, 0, right], [0, 1, down], [0, 0, 1.0]])

    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1 / scale]]
    )
    forward = move(x, y) @ move(75, 75) @ (turn * scale) @ move(-75, -75)
    np.testing.assert_allclose(
        [[a, b, c], [d, e, f], [0, 0, 1]], np.linalg.inv(forward), atol=1e-12
    )


def test_quarter_turn_is_exact():
    image = np.random.default_rng(0).integers(0, 256, (1, 150, 150), dtype=np.uint8)
    # Output (x, y) reads input (150 - y, x): a quarter turn clockwise.
    quarter = np.array([[0.0, 1.0, 0.0, -1.0, 0.0, 150.0]])
    np.testing.assert_array_equal(transform_images(image, quarter)[0], np.rot90(image[0], -1))


def test_resampling_is_bilinear_to_8_bits_and_black_outside():
    images = blobs(4)
    transforms = draw_transforms(4, seed=2, repeat=0)
    ours = transform_images(images, transforms)
    assert ours.dtype == np.uint8
    for image, (a, b, c, d, e, f), turned in zip(images, transforms, ours, strict=True):
        offset = [f + (d + e) / 2 - 0.5, c + (a + b) / 2 - 0.5]
        exact = ndimage.affine_transform(
            image.astype(float), [[e, d], [b, a]], offset, order=1, cval=-1000
        )
        inside = exact >= 0
        assert inside.mean() > 0.6
        assert np.abs(turned[inside] - exact[inside]).max() <= 1
        row, column = np.mgrid[:150, :150] + 0.5
        x, y = a * column + b * row + c, d * column + e * row + f
        outside = (x < 0) | (x > 150) | (y < 0) | (y > 150)
        assert outside.any()
        assert not turned[outside].any()


def test_augmented_views_are_pillows_transform():
    images = blobs(3)
    views = list(augmented_views(images, repeats=2, seed=5))
    for repeat, several in enumerate(views):
        for image, row, one in zip(
            images, draw_transforms(3, seed=5, repeat=repeat), several, strict=True
        ):
            expected = Image.fromarray(image).transform(
                (150, 150), Image.Transform.AFFINE, tuple(row), Image.Resampling.BILINEAR
            )
            np.testing.assert_array_equal(one, np.asarray(expected))


def test_clean_pass_gives_the_softmax_of_the_logits_in_network_units():
    images = np.stack([np.full((150, 150), v, np.uint8) for v in (0, 51, 255)])
    model = Recorder()
    probabilities = predict_clean(model, images, batch_size=2)
    assert [batch.shape for batch in model.batches] == [(2, 150, 150, 1), (1, 150, 150, 1)]
    assert all(batch.dtype == np.float32 for batch in model.batches)
    assert probabilities.dtype == np.float32
    # 0 -> -1, 51 -> -0.6, 255 -> 1, and softmax of (0, m) is the logistic function of m.
    expected = 1 / (1 + np.exp(-np.array([-1.0, -0.6, 1.0])))
    np.testing.assert_allclose(probabilities[:, 1], expected, rtol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_large_logits_saturate_and_stay_finite():
    probabilities = predict_clean(
        lambda batch: np.tile(np.float32([4000, -4000]), (len(batch), 1)), blobs(2)
    )
    np.testing.assert_array_equal(probabilities, [[1, 0], [1, 0]])


def test_pooled_batches_are_consecutive_images_of_one_repeat():
    images = blobs(35)
    model = Recorder()
    done = []
    probabilities = predict_pooled(model, images, repeats=2, seed=9, on_repeat=done.append)
    assert [len(batch) for batch in model.batches] == [16, 16, 3, 16, 16, 3]
    assert done == [1, 2]
    assert probabilities.shape == (2, 35, 2)
    for repeat in range(2):
        fed = np.concatenate(model.batches[3 * repeat : 3 * repeat + 3])[..., 0]
        turned = transform_images(images, draw_transforms(35, seed=9, repeat=repeat))
        np.testing.assert_allclose(fed, turned / 127.5 - 1, atol=1e-6)


def test_pooled_predictions_do_not_depend_on_how_many_repeats_follow():
    images = blobs(5)
    few = predict_pooled(Recorder(), images, repeats=1)
    many = predict_pooled(Recorder(), images, repeats=3)
    np.testing.assert_array_equal(few[0], many[0])
    assert not np.allclose(many[0], many[1])


def test_logits_are_found_among_named_outputs():
    images = blobs(2)
    plain = predict_clean(Recorder(), images)
    named = predict_clean(lambda batch: {"attention_1": 0, "logits": Recorder()(batch)}, images)
    np.testing.assert_array_equal(plain, named)


def test_keras_model_and_function_agree():
    keras = pytest.importorskip("keras")
    inputs = keras.Input((150, 150, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 5)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    images = blobs(5)
    kernel, bias, weights, shift = (np.asarray(w) for w in model.get_weights())
    windows = np.lib.stride_tricks.sliding_window_view(images / 127.5 - 1, (5, 5), axis=(1, 2))
    features = windows.mean(axis=(1, 2)).reshape(5, 25) @ kernel.reshape(25, 4) + bias
    logits = features @ weights + shift
    expected = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(predict_clean(model, images, 2)[:, 1], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((2, 150, 150), np.float32), {}, "images are float32"),
        (np.zeros((150, 150), np.uint8), {}, "shape \\(150, 150\\)"),
        (np.zeros((0, 150, 150), np.uint8), {}, "at least one"),
        (np.zeros((2, 150, 150), np.uint8), {"repeats": 0}, "repeats is 0"),
        (np.zeros((2, 150, 150), np.uint8), {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_bad_input_is_named(images, options, message):
    with pytest.raises(InputError, match=message):
        predict_pooled(Recorder(), images, **{"repeats": 1, **options})


def test_repeats_can_be_added_later():
    images = blobs(3)
    at_once = list(augmented_views(images, 4, seed=5))
    later = list(augmented_views(images, 2, seed=5, first=2))
    np.testing.assert_array_equal(later, at_once[2:])
