import keras
import numpy as np
import pytest
from support.life_cycle import assert_model_life_cycle

from keras_astroattn.models import ClassicCNN

pytestmark = pytest.mark.backend

SHAPE = (30, 30, 1)
IMAGES = np.random.default_rng(5).uniform(-1, 1, (4, *SHAPE)).astype("float32")
LABELS = np.array([0, 1, 1, 0])


def test_it_is_the_network_of_tang_et_al():
    model = ClassicCNN()
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 250_234
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert [c.filters for c in convolutions] == [6, 16, 24, 24, 16]
    assert [c.kernel_size[0] for c in convolutions] == [11, 5, 3, 3, 3]
    assert all(c.activation is keras.activations.relu for c in convolutions)
    pools = [x for x in model.layers if isinstance(x, keras.layers.MaxPooling2D)]
    assert [p.pool_size[0] for p in pools] == [2, 3, 5]
    assert [p.output.shape[1] for p in pools] == [75, 25, 5]
    dense = [x for x in model.layers if isinstance(x, keras.layers.Dense)]
    assert [d.units for d in dense] == [256, 256, 256, 2]
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_life_cycle(policy, tmp_path):
    model = ClassicCNN(dropout=0.2, num_classes=3, input_shape=SHAPE, dtype=policy)
    assert keras.backend.standardize_dtype(model(IMAGES).dtype) == "float32"
    assert_model_life_cycle(model, IMAGES, LABELS, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (29, 40, 1)}, "input_shape must be .*30 x 30 pixels"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"num_classes": 0}, "num_classes must be at least 1"),
    ],
)
def test_impossible_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        ClassicCNN(**options)
