import keras
import numpy as np
import pytest

from keras_astroattn.layers import Stretch, TemperatureScaling
from keras_astroattn.layers.base import Float32Layer

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("dtype", ["mixed_float16", "float16", "bfloat16", "float64"])
def test_another_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match=r"Stretch computes in float32.*leave dtype out; got"):
        Stretch(dtype=dtype)


@pytest.mark.parametrize("dtype", [None, "float32", keras.DTypePolicy("float32")])
def test_float32_and_none_are_float32(dtype):
    assert Float32Layer(dtype=dtype).compute_dtype == "float32"


def test_a_configuration_in_the_form_that_files_hold_is_accepted():
    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": None,
    }
    assert Stretch.from_config({"name": "a", "stretch": "sqrt", "dtype": policy}).name == "a"


def test_a_global_policy_of_half_precision_changes_nothing(half_precision):
    layer = TemperatureScaling(2.0)
    found = layer(np.array([[2.0, 0.0]], "float16"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert layer.temperature.dtype == "float32"
    expected = np.exp([1.0, 0.0]) / np.exp([1.0, 0.0]).sum()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found)[0], expected, rtol=1e-6)
