"""Provenance of a table: the program, its inputs, and the time."""

import datetime
import hashlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from keras_astroattn.version import __version__

Provenance = Mapping[str, str]
"""Text by the names `creator`, `command`, `model`, `model_sha256` and `date`."""


def provenance_of(model: str, content: bytes) -> dict[str, str]:
    """Return the provenance of a table that this process writes now.

    Args:
        model: name of the model that classified the sources.
        content: bytes of its file.

    Returns:
        The provenance; `date` is in UTC.
    """
    return {
        "creator": f"keras-astroattn {__version__}",
        "command": command_line(),
        "model": model,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "date": utc_now(),
    }


def command_line() -> str:
    """Return the command line of this process, as a shell reads it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def utc_now() -> str:
    """Return the time in UTC, in ISO 8601, in seconds."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
