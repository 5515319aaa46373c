"""What is said where the result cannot be written."""

import errno
import os
from pathlib import Path

from keras_astroattn.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unwritable(path: str | Path, error: OSError) -> InputError:
    """One line about a file or folder that cannot be written, and what to do.

    Args:
        path: What was to be written.
        error: Why it cannot.
    """
    # Arrow's errors have a text of their own beside the system's number.
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())[:200]
    todo = "make room" if error.errno in _FULL else "mend that"
    return InputError(f"{path} cannot be written: {reason}; {todo}, then add --resume")
