"""`python -m export.checksum`: bring .tflite files of an earlier version up to date."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_astroattn.command import new_app, run_app
from keras_astroattn.edge.metadata import CHECKSUM_KEY, read_metadata, split_model_file
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path

from .fixed_batch import fix_batch
from .metadata import with_metadata

app = new_app(
    name="python -m export.checksum",
    help="Add the checksum of the network to .tflite files, and fix their batch to 1.",
)

_TRIAL = """
import sys
import numpy as np
from keras_astroattn.edge import Classifier
found = Classifier(sys.argv[1]).predict(np.full((1, 150, 150, 1), -1, np.float32))
sys.exit(0 if np.isfinite(found["probabilities"]).all() else 1)
"""
_PATIENCE = 120.0  # seconds for a network to load and run once


@app.default
def add_checksum(files: list[Path], /) -> int:
    """Add the checksum of the network to .tflite files, and fix their batch to 1.

    Files that an older `python -m export.run` wrote have no checksum, or a dynamic batch, which
    browsers refuse. The checksum shows later damage only, so use it on intact files. Each network
    must run on a blank image first.

    Args:
        files: The .tflite files. Each is replaced.
    """
    for path in files:
        try:
            content = path.read_bytes()
            metadata, network = split_model_file(content, path)
            if CHECKSUM_KEY in metadata:
                read_metadata(content, path)
            with atomic_path(path) as temporary:
                temporary.write_bytes(with_metadata(bytes(network), metadata))
                _require_running(temporary, path)
                temporary.write_bytes(with_metadata(fix_batch(bytes(network)), metadata))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from None
        print(path)
    return 0


def _require_running(temporary: Path, path: Path) -> None:
    """Run the network in its own process, because a damaged one can end the process."""
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(temporary)], capture_output=True, timeout=_PATIENCE
        )
        failed = trial.returncode != 0
    except subprocess.TimeoutExpired:
        failed = True
    if failed:
        raise InputError(f"{path} is damaged: its network does not run; export it again")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
