import keras
import numpy as np
import pytest
from support.half_pixel import resize
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import AttentionMean

pytestmark = pytest.mark.backend

MAPS = [
    np.random.default_rng(size).uniform(size=(2, size, size)).astype("float32")
    for size in (7, 15, 30)
]


def test_mean_of_maps_resized_with_half_pixel_centres():
    mean = keras.ops.convert_to_numpy(AttentionMean((30, 30))(MAPS))
    expected = (resize(MAPS[0], (30, 30)) + resize(MAPS[1], (30, 30)) + MAPS[2]) / 3
    assert mean.shape == (2, 30, 30)
    np.testing.assert_allclose(mean, expected, atol=2e-6)


def test_resize_computed_manually():
    result = keras.ops.convert_to_numpy(AttentionMean((1, 4))([np.array([[[0, 1]]], "float32")]))
    np.testing.assert_allclose(result, [[[0, 0.25, 0.75, 1]]])


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="PyTorch is not the backend")
def test_resize_is_that_of_pytorch():
    import torch

    expected = torch.nn.functional.interpolate(
        torch.tensor(MAPS[0])[:, None], (30, 30), mode="bilinear", align_corners=False
    )
    mean = keras.ops.convert_to_numpy(AttentionMean((30, 30))(MAPS[:1]))
    np.testing.assert_allclose(mean, expected[:, 0].cpu().numpy(), atol=1e-6)


def test_maps_are_not_rescaled():
    maps = [np.full((1, 3, 3), 0.2, "float32"), np.full((1, 6, 6), 0.4, "float32")]
    mean = keras.ops.convert_to_numpy(AttentionMean((12, 12))(maps))
    np.testing.assert_allclose(mean, np.full((1, 12, 12), 0.3), rtol=1e-6)


def test_float32_under_another_policy(half_precision):
    layer = AttentionMean((12, 10))
    assert keras.backend.standardize_dtype(layer(MAPS[:1]).dtype) == "float32"


def test_life_cycle(tmp_path):
    layer = AttentionMean((12, 10))
    assert_layer_life_cycle(layer, [(3, 3), (6, 5)], tmp_path, as_list=True)
