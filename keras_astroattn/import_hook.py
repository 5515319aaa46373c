"""Call a function when another package is imported, without importing it.

The package `wrapt` can do this too. It imports asyncio, which takes 6 MiB and 0.04 s.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def when_imported(name: str, call: Callable[[], object]) -> None:
    """Call a function once a module has been imported; at once if it has been.

    Args:
        name: name of the module.
        call: function; an error in it is an error of the import.
    """
    if sys.modules.get(name) is None:  # None: its import is forbidden
        sys.meta_path.insert(0, _Finder(name, call))
    else:
        call()


class _Finder:
    """Finder that leaves a module to the other finders, and learns when it has been imported."""

    def __init__(self, name: str, call: Callable[[], object]):
        self._name, self._call = name, call

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        after = sys.meta_path[sys.meta_path.index(self) + 1 :]
        found = (finder.find_spec(name, path, target) for finder in after)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader) -> None:
        """Make a loader call the function after it has executed the module."""
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.exec_module = execute
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                self._call()

        loader.exec_module = exec_module
