"""Suppression of warnings from astropy that do not help a user."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_saved = warnings.catch_warnings()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Show no warning inside the block, from any number of threads at once.

    `warnings.catch_warnings` restores wrong filters if threads leave in another order than they
    entered. So only the first thread sets the filters, and only the last one restores them.
    """
    global _inside, _saved
    with _lock:
        if _inside == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _saved.__exit__(None, None, None)
