import numpy as np
import pytest
import scipy.special

from keras_astroattn.outputs import gate_maps, probability_text, softmax


def test_softmax_is_scipys_and_keeps_the_dtype():
    logits = np.array([[-3.0, 700.0], [0.5, 0.25], [1e4, 1e4]])
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits, axis=-1), rtol=1e-15)
    assert softmax(logits.astype("float32")).dtype == np.float32


def test_maps_come_in_the_order_of_the_gates():
    outputs = {f"attention_{k}": np.full((1, 2, 2), k) for k in (10, 2, 1, *range(3, 10))}
    outputs |= {"attention_mean": np.zeros((1, 4, 4)), "logits": np.zeros((1, 2))}
    assert [a[0, 0, 0] for a in gate_maps(outputs)] == list(range(1, 11))
    assert gate_maps({"logits": np.zeros((1, 2))}) == []


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.5, "0.50"),
        (0.994, "0.99"),
        (0.996, "0.996"),
        (0.99962, "0.9996"),
        (0.99996, "> 0.9999"),
        (1.0, "> 0.9999"),
        (0.006, "0.01"),
        (0.0038, "0.004"),
        (0.00038, "0.0004"),
        (0.0, "< 0.0001"),
    ],
)
def test_a_probability_is_never_written_as_0_or_1(probability, text):
    assert probability_text(probability) == text
