import keras
import numpy as np
import pytest
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import TemperatureScaling

pytestmark = pytest.mark.backend


def test_computed_manually():
    # at temperature 2 logits of 0 and 2 ln 3 are odds of 1 to 3
    logits = np.array([[0, 2 * np.log(3)]], "float32")
    found = keras.ops.convert_to_numpy(TemperatureScaling(2.0)(logits))
    np.testing.assert_allclose(found, [[0.25, 0.75]], rtol=1e-6)


def test_the_temperature_is_a_weight_that_is_not_trained():
    layer = TemperatureScaling(2.0)
    layer.build((None, 2))
    assert [weight.path.rpartition("/")[-1] for weight in layer.weights] == ["temperature"]
    assert layer.trainable_weights == []
    layer.temperature.assign(4.0)
    found = keras.ops.convert_to_numpy(layer(np.array([[0, 4 * np.log(3)]], "float32")))
    np.testing.assert_allclose(found, [[0.25, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be above 0"):
        TemperatureScaling(temperature)


def test_life_cycle(tmp_path):
    assert_layer_life_cycle(TemperatureScaling(1.5), [(2,)], tmp_path)
