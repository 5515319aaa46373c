import keras
import numpy as np
import pytest
from scipy import ndimage
from support.small_networks import IMAGES, SHAPE, to_numpy, with_statistics

from keras_astroattn.models import AGCNN, attention_model

pytestmark = pytest.mark.backend


def enlarged(a, size):
    """Bilinear with half-pixel centres, by scipy."""
    centres = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in zip(size, a.shape)]  # noqa: B905
    grid = np.meshgrid(*centres, indexing="ij")
    return ndimage.map_coordinates(a.astype("float64"), grid, order=1, mode="nearest")


@pytest.mark.parametrize("gates", [1, 2, 3])
def test_outputs_have_the_documented_names_and_no_channel_axis(gates):
    outputs = attention_model(AGCNN(gates=gates)).output
    sizes = (37, 75, 150)
    expected = {"logits": (None, 2), "attention_mean": (None, 150, 150)}
    for number in range(1, gates + 1):
        expected[f"attention_{number}"] = (None, sizes[number - 1], sizes[number - 1])
    assert {name: tensor.shape for name, tensor in outputs.items()} == expected
    assert {tensor.dtype for tensor in outputs.values()} == {"float32"}


def test_without_gates_the_logits_stand_alone():
    model = AGCNN(gates=0, input_shape=SHAPE)
    outputs = attention_model(model)(IMAGES)
    assert list(outputs) == ["logits"]
    np.testing.assert_array_equal(to_numpy(outputs["logits"]), to_numpy(model(IMAGES)))


def test_logits_are_the_models_own_and_weights_are_shared():
    model = with_statistics(AGCNN(aggregation="concat", input_shape=SHAPE))
    attention = attention_model(model)
    np.testing.assert_array_equal(to_numpy(attention(IMAGES)["logits"]), to_numpy(model(IMAGES)))
    model.get_layer("logits").dense.bias.assign([100, 200])
    np.testing.assert_array_equal(to_numpy(attention(IMAGES)["logits"]), to_numpy(model(IMAGES)))


def test_mean_is_that_of_the_maps_at_the_images_size():
    outputs = to_numpy(attention_model(with_statistics(AGCNN(input_shape=SHAPE)))(IMAGES))
    maps = [outputs[f"attention_{number}"] for number in (1, 2, 3)]
    assert [a.shape for a in maps] == [(4, 6, 6), (4, 12, 12), (4, 24, 24)]
    for row in range(len(IMAGES)):
        expected = np.mean([enlarged(a[row], SHAPE[:2]) for a in maps], axis=0)
        np.testing.assert_allclose(outputs["attention_mean"][row], expected, atol=2e-6)


def test_range_norm_maps_reach_from_zero_to_one():
    outputs = to_numpy(attention_model(with_statistics(AGCNN(input_shape=SHAPE)))(IMAGES))
    for number in (1, 2, 3):
        a = outputs[f"attention_{number}"]
        np.testing.assert_allclose(a.min(axis=(1, 2)), 0, atol=1e-6)
        np.testing.assert_allclose(a.max(axis=(1, 2)), 1, atol=1e-6)


def test_saved_and_loaded_it_gives_the_same(tmp_path):
    attention = attention_model(with_statistics(AGCNN(input_shape=SHAPE)))
    attention.save(tmp_path / "attention.keras")
    loaded = keras.models.load_model(tmp_path / "attention.keras")
    expected, outputs = to_numpy(attention(IMAGES)), to_numpy(loaded(IMAGES))
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-6, err_msg=name)


def test_of_a_loaded_model_gates_keep_their_order(tmp_path):
    model = AGCNN(input_shape=SHAPE)
    model.save(tmp_path / "model.keras")
    outputs = attention_model(keras.models.load_model(tmp_path / "model.keras")).output
    assert [outputs[f"attention_{number}"].shape[1] for number in (1, 2, 3)] == [6, 12, 24]
