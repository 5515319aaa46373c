import itertools

import keras
import numpy as np
import pytest
from scipy.signal import correlate2d
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import P4MConv2D, P4MGroupPool, P4MLifting, P4MMaxPool
from keras_astroattn.layers.p4m import D4

pytestmark = pytest.mark.backend

RANDOM = np.random.default_rng(3)
SYMMETRIES = [pytest.param(r, m, id=f"{r}-{m}") for m in (0, 1) for r in range(4)]


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def turned(image, r, m):
    """An image (..., height, width, channels) mirrored left-right m times, then turned r times."""
    image = np.flip(image, axis=-2) if m else image
    return np.rot90(image, r, axes=(-3, -2))


def place(r, m):
    """Where `turned(., r, m)` stands in D4: it moves the offset (0, 1) and (1, 0) so."""
    size = 3
    found = []
    for offset in ((0, 1), (1, 0)):
        dot = np.zeros((size, size, 1))
        dot[1 + offset[0], 1 + offset[1]] = 1
        found.append(np.argwhere(turned(dot, r, m)[..., 0])[0] - 1)
    matrix = np.stack([found[1], found[0]], axis=1)
    return next(number for number, element in enumerate(D4) if (element == matrix).all())


def moved(f, r, m):
    """(L_u f)(x, g) = f(u^-1 x, u^-1 g) of (batch, height, width, 8, channels)."""
    u = D4[place(r, m)]
    source = [next(k for k in range(8) if (u @ D4[k] == D4[g]).all()) for g in range(8)]
    spatial = np.stack([turned(f[..., g, :], r, m) for g in range(8)], axis=3)
    return spatial[..., source, :]


def test_d4_is_a_group_of_eight():
    products = {tuple((a @ b).ravel()) for a, b in itertools.product(D4, D4)}
    assert products == {tuple(element.ravel()) for element in D4}
    assert len(products) == 8
    np.testing.assert_array_equal(D4[0], np.eye(2))


def test_lifting_convolves_by_the_turned_kernel():
    image = RANDOM.normal(size=(1, 6, 6, 1)).astype("float32")
    layer = P4MLifting(1)
    result = to_numpy(layer(image))
    kernel = to_numpy(layer.kernel)[:, :, 0, :]
    for m in (0, 1):
        for r in range(4):
            expected = correlate2d(image[0, ..., 0], turned(kernel, r, m)[..., 0], mode="same")
            np.testing.assert_allclose(result[0, :, :, place(r, m), 0], expected, atol=1e-5)


@pytest.mark.parametrize(("r", "m"), SYMMETRIES)
def test_lifting_commutes_with_every_symmetry(r, m):
    image = RANDOM.normal(size=(2, 6, 6, 2)).astype("float32")
    layer = P4MLifting(3)
    result = to_numpy(layer(image))
    other = to_numpy(layer(turned(image, r, m).copy()))
    np.testing.assert_allclose(other, moved(result, r, m), atol=1e-5)
    # Not only because all were the same.
    assert np.ptp(result, axis=3).max() > 0.1


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize(("r", "m"), SYMMETRIES)
@pytest.mark.parametrize("make", [lambda: P4MConv2D(3), P4MMaxPool], ids=["conv", "max_pool"])
def test_layers_on_the_group_commute_with_every_symmetry(make, r, m, size):
    f = RANDOM.normal(size=(2, size, size, 8, 2)).astype("float32")
    layer = make()
    result = to_numpy(layer(f))
    other = to_numpy(layer(moved(f, r, m).copy()))
    np.testing.assert_allclose(other, moved(result, r, m), atol=1e-5)
    assert np.ptp(result, axis=3).max() > 0.1


@pytest.mark.parametrize(("r", "m"), SYMMETRIES)
def test_the_maximum_over_the_group_turns_with_the_image(r, m):
    f = RANDOM.normal(size=(2, 5, 5, 8, 2)).astype("float32")
    result = to_numpy(P4MGroupPool()(f))
    np.testing.assert_array_equal(result, f.max(axis=3))
    other = to_numpy(P4MGroupPool()(moved(f, r, m).copy()))
    np.testing.assert_array_equal(other, turned(result, r, m))


def test_group_convolution_computed_manually():
    """One pixel: only the kernel's centre counts, y(g) = sum_h W(g^-1 h) f(h)."""
    f = RANDOM.normal(size=(1, 1, 1, 8, 1)).astype("float32")
    layer = P4MConv2D(1)
    result = to_numpy(layer(f))[0, 0, 0, :, 0]
    w = to_numpy(layer.kernel)[1, 1, :, 0, 0]
    for g in range(8):
        total = 0.0
        for h in range(8):
            quotient = np.linalg.inv(D4[g]) @ D4[h]
            total += w[np.argmax([np.allclose(quotient, e) for e in D4])] * f[0, 0, 0, h, 0]
        assert result[g] == pytest.approx(total, abs=1e-5)


def test_pooling_windows_are_symmetric():
    # 7 pixels: windows 0-2, 2-4 and 4-6, which reach both borders
    f = np.zeros((1, 7, 7, 8, 1), "float32")
    f[0, 3, :, 0, 0] = np.arange(1, 8)
    pooled = to_numpy(P4MMaxPool()(f))
    assert pooled.shape == (1, 3, 3, 8, 1)
    np.testing.assert_array_equal(pooled[0, 1, :, 0, 0], [3, 5, 7])


def test_shared_weights():
    layer = P4MConv2D(5)
    layer.build((None, 9, 9, 8, 4))
    assert sum(int(np.prod(w.shape)) for w in layer.weights) == 3 * 3 * 8 * 4 * 5
    assert to_numpy(layer.expanded_kernel()).shape == (3, 3, 32, 40)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (P4MLifting(2), (5, 5, 3)),
        (P4MConv2D(2, kernel_size=1), (5, 5, 8, 3)),
        (P4MMaxPool(), (5, 5, 8, 3)),
        (P4MGroupPool(), (5, 5, 8, 3)),
        (P4MConv2D(2, dtype="mixed_float16"), (4, 4, 8, 3)),
    ],
    ids=["lifting", "conv", "max_pool", "group_pool", "mixed"],
)
def test_life_cycle(layer, shape, tmp_path):
    assert_layer_life_cycle(layer, [shape], tmp_path)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="kernel_size odd; got filters=4, kernel_size=2"):
        P4MConv2D(4, kernel_size=2)
    with pytest.raises(ValueError, match="square image can be rotated; got 5 x 6"):
        P4MMaxPool().build((None, 5, 6, 8, 1))
