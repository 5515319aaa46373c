"""Unpickle NumPy arrays, NumPy scalars and plain containers, and nothing else.

A pickle is a program: `pickle.load` runs the code of its author. Here a pickle can reach only
stand-ins for the constructors that NumPy's own pickles use. The stand-ins hold the description of
an array (type, shape, bytes) and check it before NumPy uses it, because even `numpy.dtype` and
`numpy.ndarray` accept states that make NumPy read foreign memory.
"""

import io
import math
import pickle
import re
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from keras_astroattn.errors import InputError

_TYPE_CODE = re.compile(r"[?biufcSU]\d*")


class _Constructor:
    """A function that a pickle can call but not alter."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise pickle.UnpicklingError("it tries to alter a constructor")


class _Type:
    """Stand-in for a numpy.dtype while the pickle is read."""

    def __init__(self, code: str, *_align_and_copy: object) -> None:
        if not isinstance(code, str) or not _TYPE_CODE.fullmatch(code):
            raise pickle.UnpicklingError(f"it holds values of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _version, byte_order, *details = state
        if any(detail is not None for detail in details[:3]):
            raise pickle.UnpicklingError("it holds structured values")
        self.dtype = self.dtype.newbyteorder(byte_order)


class _Array:
    """Stand-in for a numpy.ndarray while the pickle is read; the arguments set `value`."""

    def __init__(self, *content: object) -> None:
        self.value = _array(*content) if content else None

    def __setstate__(self, state: tuple) -> None:
        _version, shape, kind, is_fortran, buffer = state
        self.value = _array(buffer, kind, shape, "F" if is_fortran else "C")


def _array(buffer: object, kind: object, shape: tuple, order: str = "C") -> np.ndarray:
    if isinstance(buffer, str):  # bytes that Python 2 pickled
        buffer = buffer.encode("latin1")
    if not isinstance(buffer, bytes | bytearray):
        raise pickle.UnpicklingError("an array's values are not bytes")
    if not isinstance(kind, _Type) or not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError("an array is described wrongly")
    if math.prod(shape) * kind.dtype.itemsize != len(buffer):
        raise pickle.UnpicklingError("an array's shape does not fit its bytes")
    return np.frombuffer(bytes(buffer), kind.dtype).reshape(shape, order=order)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


_NUMPY = {
    ("multiarray", "_reconstruct"): lambda _subtype, _shape, _code: _Array(),
    ("multiarray", "scalar"): lambda kind, buffer: _array(buffer, kind, (1,))[0],
    ("numeric", "_frombuffer"): _Array,
}
_ALLOWED = {
    # NumPy 1 writes numpy.core, NumPy 2 numpy._core.
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for (module, name), function in _NUMPY.items()
    },
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): None,  # occurs only as an argument of _reconstruct
    # Python 3 writes bytes for Python 2 as encode(text), and b"" as bytes(). The second takes no
    # argument here, because bytes(2**40) fills the memory.
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): lambda: b"",
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise InputError(f"it asks for the forbidden {module}.{name}")
        function = _ALLOWED[module, name]
        return None if function is None else _Constructor(function)


def _resolve(value: Any, seen: dict[int, Any]) -> Any:
    """Replace the stand-ins by arrays; a shared container is visited once."""
    if isinstance(value, _Array):
        if value.value is None:
            raise pickle.UnpicklingError("an array has no content")
        return value.value
    if isinstance(value, _Type):
        return value.dtype
    if not isinstance(value, dict | list | tuple):
        return value
    if id(value) not in seen:
        seen[id(value)] = None  # a container that contains itself gets None there
        if isinstance(value, dict):
            resolved = {_resolve(k, seen): _resolve(v, seen) for k, v in value.items()}
        else:
            resolved = type(value)(_resolve(item, seen) for item in value)
        seen[id(value)] = resolved
    return seen[id(value)]


def load_pickle(content: bytes, name: str) -> Any:
    """Unpickle NumPy arrays and plain Python containers.

    Args:
        content: the pickle, of any protocol, written by Python 2 or 3, NumPy 1 or 2.
        name: name of the pickle, for messages.

    Returns:
        Dictionaries, lists, tuples, texts, numbers and NumPy arrays (read-only views of the
        pickle's bytes, of boolean, integer, float, complex or text type).

    Raises:
        InputError: The pickle holds anything else, or is damaged.
    """
    try:
        value = _RestrictedUnpickler(io.BytesIO(content), encoding="latin1").load()
        return _resolve(value, {})
    except InputError as error:
        raise InputError(
            f"{name} is not safe to read: {error}; fetch the data again from its source"
        ) from None
    # Damaged or hostile bytes can make the unpickler raise nearly any exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is not a readable pickle: {reason}") from None
