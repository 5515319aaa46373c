import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from keras_astroattn.datasets.restricted_pickle import load_pickle
from keras_astroattn.errors import InputError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

ARRAYS = [
    np.arange(12, dtype=np.uint8).reshape(3, 4),
    np.asfortranarray(np.arange(12, dtype=np.int32).reshape(3, 4)),
    np.array([1.5, np.nan], ">f8"),
    np.array([True, False]),
    np.array(["FRI", "FRII"]),
    np.zeros((0, 5), np.float32),
    np.array(7, np.int64),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back_as_they_were(array: np.ndarray, protocol: int) -> None:
    loaded = load_pickle(pickle.dumps(array, protocol), "a test")
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scalars_texts_and_containers_come_back(protocol: int) -> None:
    value = {
        "labels": [0, 1, -(2**70)],
        "names": (np.str_("a.png"), "é", b"\x00\xff"),
        "numbers": [np.float64(0.25), np.uint8(3), 1.5, None, True],
    }
    assert load_pickle(pickle.dumps(value, protocol), "a test") == value


def test_the_module_names_of_numpy_1_are_known() -> None:
    modern = pickle.dumps([np.arange(3), np.float64(2)], protocol=2)
    old = modern.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != modern
    array, number = load_pickle(old, "a test")
    np.testing.assert_array_equal(array, [0, 1, 2])
    assert number == 2


def test_bytes_of_python_2_are_read_as_latin_1() -> None:
    # {'data': 'é' in Latin-1}, as Python 2 wrote text: SHORT_BINSTRING.
    assert load_pickle(b"\x80\x02}U\x04dataU\x01\xe9s.", "a test") == {"data": "é"}


class Command:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_command_is_not_run_and_its_name_is_reported(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    content = pickle.dumps({"data": Command(os.mkdir, str(trace))}, protocol)
    with pytest.raises(InputError, match=r"data_batch_1 .*forbidden \w+\.mkdir"):
        load_pickle(content, "data_batch_1")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy._core.numeric", "_reconstruct"),
        ("functools", "partial"),
        ("keras_astroattn.files", "write_text"),
    ],
)
def test_only_numpys_constructors_are_known(module: str, name: str) -> None:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    content = b"\x80\x04" + text(module) + text(name) + b"\x93."
    with pytest.raises(InputError, match="forbidden " + f"{module}.{name}".replace(".", r"\.")):
        load_pickle(content, "a test")


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1, "x"]], object),
        np.zeros(2, [("a", "u1")]),
        np.zeros(2, "V4"),
        np.array(["2020-01-01"], "M8[D]"),
    ],
    ids=["objects", "records", "void", "dates"],
)
def test_arrays_of_other_types_are_refused(value: np.ndarray) -> None:
    with pytest.raises(InputError, match="a test is not a readable pickle: it holds"):
        load_pickle(pickle.dumps(value, protocol=3), "a test")


def test_a_shape_that_its_bytes_do_not_fill_takes_no_memory() -> None:
    content = pickle.dumps(np.zeros(200, np.uint8), protocol=2)
    # The shape (200,) is the byte 200 (BININT1) in a one-tuple.
    small = b"K\xc8\x85"
    assert content.count(small) == 1
    huge = content.replace(small, b"\x8a\x07" + struct.pack("<Q", 2**50)[:7] + b"\x85")
    with pytest.raises(InputError, match="shape does not fit"):
        load_pickle(huge, "a test")


def test_a_constructor_cannot_be_altered() -> None:
    # BUILD with slot state {"_function": 1} on numpy.dtype.
    content = b"\x80\x02cnumpy\ndtype\nN}X\x09\x00\x00\x00_functionK\x01s\x86b."
    with pytest.raises(InputError, match="tries to alter"):
        load_pickle(content, "a test")
    np.testing.assert_array_equal(load_pickle(pickle.dumps(np.arange(2)), "a test"), [0, 1])


def test_a_dtype_cannot_be_given_fields_afterwards() -> None:
    content = pickle.dumps(np.zeros(2, np.uint8), protocol=2)
    # After the byte order come subarray, names and fields: make the names a text.
    start = content.index(b"(K\x03X\x01\x00\x00\x00|")
    cut = content.index(b"NNN", start)
    altered = content[:cut] + b"NX\x01\x00\x00\x00aN" + content[cut + 3 :]
    with pytest.raises(InputError, match="structured"):
        load_pickle(altered, "a test")


@pytest.mark.parametrize("length", [0, 1, 20, 100])
def test_a_truncated_pickle_is_one_line(length: int) -> None:
    content = pickle.dumps({"data": np.arange(100)}, protocol=3)[:length]
    with pytest.raises(InputError, match="data_batch_1 is not a readable pickle") as caught:
        load_pickle(content, "data_batch_1")
    assert "\n" not in str(caught.value)


def test_a_container_within_itself_ends() -> None:
    value: list = [1]
    value.append(value)
    assert load_pickle(pickle.dumps(value), "a test") == [1, None]


def test_shared_containers_do_not_multiply() -> None:
    value: list = [0]
    for _ in range(60):
        value = [value, value]
    loaded = load_pickle(pickle.dumps(value), "a test")  # 2**60 leaves if each were visited
    assert loaded[0] is loaded[1]
