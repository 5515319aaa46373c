import keras
import numpy as np
import pytest

from keras_astroattn.layers.middle import central, central_block, middle

pytestmark = pytest.mark.backend

MAP = np.arange(2 * 5 * 5 * 3, dtype="float32").reshape(2, 5, 5, 3)


def test_a_part_in_the_middle():
    assert central(9, 5) == slice(2, 7)
    np.testing.assert_array_equal(
        central_block(np.arange(12).reshape(2, 6), (2, 2)), [[2, 3], [8, 9]]
    )


@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_smaller_square_is_cut(size):
    first = (5 - size) // 2
    expected = MAP[:, first : first + size, first : first + size]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(middle(MAP, size)), expected)


def test_a_larger_square_has_zeros_around():
    expected = np.pad(MAP, [(0, 0), (2, 2), (2, 2), (0, 0)])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(middle(MAP, 9)), expected)
