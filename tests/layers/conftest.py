import keras
import pytest


@pytest.fixture
def half_precision():
    """A global dtype policy of half precision for the test."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)
