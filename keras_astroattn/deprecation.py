"""Former names of public objects, which keep working for one release."""

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
