import keras
import numpy as np
import pytest
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import FastBatchNormalization

pytestmark = pytest.mark.backend

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(5, 5, 8, 4), (6, 7, 4), (9, 4)])
def test_it_is_that_of_keras(shape):
    f = RANDOM.normal(loc=3.0, scale=2.0, size=(3, *shape)).astype("float32")
    f += np.arange(shape[-2], dtype="float32")[:, np.newaxis]  # along the folded axis
    results = []
    for kind in (FastBatchNormalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.7, epsilon=1e-2)
        inputs = keras.Input(shape)
        scaled = keras.layers.Dense(shape[-1], use_bias=False, name="scale")(inputs)
        model = keras.Model(inputs, layer(scaled))
        layer.gamma.assign([1.0, 2.0, -1.0, 0.5])
        layer.beta.assign([0.0, 1.0, 0.0, -1.0])
        model.get_layer("scale").set_weights([np.diag([1.0, 0.5, 3.0, -1.0])])
        model.compile(keras.optimizers.SGD(1e-3), loss="mse", jit_compile=False)
        trained = keras.ops.convert_to_numpy(model(f, training=True))
        model.fit(f, f, batch_size=3, epochs=2, verbose=0)
        results.append((trained, keras.ops.convert_to_numpy(model(f)), *model.get_weights()))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    assert abs(results[0][0]).max() > 1


def test_frozen_it_keeps_its_statistics():
    f = RANDOM.normal(loc=3.0, size=(3, 5, 4)).astype("float32")
    layer = FastBatchNormalization(epsilon=0.0)
    layer.trainable = False
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(f, training=True)), f, rtol=1e-6)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.moving_mean), np.zeros(4))


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(5, 5, 8, 3), (6, 6, 3)])
def test_life_cycle(shape, dtype, tmp_path):
    assert_layer_life_cycle(FastBatchNormalization(dtype=dtype), [shape], tmp_path)


@pytest.mark.parametrize(
    "option", [{"axis": 1}, {"center": False}, {"scale": False}, {"synchronized": True}]
)
def test_other_options_are_refused(option):
    with pytest.raises(ValueError, match="synchronized"):
        FastBatchNormalization(**option)


@pytest.mark.parametrize("shape", [(None, 4), (None, 5, None, 4)])
def test_there_is_an_axis_to_fold(shape):
    with pytest.raises(ValueError, match="n known; got"):
        FastBatchNormalization().build(shape)
