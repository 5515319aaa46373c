"""Former names of public objects and arguments, which keep working for one release."""

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def former_names(
    package: str,
    names: Mapping[str, str],
    otherwise: Callable[[str], Any] | None = None,
) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package that supports former names.

    Args:
        package: `__name__` of the package.
        names: present name by former name. A present name without a module belongs to the
            package.
        otherwise: the package's own `__getattr__`, for all other names.

    Returns:
        A function for the package's `__getattr__`. It warns with `DeprecationWarning` if a
        former name is used.

    Example:
        >>> __getattr__ = former_names(__name__, {"Turn": "Rotate"})
    """

    def find(name: str) -> Any:
        if name in names:
            module, _, present = names[name].rpartition(".")
            module = module or package
            warnings.warn(
                f"{package}.{name} is now {module}.{present}; the former name goes with the "
                "next release",
                DeprecationWarning,
                stacklevel=2,
            )
            return getattr(importlib.import_module(module), present)
        if otherwise is not None:
            return otherwise(name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def former_argument(former: str, present: str) -> Callable[[Callable], Callable]:
    """Return a decorator for a function that supports the former name of a keyword argument.

    Args:
        former: former name of the argument. It warns with `DeprecationWarning` if it is used.
        present: its present name.

    Example:
        >>> @former_argument("turns", "tta")
        ... def classify(tta=1):
        ...     return tta
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def accept(*args: Any, **kwargs: Any) -> Any:
            if former in kwargs:
                if present in kwargs:
                    raise TypeError(f"give {present}, not both {former} and {present}")
                warnings.warn(
                    f"the argument {former} of {function.__qualname__} is now {present}; the "
                    "former name goes with the next release",
                    DeprecationWarning,
                    stacklevel=2,
                )
                kwargs[present] = kwargs.pop(former)
            return function(*args, **kwargs)

        return accept

    return decorate
