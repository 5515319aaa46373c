import numpy as np
import scipy.special

from keras_astroattn.outputs import gate_maps, softmax


def test_softmax_is_scipys_and_keeps_the_dtype():
    logits = np.array([[-3.0, 700.0], [0.5, 0.25], [1e4, 1e4]])
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits, axis=-1), rtol=1e-15)
    assert softmax(logits.astype("float32")).dtype == np.float32


def test_maps_come_in_the_order_of_the_gates():
    outputs = {f"attention_{k}": np.full((1, 2, 2), k) for k in (10, 2, 1, *range(3, 10))}
    outputs |= {"attention_mean": np.zeros((1, 4, 4)), "logits": np.zeros((1, 2))}
    assert [a[0, 0, 0] for a in gate_maps(outputs)] == list(range(1, 11))
    assert gate_maps({"logits": np.zeros((1, 2))}) == []
