"""Keep the start-up chatter of compiled libraries off a user's terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_native_logs() -> Iterator[None]:
    """Silence what compiled code writes to the standard error inside the block.

    TensorFlow reports processors and drivers it did not find, straight to the file
    descriptor and before any of its logging options hold. Use this around its import
    only: Python's own errors are raised as ever. Later messages below fatal are left
    out too, unless `TF_CPP_MIN_LOG_LEVEL` is set.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
